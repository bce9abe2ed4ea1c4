import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  backboneCutRisk,
  binomialTail,
  chosenForRisk,
  isolationRisk,
  meshSplitRisk,
  reachabilityWarning,
  unreachableRisk,
} from './bounds.ts'
import { componentsOf, type Edge, graphOf } from './graph.ts'

test('chances that are known by hand', () => {
  expect(isolationRisk({ superNodes: 3, failure: 0.1 })).toBeCloseTo(0.001, 12)
  expect(unreachableRisk({ nodes: 1000, superNodes: 3, failure: 0.1 })).toBeCloseTo(1 - 0.999 ** 1000, 12)
  expect(unreachableRisk({ nodes: 1000, superNodes: 8, failure: 0.001 })).toBeCloseTo(1e-21, 30)
  expect(binomialTail(2, 1, 0.5)).toBeCloseTo(0.75, 12)
  expect(binomialTail(10, 11, 0.5)).toBe(0)
  expect(binomialTail(10, 0, 0)).toBe(1)
  expect(backboneCutRisk({ superNodes: 10, connectivity: 4, failure: 0.01 })).toBeCloseTo(2.00128e-6, 10)
})

test('an operator is warned with what would be enough', () => {
  expect(reachabilityWarning({ nodes: 1000, superNodes: 6, failure: 0.01 })).toBeUndefined()
  expect(reachabilityWarning({ nodes: 1000, superNodes: 2, failure: 0.1 })).toMatch(/keep 6 a node/)
  expect(reachabilityWarning({ nodes: 10, superNodes: 2, failure: 1 })).toMatch(/no number of them/)
})

test.each([
  { members: 12, chosen: 2, failed: 3 },
  { members: 20, chosen: 2, failed: 5 },
  { members: 30, chosen: 3, failed: 15 },
  { members: 30, chosen: 1, failed: 0 },
])('the bound on a split mesh is above what is seen, and near it: %o', (parts) => {
  const runs = 4000
  let split = 0
  let state = 12_345
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
  for (let run = 0; run < runs; run++) {
    const edges: Edge[] = []
    for (let node = 0; node < parts.members; node++) {
      const chosen = new Set<number>()
      while (chosen.size < parts.chosen) {
        const other = below(parts.members)
        if (other !== node) chosen.add(other)
      }
      for (const other of chosen) edges.push([node, other])
    }
    const gone = new Set(Array.from({ length: parts.failed }, (_, i) => i))
    if (componentsOf(graphOf(parts.members, edges), gone).length > 1) split++
  }
  const seen = split / runs
  const bound = meshSplitRisk(parts)
  const deviation = Math.sqrt((seen * (1 - seen)) / runs)
  expect(bound).toBeGreaterThan(seen - 3 * deviation)
  expect(bound).toBeLessThan(Math.max(0.01, 3 * seen + 3 * deviation))
})

test('more choices make a split less likely, and enough of them can be told', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 200 }), fc.integer({ min: 0, max: 50 }), (members, failedPercent) => {
      const failed = Math.floor((members * failedPercent) / 100)
      const chosen = chosenForRisk({ members, failed }, 1e-9)
      expect(meshSplitRisk({ members, failed, chosen })).toBeLessThanOrEqual(1e-9)
      if (chosen > 1) expect(meshSplitRisk({ members, failed, chosen: chosen - 1 })).toBeGreaterThan(1e-9)
    }),
    { numRuns: 50 },
  )
})
