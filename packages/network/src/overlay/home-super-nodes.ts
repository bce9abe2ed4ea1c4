import { compareBytes, concatBytes, sha256, utf8 } from '@armchain/core'
import type { PeerId } from '../network.ts'
import { HOME_REGIONS_MIN, HOME_SUPER_NODES_MIN, NEAR_FACTOR } from './limits.ts'

/** A super node as one node sees it. */
export type SuperNodeView = {
  readonly peer: PeerId
  /** As its record says; undefined if it says nothing. */
  readonly region: string | undefined
  /** Measured by this node; undefined while it is not reached. */
  readonly roundTripMs: number | undefined
}

export type HomeOptions = {
  readonly superNodes: readonly SuperNodeView[]
  /** This node: others choose others. */
  readonly self: PeerId
  /** 32 bytes, such as the beacon of the epoch. */
  readonly seed: Uint8Array
  /** How many to keep: at least `HOME_SUPER_NODES_MIN`. */
  readonly count: number
}

/** What to keep, and what is missing of the rule: an operator is told, and the choice is made again when more is known. */
export type HomeChoice = {
  readonly peers: readonly PeerId[]
  readonly missing: readonly HomeLack[]
}

export type HomeLack =
  /** Fewer super nodes are reached than a node should keep. */
  | { readonly code: 'too-few'; readonly reached: number; readonly wanted: number }
  /** All that are reached are in fewer regions than they should be. */
  | { readonly code: 'too-few-regions'; readonly reached: number; readonly wanted: number }

/**
 * The super nodes that a node keeps (requirement A6).
 *
 * Rules:
 * 1. Only those that are reached. Those whose region is unknown count as of one region together: whoever hides where it
 *    is does not make a choice more dispersed.
 * 2. Half of them, rounded up, are the nearest, for speed. Round trips count by classes of a factor `NEAR_FACTOR`,
 *    and within a class the draw of rule 3 decides: else all nodes of a region would keep the same two super nodes.
 * 3. The others are drawn by `SHA-256(seed || self || peer)`: whoever stands near to a node on purpose gets half of its
 *    places at most.
 * 4. If all are of one region and another one is reached, the last drawn makes way for the nearest of the others. If none
 *    is, the choice stands as it is and says so: one region is better than nothing.
 */
export function chooseHome({ superNodes, self, seed, count }: HomeOptions): HomeChoice {
  const wanted = Math.max(count, HOME_SUPER_NODES_MIN)
  const reached = superNodes
    .filter(({ peer, roundTripMs }) => peer !== self && roundTripMs !== undefined)
    .map((view) => ({
      view,
      nearness: Math.floor(Math.log(Math.max(1, view.roundTripMs as number)) / Math.log(NEAR_FACTOR)),
      draw: sha256(concatBytes(seed, utf8(`${self}\0${view.peer}`))),
    }))
    .sort((a, b) => a.nearness - b.nearness || compareBytes(a.draw, b.draw))
  const near = reached.slice(0, Math.ceil(wanted / 2))
  const drawn = reached
    .slice(near.length)
    .sort((a, b) => compareBytes(a.draw, b.draw))
    .slice(0, wanted - near.length)
  const chosen = [...near, ...drawn].map(({ view }) => view)
  if (regionsOf(chosen) < HOME_REGIONS_MIN) {
    const elsewhere = reached.find(({ view }) => view.region !== chosen[0]?.region)
    if (elsewhere !== undefined) chosen[chosen.length - 1] = elsewhere.view
  }
  const missing: HomeLack[] = []
  if (chosen.length < wanted) missing.push({ code: 'too-few', reached: chosen.length, wanted })
  const regions = regionsOf(chosen)
  if (regions < HOME_REGIONS_MIN) missing.push({ code: 'too-few-regions', reached: regions, wanted: HOME_REGIONS_MIN })
  return { peers: chosen.map(({ peer }) => peer), missing }
}

function regionsOf(views: readonly SuperNodeView[]): number {
  return new Set(views.map(({ region }) => region)).size
}
