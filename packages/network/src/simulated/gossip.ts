import type { InboundQueues } from '../inbound-queues.ts'
import type { Inbound, PeerId, TopicSpec, TopicStats, Verdict } from '../network.ts'
import type { Carrier, Frame, TopicMessage } from './frame.ts'
import {
  GOSSIP_WINDOWS,
  HEARTBEAT_MS,
  KEPT_WINDOWS,
  LAZY_TARGET,
  MESH_HIGH,
  MESH_LOW,
  MESH_OUTBOUND,
  MESH_TARGET,
  OFFER_IDS_MAX,
  PRUNE_BACKOFF_MS,
  REJECTED_MAX,
  SEEN_MS,
} from './limits.ts'

/** What came of a topic or channel, as it waits for the listener. */
export type Arrived = Inbound & { readonly message: TopicMessage | undefined }

/**
 * One node's part in the meshes of its topics: gossipsub, simplified.
 *
 * Kept of it (libp2p/specs `pubsub/gossipsub`, v1.1): eager forwarding in a mesh of `MESH_LOW` to `MESH_HIGH` peers after
 * the message was found valid, a place there for peers that the node has dialled itself, graft and prune with back-off,
 * heartbeats, ids of recent messages offered to peers outside of the mesh and asked for by those that lack them, and
 * copies known by the hash of topic and bytes.
 *
 * *Deviations*: scores are a count of rejected messages, at `REJECTED_MAX` of which the peer is cut off; no peer exchange,
 * no opportunistic grafting, no fan-out that is kept, and no flood publishing.
 */
export class Gossip {
  readonly #carrier: Carrier
  readonly #queues: InboundQueues<Arrived>
  readonly #cutOff: (peer: PeerId) => void
  readonly #topics: Map<string, Topic> = new Map()
  /** By topic: the connected peers that have joined it. */
  readonly #subscribers: Map<string, Set<PeerId>> = new Map()
  /** Ids of messages that were seen, in two generations: the older is forgotten as a whole. */
  #seen: Set<number> = new Set()
  #seenBefore: Set<number> = new Set()
  #seenMs = 0
  readonly #rejected: Map<PeerId, number> = new Map()
  #beats = false
  /** Copies of messages that were known already. */
  duplicates = 0

  constructor(carrier: Carrier, queues: InboundQueues<Arrived>, cutOff: (peer: PeerId) => void) {
    this.#carrier = carrier
    this.#queues = queues
    this.#cutOff = cutOff
  }

  join(spec: TopicSpec): void {
    if (this.#topics.has(spec.name)) return
    this.#queues.open(spec.name, spec.queue)
    const topic: Topic = {
      spec,
      mesh: new Set(),
      backoffs: new Map(),
      windows: [[]],
      published: 0,
      received: 0,
      rejected: 0,
    }
    this.#topics.set(spec.name, topic)
    for (const peer of this.#carrier.peers()) this.#carrier.transmit(peer, { kind: 'subscribe', topics: [spec.name] })
    this.#graftSome(topic, MESH_TARGET, () => true)
    if (this.#beats) return
    this.#beats = true
    this.#carrier.after(1 + this.#carrier.below(HEARTBEAT_MS), () => this.#heartbeat())
  }

  leave(name: string): void {
    const topic = this.#topics.get(name)
    if (topic === undefined) return
    this.#topics.delete(name)
    this.#queues.close(name)
    for (const peer of this.#carrier.peers()) this.#carrier.transmit(peer, { kind: 'unsubscribe', topics: [name] })
  }

  spec(name: string): TopicSpec | undefined {
    return this.#topics.get(name)?.spec
  }

  /** To how many peers it went at once. */
  publish(message: TopicMessage): number {
    const topic = this.#topics.get(message.topic)
    const subscribers = [...(this.#subscribers.get(message.topic) ?? [])]
    // What nobody hears is not said: it can be published again, as on libp2p.
    if (topic === undefined || subscribers.length === 0 || !this.#isNew(message.id)) return 0
    topic.published++
    topic.windows[0]?.push(message)
    const to = topic.mesh.size > 0 ? topic.mesh : this.#carrier.sample(subscribers, MESH_TARGET)
    let reached = 0
    for (const peer of to) if (this.#carrier.transmit(peer, message)) reached++
    return reached
  }

  connected(peer: PeerId): void {
    const topics = [...this.#topics.keys()]
    if (topics.length > 0) this.#carrier.transmit(peer, { kind: 'subscribe', topics })
  }

  gone(peer: PeerId): void {
    for (const subscribers of this.#subscribers.values()) subscribers.delete(peer)
    for (const { mesh } of this.#topics.values()) mesh.delete(peer)
  }

  receive(from: PeerId, frame: Extract<Frame, { topic: string } | { topics: readonly string[] }>): void {
    switch (frame.kind) {
      case 'message':
        return this.#message(from, frame)
      case 'subscribe':
        return this.#subscribed(from, frame.topics)
      case 'unsubscribe':
        for (const name of frame.topics) {
          this.#subscribers.get(name)?.delete(from)
          this.#topics.get(name)?.mesh.delete(from)
        }
        return
      case 'graft':
        return this.#grafted(from, frame.topic)
      case 'prune': {
        const topic = this.#topics.get(frame.topic)
        topic?.mesh.delete(from)
        topic?.backoffs.set(from, this.#carrier.nowMs() + PRUNE_BACKOFF_MS)
        return
      }
      case 'offer': {
        if (!this.#topics.has(frame.topic)) return
        const ids = frame.ids.filter((id) => !this.#knows(id))
        if (ids.length > 0) this.#carrier.transmit(from, { kind: 'want', topic: frame.topic, ids })
        return
      }
      case 'want': {
        const wanted = new Set(frame.ids)
        for (const window of this.#topics.get(frame.topic)?.windows ?? [])
          for (const message of window) if (wanted.has(message.id)) this.#carrier.transmit(from, message)
      }
    }
  }

  /** The listener's verdict on a message that came from `from`. */
  settle(message: TopicMessage, from: PeerId, verdict: Verdict): void {
    const topic = this.#topics.get(message.topic)
    if (verdict === 'accept') {
      topic?.windows[0]?.push(message)
      for (const peer of topic?.mesh ?? []) if (peer !== from) this.#carrier.transmit(peer, message)
      return
    }
    if (verdict === 'ignore') return
    if (topic !== undefined) topic.rejected++
    const count = (this.#rejected.get(from) ?? 0) + 1
    this.#rejected.set(from, count)
    if (count < REJECTED_MAX) return
    this.#rejected.delete(from)
    this.#cutOff(from)
  }

  /** 0 for a peer that did nothing wrong; falls with the square of what was rejected. */
  scoreOf(peer: PeerId): number {
    return -((this.#rejected.get(peer) ?? 0) ** 2)
  }

  stats(): TopicStats[] {
    return [...this.#topics].map(([name, { mesh, published, received, rejected }]) => {
      const { waiting, dropped } = this.#queues.stats(name)
      return { name, meshPeers: [...mesh], published, received, rejected, dropped, waiting }
    })
  }

  #message(from: PeerId, message: TopicMessage): void {
    if (!this.#isNew(message.id)) {
      this.duplicates++
      return
    }
    const topic = this.#topics.get(message.topic)
    if (topic === undefined || message.bytes.length > topic.spec.messageBytesMax) return
    topic.received++
    this.#queues.offer({ on: message.topic, from, bytes: message.bytes, message })
  }

  #subscribed(from: PeerId, names: readonly string[]): void {
    for (const name of names) {
      let subscribers = this.#subscribers.get(name)
      if (subscribers === undefined) {
        subscribers = new Set()
        this.#subscribers.set(name, subscribers)
      }
      subscribers.add(from)
      const topic = this.#topics.get(name)
      // Newcomers are taken in at once: a heartbeat is long for who waits for a header.
      if (topic !== undefined && topic.mesh.size < MESH_TARGET) this.#graft(topic, from)
    }
  }

  #grafted(from: PeerId, name: string): void {
    const topic = this.#topics.get(name)
    const hasPlace = topic !== undefined && (topic.mesh.size < MESH_HIGH || this.#carrier.isOutbound(from))
    const isWelcome = hasPlace && (topic.backoffs.get(from) ?? 0) <= this.#carrier.nowMs()
    if (isWelcome) topic.mesh.add(from)
    else if (!topic?.mesh.has(from)) this.#carrier.transmit(from, { kind: 'prune', topic: name })
  }

  #graft(topic: Topic, peer: PeerId): void {
    if ((topic.backoffs.get(peer) ?? 0) > this.#carrier.nowMs() || topic.mesh.has(peer)) return
    if (this.#carrier.transmit(peer, { kind: 'graft', topic: topic.spec.name })) topic.mesh.add(peer)
  }

  #graftSome(topic: Topic, count: number, fits: (peer: PeerId) => boolean): void {
    const nowMs = this.#carrier.nowMs()
    const open = [...(this.#subscribers.get(topic.spec.name) ?? [])].filter(
      (peer) => !topic.mesh.has(peer) && (topic.backoffs.get(peer) ?? 0) <= nowMs && fits(peer),
    )
    for (const peer of this.#carrier.sample(open, count)) this.#graft(topic, peer)
  }

  #heartbeat(): void {
    this.#carrier.after(HEARTBEAT_MS, () => this.#heartbeat())
    const nowMs = this.#carrier.nowMs()
    if (nowMs - this.#seenMs > SEEN_MS) {
      this.#seenMs = nowMs
      this.#seenBefore = this.#seen
      this.#seen = new Set()
    }
    for (const topic of this.#topics.values()) {
      for (const [peer, untilMs] of topic.backoffs) if (untilMs <= nowMs) topic.backoffs.delete(peer)
      if (topic.mesh.size < MESH_LOW) this.#graftSome(topic, MESH_TARGET - topic.mesh.size, () => true)
      const missing = MESH_OUTBOUND - [...topic.mesh].filter((peer) => this.#carrier.isOutbound(peer)).length
      if (missing > 0) this.#graftSome(topic, missing, (peer) => this.#carrier.isOutbound(peer))
      if (topic.mesh.size > MESH_HIGH) this.#pruneSome(topic)
      this.#offerRecent(topic)
    }
  }

  #pruneSome(topic: Topic): void {
    const members = this.#carrier.sample([...topic.mesh], topic.mesh.size)
    const kept = new Set(members.filter((peer) => this.#carrier.isOutbound(peer)).slice(0, MESH_OUTBOUND))
    for (const peer of members) if (kept.size < MESH_TARGET) kept.add(peer)
    for (const peer of members) {
      if (kept.has(peer)) continue
      topic.mesh.delete(peer)
      topic.backoffs.set(peer, this.#carrier.nowMs() + PRUNE_BACKOFF_MS)
      this.#carrier.transmit(peer, { kind: 'prune', topic: topic.spec.name })
    }
  }

  #offerRecent(topic: Topic): void {
    const { name } = topic.spec
    const ids = topic.windows.slice(0, GOSSIP_WINDOWS).flatMap((window) => window.map(({ id }) => id))
    if (ids.length > 0) {
      const others = [...(this.#subscribers.get(name) ?? [])].filter((peer) => !topic.mesh.has(peer))
      const offer = { kind: 'offer', topic: name, ids: ids.slice(-OFFER_IDS_MAX) } as const
      for (const peer of this.#carrier.sample(others, LAZY_TARGET)) this.#carrier.transmit(peer, offer)
    }
    if (topic.windows[0]?.length === 0 && topic.windows.length === 1) return
    topic.windows.unshift([])
    topic.windows.length = Math.min(topic.windows.length, KEPT_WINDOWS)
    while (topic.windows.length > 1 && topic.windows.at(-1)?.length === 0) topic.windows.pop()
  }

  #isNew(id: number): boolean {
    if (this.#knows(id)) return false
    this.#seen.add(id)
    return true
  }

  #knows(id: number): boolean {
    return this.#seen.has(id) || this.#seenBefore.has(id)
  }
}

type Topic = {
  readonly spec: TopicSpec
  readonly mesh: Set<PeerId>
  /** Until when a peer is not grafted. */
  readonly backoffs: Map<PeerId, number>
  /** Messages by heartbeat, newest first. */
  readonly windows: TopicMessage[][]
  published: number
  received: number
  rejected: number
}
