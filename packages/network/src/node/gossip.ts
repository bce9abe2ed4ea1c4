import { type GossipSub, TopicValidatorResult } from '@libp2p/gossipsub'
import { createTopicScoreParams } from '@libp2p/gossipsub/score'
import type { PeerId, TopicScore, TopicSpec, TopicStats, Verdict } from '../network.ts'
import type { AdapterParts, Arrived } from './adapter-parts.ts'
import { GossipGuard } from './gossip-guard.ts'
import { type GossipInternals, internalsOf } from './gossip-internals.ts'
import type { NetworkLimits } from './options.ts'
import { plainBytes } from './plain-bytes.ts'
import { assertFits, assertNew, assertTopic } from './spec-checks.ts'

const DEFAULT_SCORE: TopicScore = { weight: 1, rejected: -10, first: 0.1 }
const RESULTS: Readonly<Record<Verdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
}

type Counts = { received: number; rejected: number; published: number }

/**
 * Topics on gossipsub. What comes goes through the guard (`GossipGuard`), into the inbound queue of its topic, to the
 * listener; its verdict decides whether it is forwarded. What a queue loses is ignored: it is not forwarded either.
 */
export class Gossip {
  readonly #gossip: GossipSub & GossipInternals
  readonly #parts: AdapterParts
  readonly #topics: Map<string, TopicSpec> = new Map()
  readonly #counts: Map<string, Counts> = new Map()
  readonly guard: GossipGuard

  constructor(gossip: GossipSub, parts: AdapterParts, limits: NetworkLimits) {
    this.#gossip = internalsOf(gossip)
    this.#parts = parts
    this.guard = new GossipGuard(this.#gossip, { topics: this.#topics, limits, ...parts })
    gossip.addEventListener('gossipsub:message', ({ detail: { msg, msgId, propagationSource } }) => {
      const counts = this.#counts.get(msg.topic)
      if (counts !== undefined) counts.received++
      parts.queues.offer({
        on: msg.topic,
        from: propagationSource.toString(),
        bytes: plainBytes(msg.data),
        gossipId: msgId,
      })
      parts.onArrival()
    })
  }

  /** @throws ArmError ARM_ARGUMENT if its messages may be too large to be gossiped, or it was joined already. */
  join(spec: TopicSpec): void {
    const { name, queue, score = DEFAULT_SCORE } = spec
    assertTopic(spec)
    assertNew(this.#topics, name)
    this.#topics.set(name, spec)
    this.#counts.set(name, { received: 0, rejected: 0, published: 0 })
    this.#parts.queues.open(name, queue)
    this.#gossip.score.params.topics[name] = scoreParams(score)
    this.#gossip.subscribe(name)
  }

  leave(name: string): void {
    if (!this.#topics.delete(name)) return
    this.#gossip.unsubscribe(name)
    this.#parts.queues.close(name)
    this.#counts.delete(name)
  }

  async publish(name: string, bytes: Uint8Array): Promise<number> {
    // A frame that is too large would silence this node at each receiver for good, so it must not leave.
    assertFits(this.#topics.get(name), name, bytes)
    // What nobody hears would count as said: the same bytes could not be published again for as long as ids are kept.
    if (!this.#gossip.getSubscribers(name).some((peer) => this.#isReachable(peer.toString()))) return 0
    const counts = this.#counts.get(name)
    if (counts !== undefined) counts.published++
    const { recipients } = await this.#gossip.publish(name, bytes)
    const reached = recipients.map(String).filter((peer) => this.#isReachable(peer))
    for (const peer of reached) this.#parts.traffic.sent(peer, bytes.length)
    return reached.length
  }

  /** Says what a message was worth, to gossip and to the score of its sender. */
  judge({ on, from, gossipId }: Arrived & { readonly gossipId: string }, verdict: Verdict): void {
    const counts = this.#counts.get(on)
    if (counts === undefined) return
    if (verdict === 'reject') counts.rejected++
    this.#gossip.reportMessageValidationResult(gossipId, from, RESULTS[verdict])
  }

  scoreOf(peer: PeerId): number {
    return this.#gossip.getScore(peer)
  }

  stats(): TopicStats[] {
    return [...this.#counts].map(([name, { received, rejected, published }]) => {
      const { waiting, dropped } = this.#parts.queues.stats(name)
      const meshPeers = this.#gossip.getMeshPeers(name).filter((peer) => this.#isReachable(peer))
      return { name, meshPeers, received, rejected, published, dropped, waiting }
    })
  }

  /** Gossip takes a peer into a mesh when it is asked to, and loses what is for it until there is a stream to it. */
  #isReachable(peer: PeerId): boolean {
    return this.#gossip.streamsOutbound.has(peer)
  }
}

/**
 * Counts what a peer brings first and what was rejected, nothing else: a topic may be quiet for long, so who brings
 * little is not to blame.
 */
function scoreParams({ weight, rejected, first }: TopicScore): ReturnType<typeof createTopicScoreParams> {
  return createTopicScoreParams({
    topicWeight: weight,
    timeInMeshWeight: 0.01,
    timeInMeshQuantum: 1_000,
    timeInMeshCap: 300,
    firstMessageDeliveriesWeight: first,
    firstMessageDeliveriesDecay: 0.9,
    firstMessageDeliveriesCap: 100,
    meshMessageDeliveriesWeight: 0,
    meshFailurePenaltyWeight: 0,
    invalidMessageDeliveriesWeight: rejected,
    invalidMessageDeliveriesDecay: 0.98,
  })
}
