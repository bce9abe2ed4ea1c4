import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseHome, type SuperNodeView } from './home-super-nodes.ts'

const SEED = new Uint8Array(32).fill(3)
const view = (peer: string, region: string | undefined, roundTripMs: number | undefined): SuperNodeView => ({
  peer,
  region,
  roundTripMs,
})
const spread = (count: number, regions: readonly string[]): SuperNodeView[] =>
  Array.from({ length: count }, (_, i) => view(`s${i}`, regions[i % regions.length], 10 + i))

test('the nearest for half of the places, and others drawn', () => {
  const { peers, missing } = chooseHome({ superNodes: spread(40, ['a', 'b']), self: 'me', seed: SEED, count: 6 })
  // 10 and 11 ms are of one class, 12 to 17 of the next.
  expect(peers.slice(0, 2).sort()).toEqual(['s0', 's1'])
  expect(['s2', 's3', 's4', 's5', 's6', 's7']).toContain(peers[2])
  expect(new Set(peers).size).toBe(6)
  expect(missing).toEqual([])
  const other = chooseHome({ superNodes: spread(40, ['a', 'b']), self: 'you', seed: SEED, count: 6 })
  expect(other.peers.slice(3)).not.toEqual(peers.slice(3))
})

test('three in two regions wherever that can be', () => {
  const region = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined })
  const views = fc
    .array(fc.tuple(region, fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined })), { maxLength: 30 })
    .map((list) => list.map(([at, ms], i) => view(`s${i}`, at, ms)))
  fc.assert(
    fc.property(views, fc.integer({ min: 0, max: 8 }), (superNodes, count) => {
      const { peers, missing } = chooseHome({ superNodes, self: 'me', seed: SEED, count })
      const reached = superNodes.filter(({ roundTripMs }) => roundTripMs !== undefined)
      expect(new Set(peers).size).toBe(peers.length)
      expect(peers).toHaveLength(Math.min(reached.length, Math.max(3, count)))
      const regions = (list: readonly SuperNodeView[]) => new Set(list.map(({ region }) => region)).size
      const chosen = reached.filter(({ peer }) => peers.includes(peer))
      expect(regions(chosen)).toBeGreaterThanOrEqual(Math.min(2, regions(reached)))
      expect(missing.some(({ code }) => code === 'too-few-regions')).toBe(regions(reached) < 2)
      expect(missing.some(({ code }) => code === 'too-few')).toBe(reached.length < Math.max(3, count))
    }),
  )
})

test('those that stand near on purpose do not get all places', () => {
  const near = Array.from({ length: 50 }, (_, i) => view(`evil${i}`, 'a', 1))
  const { peers } = chooseHome({ superNodes: [...near, ...spread(50, ['b', 'c'])], self: 'me', seed: SEED, count: 8 })
  expect(peers.filter((peer) => peer.startsWith('evil')).length).toBeLessThan(8)
})

test('nodes at one place spread over the super nodes that are near', () => {
  const superNodes = Array.from({ length: 30 }, (_, i) => view(`s${i}`, i < 20 ? 'a' : 'b', i < 20 ? 10 : 100))
  const kept = new Map<string, number>()
  for (let node = 0; node < 1000; node++)
    for (const peer of chooseHome({ superNodes, self: `n${node}`, seed: SEED, count: 3 }).peers)
      kept.set(peer, (kept.get(peer) ?? 0) + 1)
  expect(Math.max(...kept.values())).toBeLessThan(200)
  expect(Math.min(...kept.values())).toBeGreaterThan(10)
})
