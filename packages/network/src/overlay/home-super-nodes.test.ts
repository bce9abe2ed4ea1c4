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
  expect(peers.slice(0, 3)).toEqual(['s0', 's1', 's2'])
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
