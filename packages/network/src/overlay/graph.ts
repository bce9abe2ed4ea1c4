/** An undirected graph: for each node the indexes of its neighbours, ascending, none twice and never itself. */
export type Graph = readonly (readonly number[])[]

export type Edge = readonly [number, number]

export function graphOf(nodes: number, edges: Iterable<Edge>): Graph {
  const neighbours = Array.from({ length: nodes }, () => new Set<number>())
  for (const [a, b] of edges) {
    if (a === b) continue
    neighbours[a]?.add(b)
    neighbours[b]?.add(a)
  }
  return neighbours.map((set) => [...set].sort((a, b) => a - b))
}

/** Each edge once, smaller index first. */
export function edgesOf(graph: Graph): Edge[] {
  return graph.flatMap((neighbours, a) => neighbours.filter((b) => a < b).map((b): Edge => [a, b]))
}

/** The node sets that hang together, without the nodes that are `gone`. */
export function componentsOf(graph: Graph, gone: ReadonlySet<number> = new Set()): number[][] {
  const seen = new Uint8Array(graph.length)
  const components: number[][] = []
  for (let start = 0; start < graph.length; start++) {
    if (seen[start] === 1 || gone.has(start)) continue
    const component = [start]
    seen[start] = 1
    for (const node of component)
      for (const next of graph[node] ?? [])
        if (seen[next] === 0 && !gone.has(next)) {
          seen[next] = 1
          component.push(next)
        }
    components.push(component)
  }
  return components
}

/** Links from `start` to each node on a shortest way; -1 for those that are out of reach, or gone. */
export function distancesFrom(graph: Graph, start: number, gone: ReadonlySet<number> = new Set()): Int32Array {
  const distances = new Int32Array(graph.length).fill(-1)
  if (gone.has(start)) return distances
  distances[start] = 0
  const queue = [start]
  for (const node of queue)
    for (const next of graph[node] ?? [])
      if (distances[next] === -1 && !gone.has(next)) {
        distances[next] = (distances[node] as number) + 1
        queue.push(next)
      }
  return distances
}
