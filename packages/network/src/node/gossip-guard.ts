import type { PeerId, TopicSpec } from '../network.ts'
import type { AdapterParts } from './adapter-parts.ts'
import type { GossipInternals, GossipRpc } from './gossip-internals.ts'
import { GOSSIP_FRAME_BYTES_MAX, PENALTY_FLOOD, PENALTY_MALFORMED } from './limits.ts'
import type { NetworkLimits } from './options.ts'
import { TokenBucket } from './token-bucket.ts'

/** Of a frame, for what is not the data of messages. */
const FRAME_OVERHEAD_BYTES = 64 * 1024
const MESSAGE_OVERHEAD_BYTES = 256

type PeerBudget = { readonly messages: TokenBucket; readonly bytes: TokenBucket }

export type GossipGuardParts = Pick<AdapterParts, 'traffic' | 'blame'> & {
  /** Topics that this node takes part in. */
  readonly topics: ReadonlyMap<string, TopicSpec>
  readonly limits: NetworkLimits
}

/**
 * Stands between the streams of gossip and gossipsub, which remembers the id of whatever comes and holds all of it
 * until it is judged.
 *
 * Rules: a message of a topic that was not joined, or larger than its topic allows, does not come in, and the latter
 * costs its sender; of one peer so much comes in a second, copies and repetitions included, the rest is lost and costs
 * score; what goes out is split, so that no frame is larger than its receiver takes, which would end gossip between the two.
 */
export class GossipGuard {
  readonly #parts: GossipGuardParts
  readonly #budgets: Map<PeerId, PeerBudget> = new Map()
  #oversized = 0
  #flooded = 0

  constructor(gossip: GossipInternals, parts: GossipGuardParts) {
    this.#parts = parts
    const receive = gossip.handleReceivedRpc.bind(gossip)
    gossip.handleReceivedRpc = async (from, rpc) => {
      rpc.messages = this.#admit(from.toString(), rpc.messages)
      await receive(from, rpc)
    }
    const send = gossip.sendRpc.bind(gossip)
    gossip.sendRpc = (to, rpc) => {
      for (const { data } of rpc.messages) parts.traffic.sent(to, data?.length ?? 0)
      return splitFrames(rpc).every((part) => send(to, part))
    }
  }

  /** Messages that were larger than their topic allows, and those over the rate of a peer. */
  get refused(): { readonly oversized: number; readonly flooded: number } {
    return { oversized: this.#oversized, flooded: this.#flooded }
  }

  /** A peer is gone. */
  forget(peer: PeerId): void {
    this.#budgets.delete(peer)
  }

  #admit(from: PeerId, messages: GossipRpc['messages']): GossipRpc['messages'] {
    if (messages.length === 0) return messages
    const { topics, traffic, blame } = this.#parts
    const nowMs = performance.now()
    const budget = this.#budgetOf(from, nowMs)
    return messages.filter(({ topic, data }) => {
      const sizeBytes = data?.length ?? 0
      traffic.received(from, sizeBytes)
      if (!budget.messages.take(1, nowMs) || !budget.bytes.take(sizeBytes, nowMs)) {
        this.#flooded++
        blame(from, PENALTY_FLOOD, 'flood')
        return false
      }
      const spec = topics.get(topic)
      if (spec === undefined) return false
      if (sizeBytes <= spec.messageBytesMax) return true
      this.#oversized++
      blame(from, PENALTY_MALFORMED, 'oversized message')
      return false
    })
  }

  #budgetOf(peer: PeerId, nowMs: number): PeerBudget {
    const known = this.#budgets.get(peer)
    if (known !== undefined) return known
    const { gossipMessagesPerSecond, gossipBytesPerSecond } = this.#parts.limits
    const budget = {
      messages: new TokenBucket(gossipMessagesPerSecond, nowMs),
      bytes: new TokenBucket(gossipBytesPerSecond, nowMs),
    }
    this.#budgets.set(peer, budget)
    return budget
  }
}

/** The same in frames that are small enough; what controls gossip is in the first. */
export function splitFrames(rpc: GossipRpc, frameBytesMax: number = GOSSIP_FRAME_BYTES_MAX): GossipRpc[] {
  const room = frameBytesMax - FRAME_OVERHEAD_BYTES
  const parts: GossipRpc['messages'][number][][] = [[]]
  let sizeBytes = 0
  for (const message of rpc.messages) {
    const cost = (message.data?.length ?? 0) + MESSAGE_OVERHEAD_BYTES
    if (sizeBytes > 0 && sizeBytes + cost > room) {
      parts.push([])
      sizeBytes = 0
    }
    parts.at(-1)?.push(message)
    sizeBytes += cost
  }
  if (parts.length === 1) return [rpc]
  return parts.map((messages, i) => (i === 0 ? { ...rpc, messages } : { subscriptions: [], messages }))
}
