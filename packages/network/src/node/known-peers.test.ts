import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BanList } from './ban-list.ts'
import { BlameLedger } from './blame-ledger.ts'
import { KnownPeers } from './known-peers.ts'
import {
  BANS_MAX,
  BLAME_HALF_LIFE_MS,
  BLAMED_PEERS_MAX,
  KNOWN_ADDRESSES_MAX,
  KNOWN_PEERS_MAX,
  REDIAL_FIRST_MS,
  REDIAL_LAST_MS,
} from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

const folder = mkdtempSync(join(tmpdir(), 'armchain-peers-'))
afterAll(() => rmSync(folder, { recursive: true }))

const nobody = (): boolean => false
const names = (peers: readonly { readonly peer: string }[]): string[] => peers.map(({ peer }) => peer)

test('who is wanted is always due, of others so many, the ones seen last first', () => {
  const known = new KnownPeers()
  known.learn('old', ['/a'], 'seen', 1)
  known.learn('new', ['/b'], 'seen', 2)
  known.learn('wanted', ['/c'], 'wanted', 0)
  known.learn('nowhere', [], 'wanted', 0)
  expect(names(known.due(0, 1, nobody))).toEqual(['wanted', 'new'])
  expect(names(known.due(0, 5, (peer) => peer === 'new'))).toEqual(['wanted', 'old'])
  expect(names(known.due(0, -3, nobody))).toEqual(['wanted'])
  known.release('wanted')
  expect(names(known.due(0, 0, nobody))).toEqual([])
})

test('pauses between dials grow to the last and begin again after a connection', () => {
  const known = new KnownPeers(() => 1)
  known.learn('a', ['/a'], 'wanted', 0)
  let nowMs = 0
  const pauses: number[] = []
  for (let i = 0; i < 10; i++) {
    known.failed('a', nowMs)
    const start = nowMs
    while (known.due(nowMs, 0, nobody).length === 0) nowMs += 100
    pauses.push(nowMs - start)
  }
  expect(pauses[0]).toBe(REDIAL_FIRST_MS)
  expect(pauses[1]).toBe(2 * REDIAL_FIRST_MS)
  expect(pauses.at(-1)).toBe(REDIAL_LAST_MS)
  known.connected('a')
  known.failed('a', nowMs)
  expect(names(known.due(nowMs + REDIAL_FIRST_MS, 0, nobody))).toEqual(['a'])
})

test('the table is bounded: what was seen the longest ago goes, who is wanted stays', () => {
  const known = new KnownPeers()
  known.learn('wanted', ['/w'], 'wanted', 0)
  for (let i = 0; i < 2 * KNOWN_PEERS_MAX; i++) known.learn(`peer ${i}`, ['/x'], 'seen', i)
  expect(known.size).toBe(KNOWN_PEERS_MAX)
  expect(known.addressesOf('wanted')).toEqual(['/w'])
  expect(known.addressesOf('peer 0')).toEqual([])
  for (let i = 0; i < 50; i++) known.learn('wanted', [`/w${i}`], 'seen', i)
  expect(known.addressesOf('wanted')).toHaveLength(KNOWN_ADDRESSES_MAX)
})

test('peers are there again after a restart; a file that is damaged is as none', () => {
  const before = new KnownPeers()
  before.learn('a', ['/a', '/b'], 'seen', 5)
  before.save(folder)
  const after = new KnownPeers()
  after.load(folder)
  expect(after.due(0, 1, nobody).map(({ peer, addresses, seenMs }) => ({ peer, addresses, seenMs }))).toEqual([
    { peer: 'a', addresses: ['/a', '/b'], seenMs: 5 },
  ])
  const file = join(folder, 'peers.json')
  const whole = readFileSync(file, 'utf8')
  for (const damaged of [whole.slice(0, -5), '{}', '[1, null, {"peer": 3}]', '']) {
    writeFileSync(file, damaged)
    const none = new KnownPeers()
    none.load(folder)
    expect(none.size).toBe(0)
  }
})

test('bans end, and of too many the ones that end first go', () => {
  const bans = new BanList()
  bans.ban('a', 100)
  bans.ban('a', 50)
  expect([bans.has('a', 99), bans.has('a', 100), bans.has('b', 0)]).toEqual([true, false, false])
  for (let i = 0; i <= BANS_MAX; i++) bans.ban(`peer ${i}`, 1_000 + i)
  expect([bans.has('peer 0', 0), bans.has('peer 1', 0), bans.has(`peer ${BANS_MAX}`, 0)]).toEqual([false, true, true])
})

test('so much a second, and twice as much at once', () => {
  const bucket = new TokenBucket(10, 0)
  expect(bucket.take(21, 0)).toBe(false)
  expect(bucket.take(20, 0)).toBe(true)
  expect(bucket.take(1, 99)).toBe(false)
  expect(bucket.take(1, 100)).toBe(true)
  expect(bucket.take(20, 100_000)).toBe(true)
  expect(bucket.take(1, 100_000)).toBe(false)
})

test('blame fades, counts by its square, and is kept of so many', () => {
  const ledger = new BlameLedger()
  ledger.blame('a', 2, 0)
  ledger.blame('a', 2, 0)
  expect(ledger.scoreOf('a', 0)).toBe(-160)
  expect(ledger.scoreOf('a', BLAME_HALF_LIFE_MS)).toBeCloseTo(-40)
  expect(ledger.scoreOf('a', 100 * BLAME_HALF_LIFE_MS)).toBe(0)
  expect(ledger.scoreOf('b', 0)).toBe(0)
  for (let i = 0; i <= BLAMED_PEERS_MAX; i++) ledger.blame(`peer ${i}`, 1, 0)
  expect(ledger.scoreOf('peer 0', 0)).toBe(0)
  expect(ledger.scoreOf('peer 1', 0)).toBe(-10)
})
