import type { Graph } from './graph.ts'

/**
 * The fewest nodes whose loss cuts a graph in two, exactly: by Menger's theorem, the fewest node-disjoint ways between
 * two nodes that are not neighbours, which are counted as a maximum flow through nodes of capacity one.
 *
 * As a cut of that size leaves out one of the first `connectivity + 1` nodes, only their pairs are looked at (S. Even,
 * "An algorithm for determining whether the connectivity of a graph is at least k", 1975). A complete graph of n nodes,
 * which nothing cuts, has n - 1 by convention, and a graph of one node 0.
 *
 * @param limit Where to stop: the answer is exact below it, and the limit itself for anything from it on.
 */
export function vertexConnectivity(graph: Graph, limit: number = Number.POSITIVE_INFINITY): number {
  const nodes = graph.length
  let least = Math.min(limit, Math.max(0, nodes - 1))
  for (const neighbours of graph) least = Math.min(least, neighbours.length)
  const flow = new UnitFlow(graph)
  // A cut of fewer than `limit` leaves out one of the first `limit`.
  for (let source = 0; source <= least && source < Math.min(nodes, limit); source++) {
    const adjacent = new Set(graph[source])
    for (let sink = source + 1; sink < nodes; sink++)
      if (!adjacent.has(sink)) least = Math.min(least, flow.disjointPaths(source, sink, least))
  }
  return least
}

/** Node-disjoint ways between two nodes that are not neighbours, up to `limit`. */
export function disjointPaths(graph: Graph, source: number, sink: number, limit: number): number {
  return new UnitFlow(graph).disjointPaths(source, sink, limit)
}

/**
 * Augmenting paths over the graph in which each node is an arc of capacity one from its in-side to its out-side, and
 * each edge a pair of arcs between out-sides and in-sides. The flow through a node is kept as where it comes from.
 */
class UnitFlow {
  readonly #graph: Graph
  /** By node: the node before it on the way that leads through it; -1 for none. */
  readonly #from: Int32Array
  /** By side of a node (2 node for in, 2 node + 1 for out): the side before it in the search; -1 for unseen. */
  readonly #before: Int32Array
  readonly #queue: Int32Array

  constructor(graph: Graph) {
    this.#graph = graph
    this.#from = new Int32Array(graph.length)
    this.#before = new Int32Array(2 * graph.length)
    this.#queue = new Int32Array(2 * graph.length)
  }

  disjointPaths(source: number, sink: number, limit: number): number {
    this.#from.fill(-1)
    let paths = 0
    while (paths < limit && this.#search(source, sink)) {
      this.#augment(source, sink)
      paths++
    }
    return paths
  }

  /** Breadth first from the source's out-side to the sink's in-side, over arcs that have capacity left. */
  #search(source: number, sink: number): boolean {
    const before = this.#before.fill(-1)
    const queue = this.#queue
    const target = 2 * sink
    let [head, tail] = [0, 0]
    const visit = (side: number, by: number): void => {
      if (before[side] !== -1) return
      before[side] = by
      queue[tail++] = side
    }
    visit(2 * source + 1, 2 * source + 1)
    while (head < tail && before[target] === -1) {
      const side = queue[head++] as number
      const node = side >> 1
      if (side & 1) {
        // Out of a node: along each edge that carries nothing this way, or back through the node if it carries flow.
        for (const next of this.#graph[node] as readonly number[])
          if (next !== source && this.#from[next] !== node) visit(2 * next, side)
        if (node !== source && this.#from[node] !== -1) visit(2 * node, side)
      } else {
        // Into a node: through it if it is free, or back along the edge that its flow came by.
        const came = this.#from[node] as number
        if (came === -1) visit(2 * node + 1, side)
        else if (came !== source) visit(2 * came + 1, side)
      }
    }
    return before[target] !== -1
  }

  #augment(source: number, sink: number): void {
    const steps: [number, number][] = []
    for (let side = 2 * sink; side !== 2 * source + 1; side = this.#before[side] as number)
      steps.push([this.#before[side] as number, side])
    // First what is taken back, then what is added: a node may lose the one before it and get another.
    for (const [a, b] of steps) if (!(a & 1) && b & 1 && a >> 1 !== b >> 1) this.#from[a >> 1] = -1
    for (const [a, b] of steps) if (a & 1 && !(b & 1) && a >> 1 !== b >> 1) this.#from[b >> 1] = a >> 1
    this.#from[sink] = -1
  }
}
