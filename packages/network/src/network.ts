import type { QueueSpec } from './queue-spec.ts'

/**
 * What a node asks of a network, whatever carries it: libp2p in a thread of its own, or a simulated one with a virtual
 * clock. Only bytes cross it; what they mean is said by the topics, channels and exchanges that are registered on it.
 *
 * Rules, for every adapter: nothing is unbounded, and each bound has a policy (`QueueSpec`); whoever takes messages says
 * when it can take more, and until then they wait on the other side of the port, the most urgent first; what is larger
 * than its spec allows neither leaves nor arrives; a peer is what its secure channel has authenticated.
 */
export interface Network extends AsyncDisposable {
  /** This node. */
  readonly self: PeerId
  /** Where others reach it; changes with relays and interfaces. */
  readonly addresses: readonly string[]
  /** Takes part in a topic until `leave`: its messages come to the listener. */
  join(topic: TopicSpec): void
  leave(topic: string): void
  /**
   * To all that have joined the topic, through some of them. Not to this node itself.
   *
   * The same bytes are not sent again for half a minute or so, and come to nobody then.
   *
   * @returns How many peers it was given to at once: 0 says that nobody else is known in the topic, or it was sent before.
   * @throws ArmError ARM_NETWORK if the message is larger than its spec allows, or the topic was not joined.
   */
  publish(topic: string, bytes: Uint8Array): Promise<number>
  /** Opens a channel for messages to and from single peers, in order, on streams that stay open. */
  open(channel: ChannelSpec): void
  /**
   * Never waits: what does not fit the queue to that peer is dropped by the channel's policy, as is what waits for a peer
   * that is not connected. The bytes must not change.
   *
   * @throws ArmError ARM_NETWORK if the message is larger than its spec allows, or the channel is not open.
   */
  send(channel: string, to: PeerId, bytes: Uint8Array): void
  /** Answers requests of peers. Undefined says that there is no answer. */
  serve(exchange: ExchangeSpec, answer: Answer): void
  /**
   * Who asks need not serve the exchange, so its limits come with it.
   *
   * @throws ArmError ARM_NETWORK if the peer is not reached, has no answer, or does not answer in time.
   */
  request(
    exchange: ExchangeSpec,
    to: PeerId,
    query: Uint8Array,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Uint8Array>
  /** Called with messages of topics and channels, `inFlightMax` at a time; once, before the first `join` or `open`. */
  listen(listener: Listener): void
  /** Called when a peer has connected or is gone; once. */
  watch(watcher: Watcher): void
  /** Connects to an address, which ends with `/p2p/` and the peer's name. Known peers are kept connected by themselves. */
  dial(address: string): Promise<PeerId>
  hangUp(peer: PeerId): void
  /** Nothing is taken from a peer for so long, and it is not connected. */
  ban(peer: PeerId, forMs: number): void
  /** Says in the directory, or no longer says, that this node is to be found under a key (`directoryKey`). */
  announce(key: Uint8Array): Promise<void>
  /** Who is to be found under a key; ends with the signal, or when the directory has no more. */
  find(key: Uint8Array, options?: { readonly signal?: AbortSignal }): AsyncIterable<PeerContact>
  stats(): Promise<NetworkStats>
  close(): Promise<void>
}

/** A libp2p peer id as text: a function of the node's network key. */
export type PeerId = string

export type PeerContact = { readonly peer: PeerId; readonly addresses: readonly string[] }

/**
 * What a message was worth. `accept`: passed on to others. `ignore`: not passed on, nobody is to blame, as for what is
 * late. `reject`: no correct peer passes this on; its score falls, and it is cut off in the end.
 */
export type Verdict = 'accept' | 'ignore' | 'reject'

/** Judges a message; what it throws counts as `ignore`. */
export type Listener = (message: Inbound) => Promise<Verdict> | Verdict
/** Undefined: there is no answer. */
export type Answer = (query: Uint8Array, from: PeerId) => Promise<Uint8Array | undefined>
export type Watcher = (peer: PeerId, state: PeerState) => void
export type PeerState = 'connected' | 'gone'

export type Inbound = {
  /** Name of the topic or channel. */
  readonly on: string
  /** Who handed it to this node: of a topic, not who made it. */
  readonly from: PeerId
  readonly bytes: Uint8Array
}

export type TopicSpec = {
  /** Such as `/armchain/testnet/0/shard/1/head`: see `topicName`. */
  readonly name: string
  readonly messageBytesMax: number
  /** Of messages that have come and are not taken yet. */
  readonly queue: QueueSpec
  /** What rejected messages and their lack cost a peer; a mild default without it. */
  readonly score?: TopicScore
}

export type ChannelSpec = {
  /** A protocol's name, such as `/armchain/testnet/votes/1`. */
  readonly name: string
  readonly messageBytesMax: number
  /** Of messages that have come and are not taken yet, from all peers. */
  readonly queue: QueueSpec
  /** Of messages to one peer that are not sent yet. */
  readonly outbound: QueueSpec
}

export type ExchangeSpec = {
  readonly name: string
  readonly queryBytesMax: number
  readonly answerBytesMax: number
  /** Requests of one peer that are answered at a time; the next waits, further ones are refused. */
  readonly perPeerMax: number
  readonly timeoutMs: number
}

export type TopicScore = {
  /** How much the topic counts among all. */
  readonly weight: number
  /** Factor on the square of the rejected messages of a peer: below 0. */
  readonly rejected: number
  /** Reward for each message that a peer was the first to bring. */
  readonly first: number
}

export type NetworkStats = {
  readonly peers: readonly PeerStats[]
  readonly topics: readonly TopicStats[]
  readonly channels: readonly ChannelStats[]
  /** Processor time of the thread or process that carries it, if it is not the node's own. */
  readonly cpuMs: number | undefined
}

export type PeerStats = {
  readonly peer: PeerId
  readonly addresses: readonly string[]
  readonly direction: 'inbound' | 'outbound'
  readonly roundTripMs: number | undefined
  readonly score: number
  /** Of topics, channels and exchanges, without what carries them. */
  readonly receivedBytes: number
  readonly sentBytes: number
}

export type TopicStats = {
  readonly name: string
  readonly meshPeers: readonly PeerId[]
  readonly published: number
  /** Copies are not counted. */
  readonly received: number
  readonly rejected: number
  readonly dropped: number
  readonly waiting: number
}

export type ChannelStats = {
  readonly name: string
  readonly received: number
  /** Given to the streams of peers. */
  readonly sent: number
  /** Lost on arrival for want of room. */
  readonly dropped: number
  /** Lost before they were sent: the peer read too slowly, or was not connected. */
  readonly unsent: number
  /** Come and not taken yet. */
  readonly waiting: number
}
