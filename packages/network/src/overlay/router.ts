import type { PeerId, Verdict } from '../network.ts'
import type { Backbone } from './backbone.ts'
import { distancesFrom } from './graph.ts'
import { HOPS_MAX, ROUTED_ID_MS, ROUTED_IDS_MAX } from './limits.ts'
import { afterHop, decodeRouted, encodeRouted, ROUTED_VERSION } from './routed-message.ts'
import { SeenIds } from './seen-ids.ts'

/**
 * Carries envelopes from any vShard to any other, over super nodes (requirement A6). Pure: bytes in, effects out.
 *
 * Rules:
 * 1. A node hands a message to one of its super nodes. A super node that serves the vShard that it is for delivers it;
 *    any other passes it on to the neighbour on the backbone that is nearest to one that does.
 * 2. Each super node computes ways from the backbone, from who serves what by their signed records, and from who it knows
 *    to be gone. They need not agree, for a message searches depth first: one that comes back is sent to the next best
 *    neighbour that has not had it, and when there is none, to where it first came from; one that comes again from
 *    elsewhere goes straight back there. So it arrives if there is a way at all and it has links enough left.
 * 3. A message takes `HOPS_MAX` links at most. A super node delivers an id once, and sends it on once to each neighbour.
 * 4. Nobody is blamed for what is for an unknown vShard or has no links left; what is malformed is.
 */
export interface Router {
  /** A message of this node's own. No effects if no way is known: nobody who serves the vShard, or none of its links. */
  originate(message: Outgoing, nowMs: number): readonly RouterEffect[]
  /** A message that a peer has handed over; also one that could not be sent to it, as if it had sent it back. */
  receive(encoded: Uint8Array, from: PeerId, nowMs: number): RouterAnswer
  /** Takes a new view of the overlay. Messages on their way go on by it. */
  update(view: OverlayView): void
}

export type Outgoing = {
  /** 16 random bytes. */
  readonly id: Uint8Array
  readonly vShard: number
  readonly peer?: PeerId
  readonly envelope: Uint8Array
}

export type OverlayView = {
  readonly backbone: Backbone
  /** The vShards that each super node serves. */
  readonly serves: ReadonlyMap<PeerId, ReadonlySet<number>>
  /** Super nodes that this node knows to be out of reach. */
  readonly gone: ReadonlySet<PeerId>
  /** Of a node that is no super node: those that it keeps, best first. */
  readonly home: readonly PeerId[]
}

export type RouterEffect =
  | { readonly type: 'send'; readonly to: PeerId; readonly bytes: Uint8Array }
  /** To a peer of the vShard, or to all in it if there is none; by whoever serves it. */
  | {
      readonly type: 'deliver'
      readonly vShard: number
      readonly peer: PeerId | undefined
      readonly envelope: Uint8Array
    }

export type RouterAnswer = { readonly verdict: Verdict; readonly effects: readonly RouterEffect[] }

/** What a super node knows of a message: who brought it first, and who has had it, from here or from elsewhere. */
type Passage = {
  readonly cameFrom: PeerId
  readonly had: Map<PeerId, 'from-here' | 'from-elsewhere'>
  state: 'new' | 'searching' | 'delivered'
}

export function createRouter(self: PeerId, initial: OverlayView): Router {
  let view = initial
  let indexes = indexesOf(initial)
  /** By vShard: links from each super node to the nearest that serves it. */
  let ways: Map<number, Int32Array> = new Map()
  const passages: SeenIds<Passage> = new SeenIds({ countMax: ROUTED_IDS_MAX, forMs: ROUTED_ID_MS })

  function waysTo(vShard: number): Int32Array {
    let distances = ways.get(vShard)
    if (distances === undefined) {
      distances = distancesTo(view, vShard)
      ways.set(vShard, distances)
    }
    return distances
  }

  function pass(encoded: Uint8Array, from: PeerId, nowMs: number): RouterAnswer {
    const message = decodeRouted(encoded)
    if (message === undefined) return { verdict: 'reject', effects: [] }
    const { id, vShard, peer, envelope, hopsLeft } = message
    const passage = passages.note(id, nowMs, () => newPassage(from))
    if (passage.state === 'delivered') return IGNORED
    const again = passage.state === 'searching' && passage.had.get(from) !== 'from-here'
    passage.state = 'searching'
    if (!passage.had.has(from)) passage.had.set(from, 'from-elsewhere')
    if (view.serves.get(self)?.has(vShard)) {
      passage.state = 'delivered'
      const effect = { type: 'deliver', vShard, peer: peer === '' ? undefined : peer, envelope } as const
      return { verdict: 'accept', effects: [effect] }
    }
    const index = indexes.get(self)
    if (hopsLeft === 0 || index === undefined) return IGNORED
    const forward = again ? undefined : nextHop(view, index, waysTo(vShard), passage.had)
    const to = forward ?? (again ? from : passage.cameFrom)
    if (to === self || !indexes.has(to)) return IGNORED
    if (forward !== undefined) passage.had.set(forward, 'from-here')
    return { verdict: 'accept', effects: [{ type: 'send', to, bytes: afterHop(encoded) }] }
  }

  return {
    originate({ id, vShard, peer = '', envelope }, nowMs) {
      const message = { version: ROUTED_VERSION, hopsLeft: HOPS_MAX, id, vShard, peer, envelope }
      if (indexes.has(self)) return pass(encodeRouted(message), self, nowMs).effects
      const to = view.home.find((superNode) => !view.gone.has(superNode))
      return to === undefined ? [] : [{ type: 'send', to, bytes: encodeRouted({ ...message, hopsLeft: HOPS_MAX - 1 }) }]
    },
    receive: pass,
    update(next) {
      view = next
      indexes = indexesOf(next)
      ways = new Map()
    },
  }
}

const IGNORED: RouterAnswer = { verdict: 'ignore', effects: [] }

function indexesOf({ backbone }: OverlayView): ReadonlyMap<PeerId, number> {
  return new Map(backbone.peers.map((peer, index) => [peer, index]))
}

function newPassage(cameFrom: PeerId): Passage {
  return { cameFrom, had: new Map(), state: 'new' }
}

/** The neighbour with the shortest way, of those that have not had the message; by name among equals. */
function nextHop(
  { backbone, gone }: OverlayView,
  index: number,
  ways: Int32Array,
  had: ReadonlyMap<PeerId, unknown>,
): PeerId | undefined {
  let best: { readonly peer: PeerId; readonly links: number } | undefined
  for (const neighbour of backbone.graph[index] ?? []) {
    const peer = backbone.peers[neighbour] as PeerId
    const links = ways[neighbour] as number
    if (links === -1 || gone.has(peer) || had.has(peer)) continue
    if (best === undefined || links < best.links) best = { peer, links }
  }
  return best?.peer
}

/** Links to the nearest super node that serves the vShard and is not known to be gone: one search from all of them. */
function distancesTo({ backbone, serves, gone }: OverlayView, vShard: number): Int32Array {
  const { peers, graph } = backbone
  const lost = new Set(peers.flatMap((peer, index) => (gone.has(peer) ? [index] : [])))
  const targets = peers.flatMap((peer, index) => (serves.get(peer)?.has(vShard) && !gone.has(peer) ? [index] : []))
  const links = distancesFrom([...graph, targets], graph.length, lost)
  return links.map((count) => (count === -1 ? -1 : count - 1))
}
