import { ArmError, compareBytes, concatBytes, sha256, utf8 } from '@armchain/core'
import type { PeerId } from '../network.ts'
import { type Edge, type Graph, graphOf } from './graph.ts'
import { BACKBONE_CYCLES, CONNECTIVITY_MAX, SUPER_NODES_MAX } from './limits.ts'

/**
 * The links between super nodes: a pure function of their list, a seed and how connected it shall be, so that all nodes
 * with the same list have the same backbone, and repair it without a word when the list changes (requirement A6).
 *
 * Rules:
 * 1. Super nodes stand on a ring in the order of `SHA-256(seed || 0 || peer)`, and each is linked to the nearest
 *    `ceil(connectivity / 2)` on both sides. That graph is Harary's, whose vertex connectivity is exactly
 *    `2 ceil(connectivity / 2)` (F. Harary, "The maximum connectivity of a graph", 1962): any `connectivity - 1` may
 *    fail and the others hang together. With too few nodes for that, each is linked to each.
 * 2. Beside it, `BACKBONE_CYCLES` Hamilton cycles in the orders of `SHA-256(seed || i || peer)`. More links never make a
 *    graph less connected; random cycles make it an expander with high probability (C. Law and K.-Y. Siu, "Distributed
 *    construction of random expander networks", 2003), so ways are short: the logarithm of the size, not the size over
 *    the connectivity.
 * 3. A place on a ring does not depend on others, so one node more or less changes no links but its own and those that
 *    led past it: `linksChangedMax`.
 *
 * *Deviations*: for an odd connectivity Harary links opposites. Here the next even one is built: opposites move when a
 * node joins.
 */
export type Backbone = {
  /** By name, ascending: what the indexes of the graph mean. */
  readonly peers: readonly PeerId[]
  readonly graph: Graph
}

export type BackboneOptions = {
  /** In any order. */
  readonly peers: readonly PeerId[]
  /** 32 bytes: the beacon of the epoch, so that nobody chooses its neighbours in advance. */
  readonly seed: Uint8Array
  /** At least 1: any number of failures below it leaves the backbone whole. */
  readonly connectivity: number
}

/** @throws ArmError ARM_ARGUMENT for a seed, list or connectivity beyond its limits, or a peer that is listed twice. */
export function backboneOf({ peers, seed, connectivity }: BackboneOptions): Backbone {
  checkOptions({ peers, seed, connectivity })
  const sorted = [...peers].sort(byName)
  if (sorted.some((peer, i) => peer === sorted[i + 1])) throw argument('peers', 'one is listed twice')
  const reach = Math.ceil(connectivity / 2)
  const edges: Edge[] = []
  ringOrder(sorted, seed, 0).forEach((node, at, ring) => {
    for (let step = 1; step <= reach; step++) edges.push([node, ring[(at + step) % ring.length] as number])
  })
  for (let cycle = 1; cycle <= BACKBONE_CYCLES; cycle++)
    ringOrder(sorted, seed, cycle).forEach((node, at, ring) => {
      edges.push([node, ring[(at + 1) % ring.length] as number])
    })
  return { peers: sorted, graph: graphOf(sorted.length, edges) }
}

/** Names of the neighbours of a super node; none for a peer that is not in the backbone. */
export function backboneNeighbours({ peers, graph }: Backbone, peer: PeerId): PeerId[] {
  return (graph[peers.indexOf(peer)] ?? []).map((index) => peers[index] as PeerId)
}

/**
 * The most links that appear or vanish when one super node joins or leaves: its own, and those that led past its place
 * and are too long with it: on a ring of reach r, r.
 */
export function linksChangedMax(connectivity: number): number {
  const reach = Math.ceil(connectivity / 2)
  return 3 * reach + 3 * BACKBONE_CYCLES
}

/** Indexes in the order of their hashes on a ring. */
function ringOrder(peers: readonly PeerId[], seed: Uint8Array, ring: number): number[] {
  const domain = concatBytes(utf8('armchain/v1/backbone\0'), seed, Uint8Array.of(ring))
  const places = peers.map((peer) => sha256(concatBytes(domain, utf8(peer))))
  return peers
    .map((_, index) => index)
    .sort((a, b) => compareBytes(places[a] as Uint8Array, places[b] as Uint8Array) || a - b)
}

/** By code units, which are the same everywhere. */
function byName(a: PeerId, b: PeerId): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function checkOptions({ peers, seed, connectivity }: BackboneOptions): void {
  if (seed.length !== 32) throw argument('seed', 'has 32 bytes')
  if (peers.length > SUPER_NODES_MAX) throw argument('peers', `more than ${SUPER_NODES_MAX}`)
  if (!Number.isInteger(connectivity) || connectivity < 1 || connectivity > CONNECTIVITY_MAX)
    throw argument('connectivity', `is an integer from 1 to ${CONNECTIVITY_MAX}`)
}

function argument(name: string, why: string): ArmError {
  return new ArmError('ARM_ARGUMENT', `${name}: ${why}`)
}
