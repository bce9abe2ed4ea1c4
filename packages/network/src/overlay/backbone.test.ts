import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backboneNeighbours, backboneOf, linksChangedMax } from './backbone.ts'
import { unreachableRisk } from './bounds.ts'
import { componentsOf, distancesFrom, edgesOf, type Graph } from './graph.ts'
import { BACKBONE_CYCLES, HOPS_MAX } from './limits.ts'
import { vertexConnectivity } from './vertex-connectivity.ts'

const SEED = new Uint8Array(32).fill(7)
const peersOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `super-${i}`)
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })

function linkNames(peers: readonly string[], connectivity: number, seed: Uint8Array): Set<string> {
  const backbone = backboneOf({ peers, seed, connectivity })
  return new Set(edgesOf(backbone.graph).map(([a, b]) => `${backbone.peers[a]} ${backbone.peers[b]}`))
}

test('any list and seed give a backbone as connected as asked, by maximum flow', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }), seeds, (count, connectivity, seed) => {
      const { graph } = backboneOf({ peers: peersOf(count), seed, connectivity })
      expect(vertexConnectivity(graph)).toBeGreaterThanOrEqual(Math.min(connectivity, count - 1))
    }),
  )
})

test.each([
  [50, 4],
  [100, 6],
  [200, 4],
  [500, 4],
  [500, 8],
])('%i super nodes of connectivity %i: exact by maximum flow, and short ways', (count, connectivity) => {
  const { graph } = backboneOf({ peers: peersOf(count), seed: SEED, connectivity })
  expect(vertexConnectivity(graph)).toBeGreaterThanOrEqual(connectivity)
  const degrees = graph.map((neighbours) => neighbours.length)
  expect(Math.max(...degrees)).toBeLessThanOrEqual(connectivity + 2 * BACKBONE_CYCLES)
  expect(diameter(graph)).toBeLessThanOrEqual(HOPS_MAX / 2)
})

test('every loss of fewer super nodes than the connectivity leaves the others whole: all of them tried', () => {
  const connectivity = 4
  const { graph } = backboneOf({ peers: peersOf(14), seed: SEED, connectivity })
  let tried = 0
  for (const gone of subsets(14, connectivity - 1)) {
    expect(componentsOf(graph, new Set(gone))).toHaveLength(1)
    tried++
  }
  expect(tried).toBe(1 + 14 + 91 + 364)
})

test('the same list in any order gives the same backbone, another seed another one', () => {
  const peers = peersOf(30)
  fc.assert(
    fc.property(fc.shuffledSubarray(peers, { minLength: 30 }), (shuffled) => {
      expect(linkNames(shuffled, 4, SEED)).toEqual(linkNames(peers, 4, SEED))
    }),
    { numRuns: 10 },
  )
  expect(linkNames(peers, 4, new Uint8Array(32))).not.toEqual(linkNames(peers, 4, SEED))
})

test('one super node more or less changes few links', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 80 }), fc.integer({ min: 1, max: 8 }), seeds, (count, connectivity, seed) => {
      const before = linkNames(peersOf(count), connectivity, seed)
      const after = linkNames(peersOf(count + 1), connectivity, seed)
      const changed = [...before, ...after].filter((link) => before.has(link) !== after.has(link))
      expect(changed.length).toBeLessThanOrEqual(linksChangedMax(connectivity))
    }),
  )
})

test('a third of 300 super nodes gone at once: split as rarely as the chance to lose all neighbours says', () => {
  const splits = (connectivity: number, runs: number): number => {
    let split = 0
    for (let run = 0; run < runs; run++) {
      const { graph } = backboneOf({ peers: peersOf(300), seed: new Uint8Array(32).fill(run), connectivity })
      const gone = new Set(Array.from({ length: 100 }, (_, i) => (i * 3 + run) % 300))
      if (componentsOf(graph, gone).length > 1) split++
    }
    return split / runs
  }
  const risk = (connectivity: number): number =>
    unreachableRisk({ nodes: 200, superNodes: connectivity + 2 * BACKBONE_CYCLES, failure: 1 / 3 })
  expect(risk(4)).toBeLessThan(0.031)
  expect(splits(4, 200)).toBeLessThan(risk(4) + 3 * Math.sqrt(risk(4) / 200))
  expect(risk(8)).toBeLessThan(0.0004)
  expect(splits(8, 100)).toBe(0)
})

test('neighbours by name, and none for a stranger', () => {
  const backbone = backboneOf({ peers: peersOf(4), seed: SEED, connectivity: 4 })
  expect(backboneNeighbours(backbone, 'super-2')).toEqual(['super-0', 'super-1', 'super-3'])
  expect(backboneNeighbours(backbone, 'nobody')).toEqual([])
})

test('options beyond their limits are refused', () => {
  const refused = expect.objectContaining({ code: 'ARM_ARGUMENT' })
  expect(() => backboneOf({ peers: ['a', 'a'], seed: SEED, connectivity: 2 })).toThrow(refused)
  expect(() => backboneOf({ peers: ['a'], seed: new Uint8Array(31), connectivity: 2 })).toThrow(refused)
  for (const connectivity of [0, 1.5, 65])
    expect(() => backboneOf({ peers: ['a'], seed: SEED, connectivity })).toThrow(refused)
})

function diameter(graph: Graph): number {
  return Math.max(...graph.map((_, start) => Math.max(...distancesFrom(graph, start))))
}

function* subsets(count: number, sizeMax: number, from = 0): Generator<number[]> {
  yield []
  if (sizeMax === 0) return
  for (let first = from; first < count; first++)
    for (const rest of subsets(count, sizeMax - 1, first + 1)) yield [first, ...rest]
}
