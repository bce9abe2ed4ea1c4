import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TransactionPlace } from '../archive-records.ts'
import { type IndexDisk, memoryIndexDisk } from './disk.ts'
import { Merge, type RecordCursor } from './merge.ts'
import { keyOf } from './record.ts'
import { Run, RunWriter } from './run.ts'
import { IdTable } from './table.ts'

type Entry = { readonly id: Uint8Array; readonly shard: number; readonly height: number }

/** Ids that share words, or all that a record has of them. */
const id = fc
  .tuple(fc.constantFrom(0, 4, 8, 10, 32), fc.constantFrom(0, 255), fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map(([shared, byte, bytes]) => bytes.fill(byte, 0, shared))
const entry: fc.Arbitrary<Entry> = fc.record({ id, shard: fc.nat(0xffff_ffff), height: fc.nat(2 ** 48 - 1) })
const entries = fc.oneof(
  fc.array(entry, { maxLength: 20 }),
  fc.array(entry, { minLength: 200, maxLength: 200, size: 'max' }),
)

function tableOf(list: readonly Entry[]): IdTable {
  const table = new IdTable()
  for (const each of list) table.add(each, each.id)
  return table
}

async function write(disk: IndexDisk, runId: number, cursors: readonly RecordCursor[], max: number): Promise<Run> {
  const writer = new RunWriter(disk, runId, max)
  const merge = new Merge(cursors, writer)
  while (merge.step(7));
  await writer.finish()
  return Run.open(disk, runId)
}

const text = ({ shard, height, index }: TransactionPlace): string => `${shard}:${height}:${index}`

test('a table, its run, and runs merged of several: each finds the places of ten bytes of an id, and no others', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entries, { minLength: 1, maxLength: 3 }), fc.array(id), async (lists, others) => {
      const disk = memoryIndexDisk()
      const runs: Run[] = []
      for (const [i, list] of lists.entries()) {
        const table = tableOf(list)
        runs.push(await write(disk, i + 1, [table.sorted()], list.length))
        for (const each of list)
          expect(new Set(table.candidates(keyOf(each.id)).map(text))).toEqual(expected(list, each.id))
      }
      const all = lists.flat()
      const cursors = runs.map((run) => run.cursor())
      const merged = await write(disk, 9, cursors, all.length)
      for (const each of [...all.map((one) => one.id), ...others])
        expect(merged.candidates(keyOf(each)).map(text).sort()).toEqual([...expected(all, each)].sort())
      for (const [i, run] of runs.entries())
        for (const each of lists[i] ?? [])
          expect(new Set(run.candidates(keyOf(each.id)).map(text))).toEqual(expected(lists[i] ?? [], each.id))
      expect(merged.records).toBe(
        new Set(all.map((one) => `${Buffer.from(one.id.subarray(0, 10)).toString('hex')}${text({ ...one, index: 0 })}`))
          .size,
      )
    }),
    { numRuns: 20 },
  )
})

function expected(list: readonly Entry[], wanted: Uint8Array): Set<string> {
  const same = (each: Entry): boolean => Buffer.compare(each.id.subarray(0, 10), wanted.subarray(0, 10)) === 0
  return new Set(list.filter(same).map((each) => text({ ...each, index: 0 })))
}

test('a table finds the latest first, and is empty once cleared', () => {
  const table = new IdTable()
  const same = new Uint8Array(32).fill(3)
  table.add({ shard: 1, height: 5 }, same)
  table.add({ shard: 2, height: 2 ** 40 }, Buffer.concat([new Uint8Array(32), same]))
  expect(table.candidates(keyOf(same))).toEqual([
    { shard: 2, height: 2 ** 40, index: 1 },
    { shard: 1, height: 5, index: 0 },
  ])
  table.clear()
  expect(table.candidates(keyOf(same))).toEqual([])
  expect(table.records).toBe(0)
})
