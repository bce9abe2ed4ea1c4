import fc from 'fast-check'
import { expect, test } from 'vitest'
import { componentsOf, distancesFrom, type Edge, edgesOf, type Graph, graphOf } from './graph.ts'
import { disjointPaths, vertexConnectivity } from './vertex-connectivity.ts'

const complete = (nodes: number): Graph => graphOf(nodes, pairs(nodes))
const cycle = (nodes: number): Graph =>
  graphOf(
    nodes,
    indexes(nodes).map((i): Edge => [i, (i + 1) % nodes]),
  )

function indexes(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function pairs(nodes: number): Edge[] {
  return indexes(nodes).flatMap((a) => indexes(a).map((b): Edge => [a, b]))
}

/** The definition itself: the smallest set of nodes without which the others fall apart. */
function bruteForce(graph: Graph): number {
  let least = Math.max(0, graph.length - 1)
  for (let mask = 0; mask < 2 ** graph.length; mask++) {
    const gone = new Set(indexes(graph.length).filter((node) => mask & (1 << node)))
    if (gone.size < least && componentsOf(graph, gone).length > 1) least = gone.size
  }
  return least
}

const graphs = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0.2, max: 1, noNaN: true }), fc.infiniteStream(fc.nat(999)))
  .map(([nodes, density, draws]) =>
    graphOf(
      nodes,
      pairs(nodes).filter(() => (draws.next().value as number) < 1000 * density),
    ),
  )

test('graphs whose connectivity is known', () => {
  expect(vertexConnectivity(complete(1))).toBe(0)
  expect(vertexConnectivity(complete(5))).toBe(4)
  expect(vertexConnectivity(cycle(8))).toBe(2)
  expect(
    vertexConnectivity(
      graphOf(4, [
        [0, 1],
        [1, 2],
        [2, 3],
      ]),
    ),
  ).toBe(1)
  expect(
    vertexConnectivity(
      graphOf(4, [
        [0, 1],
        [2, 3],
      ]),
    ),
  ).toBe(0)
  const petersen = indexes(5).flatMap((i): Edge[] => [
    [i, (i + 1) % 5],
    [i, i + 5],
    [i + 5, ((i + 2) % 5) + 5],
  ])
  expect(vertexConnectivity(graphOf(10, petersen))).toBe(3)
  const cube = indexes(16).flatMap((i) => indexes(4).map((bit): Edge => [i, i ^ (1 << bit)]))
  expect(vertexConnectivity(graphOf(16, cube))).toBe(4)
})

test('the maximum flow finds what removing every set of nodes finds', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const exact = bruteForce(graph)
      expect(vertexConnectivity(graph)).toBe(exact)
      for (const limit of [0, 1, 2, 4]) expect(vertexConnectivity(graph, limit)).toBe(Math.min(limit, exact))
    }),
    { numRuns: 300 },
  )
})

test('disjoint ways are counted up to the limit', () => {
  expect(disjointPaths(cycle(8), 0, 4, 9)).toBe(2)
  expect(disjointPaths(cycle(8), 0, 4, 1)).toBe(1)
})

test('components, distances and edges', () => {
  const graph = graphOf(6, [
    [0, 1],
    [1, 2],
    [3, 4],
    [1, 0],
    [5, 5],
  ])
  expect(componentsOf(graph)).toEqual([[0, 1, 2], [3, 4], [5]])
  expect(componentsOf(graph, new Set([1]))).toEqual([[0], [2], [3, 4], [5]])
  expect([...distancesFrom(graph, 0)]).toEqual([0, 1, 2, -1, -1, -1])
  expect([...distancesFrom(graph, 0, new Set([1]))]).toEqual([0, -1, -1, -1, -1, -1])
  expect(edgesOf(graph)).toEqual([
    [0, 1],
    [1, 2],
    [3, 4],
  ])
})
