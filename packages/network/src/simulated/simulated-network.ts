import { InboundQueues } from '../inbound-queues.ts'
import type {
  Answer,
  ChannelSpec,
  ExchangeSpec,
  Listener,
  Network,
  NetworkStats,
  PeerContact,
  PeerId,
  TopicSpec,
  Verdict,
  Watcher,
} from '../network.ts'
import { networkError } from '../network-error.ts'
import type { Connection, End } from './connection.ts'
import { Exchanges } from './exchanges.ts'
import type { Carrier, Frame, TopicMessage } from './frame.ts'
import { type Arrived, Gossip } from './gossip.ts'
import { REDIAL_MS, REDIAL_MS_MAX, REDIALS_MAX, REJECTED_BAN_MS } from './limits.ts'
import { Streams } from './streams.ts'

/** What a node asks of the world that it is in. */
export interface Surroundings {
  readonly nowMs: number
  after(ms: number, happen: () => void): void
  below(limit: number): number
  sample<Item>(items: readonly Item[], count: number): Item[]
  /** Settles when the dialled node has taken the connection, and it is in both nodes. */
  dial(from: SimulatedNetwork, address: string): Promise<PeerId>
  messageOf(topic: string, bytes: Uint8Array): TopicMessage
  announce(from: SimulatedNetwork, key: Uint8Array): Promise<void>
  find(from: SimulatedNetwork, key: Uint8Array): Promise<PeerContact[]>
  /** Code of a caller may have something to do now: its promise was settled, or it has given one. */
  touched(): void
  left(node: SimulatedNetwork): void
  roundTripMs(a: number, b: number): number
}

/** A node of a simulated world: the port, and one end of its connections. */
export class SimulatedNetwork implements Network, End, Carrier {
  readonly self: PeerId
  readonly addresses: readonly string[]
  readonly region: number
  uplinkFreeMs = 0
  readonly #world: Surroundings
  readonly #queues: InboundQueues<Arrived>
  readonly #gossip: Gossip
  readonly #streams: Streams
  readonly #exchanges: Exchanges
  readonly #connections: Map<PeerId, Connection> = new Map()
  /** Peers that this node dialled once: they are dialled again when they are lost. */
  readonly #known: Map<PeerId, string> = new Map()
  readonly #bannedMs: Map<PeerId, number> = new Map()
  #listener: Listener | undefined
  #watcher: Watcher | undefined
  #isClosed = false
  #isPumping = false

  constructor(
    world: Surroundings,
    options: {
      readonly self: PeerId
      readonly address: string
      readonly region: number
      readonly inFlightMax: number
    },
  ) {
    this.#world = world
    this.self = options.self
    this.region = options.region
    this.addresses = [options.address]
    this.#queues = new InboundQueues<Arrived>({
      inFlightMax: options.inFlightMax,
      onRoom: (on, from) => this.#streams.resume(on, from),
    })
    this.#gossip = new Gossip(this, this.#queues, (peer) => this.ban(peer, REJECTED_BAN_MS))
    this.#streams = new Streams(this, this.#queues)
    this.#exchanges = new Exchanges(this, () => world.touched())
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Copies of messages that it had already. */
  get duplicates(): number {
    return this.#gossip.duplicates
  }

  join(topic: TopicSpec): void {
    if (!this.#isClosed) this.#gossip.join(topic)
  }

  leave(topic: string): void {
    this.#gossip.leave(topic)
  }

  async publish(topic: string, bytes: Uint8Array): Promise<number> {
    const spec = this.#gossip.spec(topic)
    if (this.#isClosed) throw networkError('closed', 'the network is closed')
    if (spec === undefined) throw networkError('not-open', `the topic ${topic} was not joined`)
    if (bytes.length > spec.messageBytesMax)
      throw networkError('too-large', `a message of ${bytes.length} bytes is larger than ${topic} allows`)
    return this.#gossip.publish(this.#world.messageOf(topic, bytes))
  }

  open(channel: ChannelSpec): void {
    this.#streams.open(channel)
  }

  send(channel: string, to: PeerId, bytes: Uint8Array): void {
    this.#streams.send(channel, to, bytes)
  }

  serve(exchange: ExchangeSpec, answer: Answer): void {
    this.#exchanges.serve(exchange, answer)
  }

  async request(
    exchange: ExchangeSpec,
    to: PeerId,
    query: Uint8Array,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    if (this.#isClosed) throw networkError('closed', 'the network is closed')
    return this.#exchanges.request(exchange, to, query, options?.signal)
  }

  listen(listener: Listener): void {
    this.#listener = listener
  }

  watch(watcher: Watcher): void {
    this.#watcher = watcher
  }

  async dial(address: string): Promise<PeerId> {
    if (this.#isClosed) throw networkError('closed', 'the network is closed')
    const peer = await this.#world.dial(this, address)
    this.#known.set(peer, address)
    return peer
  }

  hangUp(peer: PeerId): void {
    this.#known.delete(peer)
    const connection = this.#connections.get(peer)
    connection?.end(connection.side(this.self))
  }

  ban(peer: PeerId, forMs: number): void {
    this.#bannedMs.set(peer, this.#world.nowMs + forMs)
    this.#queues.forget(peer)
    this.hangUp(peer)
  }

  announce(key: Uint8Array): Promise<void> {
    return this.#world.announce(this, key)
  }

  async *find(key: Uint8Array, options?: { readonly signal?: AbortSignal }): AsyncGenerator<PeerContact> {
    for (const contact of await this.#world.find(this, key)) {
      if (options?.signal?.aborted) return
      if (contact.peer !== this.self) yield contact
    }
  }

  async stats(): Promise<NetworkStats> {
    const peers = [...this.#connections.values()].map((connection) => {
      const side = connection.side(this.self)
      const other = connection.other(this.self)
      return {
        peer: other.self,
        addresses: this.#known.has(other.self) ? [this.#known.get(other.self) as string] : [],
        direction: side === 0 ? ('outbound' as const) : ('inbound' as const),
        roundTripMs: this.#world.roundTripMs(this.region, other.region),
        score: this.#gossip.scoreOf(other.self),
        receivedBytes: connection.receivedBytes[side],
        sentBytes: connection.receivedBytes[side === 0 ? 1 : 0],
      }
    })
    return { peers, topics: this.#gossip.stats(), channels: this.#streams.stats(), cpuMs: undefined }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const connection of [...this.#connections.values()]) connection.end(connection.side(this.self))
    this.#world.left(this)
  }

  /** The host is lost: nobody is told. */
  vanish(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const connection of [...this.#connections.values()]) connection.endSilently(connection.side(this.self))
    this.#world.left(this)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // How the world and the parts of the node see it.

  nowMs(): number {
    return this.#world.nowMs
  }

  after(ms: number, happen: () => void): void {
    this.#world.after(ms, () => {
      if (!this.#isClosed) happen()
    })
  }

  below(limit: number): number {
    return this.#world.below(limit)
  }

  sample<Item>(items: readonly Item[], count: number): Item[] {
    return this.#world.sample(items, count)
  }

  peers(): readonly PeerId[] {
    return [...this.#connections.keys()]
  }

  isConnected(peer: PeerId): boolean {
    return this.#connections.has(peer)
  }

  isOutbound(peer: PeerId): boolean {
    return this.#connections.get(peer)?.side(this.self) === 0
  }

  transmit(to: PeerId, frame: Frame): boolean {
    const connection = this.#connections.get(to)
    return connection?.send(connection.side(this.self), frame) ?? false
  }

  inboundCount(): number {
    let count = 0
    for (const connection of this.#connections.values()) if (connection.side(this.self) === 1) count++
    return count
  }

  isBanned(peer: PeerId): boolean {
    return (this.#bannedMs.get(peer) ?? 0) > this.#world.nowMs
  }

  connectionTo(peer: PeerId): Connection | undefined {
    return this.#connections.get(peer)
  }

  connections(): Iterable<Connection> {
    return this.#connections.values()
  }

  /** A connection is made, at this end. */
  begun(connection: Connection): void {
    const { self: peer } = connection.other(this.self)
    this.#connections.set(peer, connection)
    this.#gossip.connected(peer)
    this.#watcher?.(peer, 'connected')
    this.#world.touched()
  }

  ended(connection: Connection): void {
    const { self: peer } = connection.other(this.self)
    if (this.#connections.get(peer) !== connection) return
    this.#connections.delete(peer)
    this.#gossip.gone(peer)
    this.#streams.gone(peer)
    this.#exchanges.gone(peer)
    this.#watcher?.(peer, 'gone')
    this.#world.touched()
    const address = this.#known.get(peer)
    if (address !== undefined && !this.#isClosed) this.#redial(peer, address, 0)
  }

  receive(connection: Connection, frame: Frame): void {
    const other = connection.other(this.self)
    const from = other.self
    switch (frame.kind) {
      case 'query':
      case 'answer':
        return this.#exchanges.receive(from, frame)
      case 'channel':
        this.#streams.receive(from, frame, (channel, sizeBytes) => {
          if (other instanceof SimulatedNetwork) other.#streams.wasRead(channel, this.self, sizeBytes)
        })
        break
      default:
        this.#gossip.receive(from, frame)
    }
    this.#pump()
  }

  /** Hands messages to the listener while it takes more. */
  #pump(): void {
    if (this.#isPumping || this.#listener === undefined) return
    this.#isPumping = true
    try {
      for (;;) {
        const next = this.#queues.take()
        if (next === undefined) return
        const verdict = this.#listener(next)
        if (typeof verdict === 'string') this.#settle(next, verdict)
        else {
          this.#world.touched()
          verdict.then(
            (given) => this.#settleLater(next, given),
            () => this.#settleLater(next, 'ignore'),
          )
        }
      }
    } finally {
      this.#isPumping = false
    }
  }

  #settle({ message, from }: Arrived, verdict: Verdict): void {
    this.#queues.settle()
    if (message !== undefined && !this.#isClosed) this.#gossip.settle(message, from, verdict)
  }

  #settleLater(arrived: Arrived, verdict: Verdict): void {
    this.#settle(arrived, verdict)
    this.#pump()
  }

  #redial(peer: PeerId, address: string, failures: number): void {
    if (failures >= REDIALS_MAX) {
      this.#known.delete(peer)
      return
    }
    const waitMs = Math.min(REDIAL_MS_MAX, REDIAL_MS * 2 ** failures)
    this.after(waitMs / 2 + this.#world.below(waitMs), () => {
      if (this.#connections.has(peer) || this.#known.get(peer) !== address) return
      this.#world.dial(this, address).catch(() => this.#redial(peer, address, failures + 1))
    })
  }
}
