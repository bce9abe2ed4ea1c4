import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EngineRecords, RECORD_CHECKPOINT, RECORD_ENGINE } from '../chain/engine-log.ts'
import { GUARD_VIEWS_AHEAD } from '../limits.ts'
import { VoteGuard } from './vote-guard.ts'

let dir: string
let path: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'guard-'))
  path = join(dir, 'guard.json')
})
afterEach(() => rm(dir, { recursive: true }))

test('what is reserved is never forgotten, and the file is written once in so many views', async () => {
  const guard = await VoteGuard.open(path)
  expect([guard.view(1), guard.forgotten]).toEqual([undefined, false])
  await guard.reserve(1, 5)
  const written = await readFile(path, 'utf8')
  await guard.reserve(1, 5 + GUARD_VIEWS_AHEAD)
  expect(await readFile(path, 'utf8')).toBe(written)
  await guard.reserve(1, 6 + GUARD_VIEWS_AHEAD)
  await guard.reserve(2, 0)
  const again = await VoteGuard.open(path)
  expect([again.view(1), again.view(2), again.view(3)]).toEqual([
    6 + 2 * GUARD_VIEWS_AHEAD,
    GUARD_VIEWS_AHEAD,
    undefined,
  ])
})

test('a file that is damaged says that votes may be forgotten', async () => {
  const guard = await VoteGuard.open(path)
  await guard.reserve(1, 5)
  const text = await readFile(path, 'utf8')
  for (const damaged of [text.slice(0, -9), text.replace('21', '12'), '', '{}']) {
    await writeFile(path, damaged)
    expect((await VoteGuard.open(path)).forgotten).toBe(true)
  }
})

test('an engine without a record observes if the guard knows of votes, or of nothing at all', async () => {
  const guard = await VoteGuard.open(path)
  const records = new EngineRecords()
  expect(records.logs([0, 1], guard).get(0)).toEqual({ records: [] })
  await guard.reserve(0, 3)
  expect(records.logs([0, 1], guard).get(0)).toEqual({ records: [], amnesia: { guardView: 3 + GUARD_VIEWS_AHEAD } })
  expect(records.logs([0, 1], guard).get(1)).toEqual({ records: [] })
  records.add(0, new Uint8Array([1]))
  expect(records.logs([0, 1], guard).get(0)).toEqual({ records: [new Uint8Array([1])] })
})

test('a log that is lost before any vote is known of leaves nothing to go by', async () => {
  const guard = await VoteGuard.open(path)
  await guard.logIsLost()
  const again = await VoteGuard.open(path)
  expect(new EngineRecords().logs([0], again).get(0)).toEqual({ records: [], amnesia: {} })
})

test("records of the log come back by vShard, from each one's last checkpoint on", () => {
  const written: [typeof RECORD_ENGINE | typeof RECORD_CHECKPOINT, Uint8Array][] = []
  const records = new EngineRecords()
  const add = (vShard: number, value: number): void => {
    const parts = records.add(vShard, new Uint8Array([value]))
    written.push([RECORD_ENGINE, new Uint8Array(Buffer.concat(parts))])
  }
  add(1, 1)
  add(2, 2)
  add(1, 3)
  written.push([RECORD_CHECKPOINT, records.replace(1, [new Uint8Array([4]), new Uint8Array([5])])])
  add(1, 6)
  const replayed = new EngineRecords()
  for (const [kind, payload] of written) replayed.replay(kind, payload)
  for (const each of [records, replayed]) {
    const logs = each.logs([1, 2], undefined)
    expect(logs.get(1)?.records.map(([value]) => value)).toEqual([4, 5, 6])
    expect(logs.get(2)?.records.map(([value]) => value)).toEqual([2])
  }
  const anew = new EngineRecords()
  for (const checkpoint of replayed.checkpoints()) anew.replay(RECORD_CHECKPOINT, checkpoint)
  expect(anew.logs([1, 2], undefined)).toEqual(records.logs([1, 2], undefined))
})
