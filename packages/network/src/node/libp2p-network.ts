import { sha256 } from '@armchain/core'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create as createDigest } from 'multiformats/hashes/digest'
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
import type { AdapterParts, Arrived } from './adapter-parts.ts'
import { Channels } from './channels.ts'
import { Exchanges } from './exchanges.ts'
import { Gossip } from './gossip.ts'
import type { Libp2pNode } from './libp2p-node.ts'
import { DIAL_TIMEOUT_MS, PENALTY_REJECTED } from './limits.ts'
import type { NetworkLog, ResolvedOptions } from './options.ts'
import type { Peers } from './peers.ts'

const SHA2_256 = 0x12

/** `Network` on libp2p, in the thread that it is made in. A node has it in a thread of its own: `openNetwork`. */
export class Libp2pNetwork implements Network {
  readonly self: PeerId
  readonly #node: Libp2pNode
  readonly #peers: Peers
  readonly #queues: InboundQueues<Arrived>
  readonly #parts: AdapterParts
  readonly #gossip: Gossip
  readonly #channels: Channels
  readonly #exchanges: Exchanges
  readonly #log: NetworkLog
  #listener: Listener | undefined
  #closing: Promise<void> | undefined

  constructor(node: Libp2pNode, peers: Peers, { limits }: ResolvedOptions, log: NetworkLog) {
    this.self = node.peerId.toString()
    this.#node = node
    this.#peers = peers
    this.#log = log
    this.#queues = new InboundQueues<Arrived>({
      inFlightMax: limits.inFlightMax,
      onDrop: (message) => this.#judge(message, 'ignore'),
      onRoom: (on, from) => this.#channels.resume(on, from),
    })
    this.#parts = {
      queues: this.#queues,
      onArrival: () => this.#pump(),
      traffic: peers.traffic,
      blame: (peer, points, reason) => peers.blame(peer, points, reason),
    }
    this.#gossip = new Gossip(node.services.gossip, this.#parts, limits)
    this.#channels = new Channels(node, this.#parts)
    this.#exchanges = new Exchanges(node, this.#parts)
    peers.start((peer, state) => {
      if (state === 'connected') return
      this.#channels.forget(peer)
      this.#gossip.guard.forget(peer)
    })
  }

  get addresses(): readonly string[] {
    return this.#node.getMultiaddrs().map(String)
  }

  join(topic: TopicSpec): void {
    this.#assertOpen()
    this.#gossip.join(topic)
  }

  leave(topic: string): void {
    this.#gossip.leave(topic)
  }

  async publish(topic: string, bytes: Uint8Array): Promise<number> {
    this.#assertOpen()
    return this.#gossip.publish(topic, bytes)
  }

  open(channel: ChannelSpec): void {
    this.#assertOpen()
    this.#channels.open(channel)
  }

  send(channel: string, to: PeerId, bytes: Uint8Array): void {
    this.#assertOpen()
    this.#channels.send(channel, to, bytes)
  }

  serve(exchange: ExchangeSpec, answer: Answer): void {
    this.#assertOpen()
    this.#exchanges.serve(exchange, answer)
  }

  async request(
    exchange: ExchangeSpec,
    to: PeerId,
    query: Uint8Array,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    this.#assertOpen()
    return this.#exchanges.request(exchange, to, query, signal)
  }

  listen(listener: Listener): void {
    this.#listener = listener
    this.#pump()
  }

  watch(watcher: Watcher): void {
    this.#peers.watch(watcher)
  }

  async dial(address: string): Promise<PeerId> {
    this.#assertOpen()
    const target = parseAddress(address)
    const peer = target.toString().split('/p2p/').at(-1) ?? ''
    if (this.#peers.isBanned(peer)) throw networkError('banned', 'the peer is banned', { peer })
    try {
      await this.#node.dial(target, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
    } catch (error) {
      throw networkError('not-reached', 'the address was not reached', { address }, error)
    }
    this.#peers.want(peer, [address])
    return peer
  }

  hangUp(peer: PeerId): void {
    this.#peers.hangUp(peer)
  }

  ban(peer: PeerId, forMs: number): void {
    this.#queues.forget(peer)
    this.#peers.ban(peer, forMs)
  }

  async announce(key: Uint8Array): Promise<void> {
    this.#assertOpen()
    try {
      await this.#node.contentRouting.provide(contentOf(key), { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
    } catch (error) {
      throw networkError('not-reached', 'nobody keeps the directory', {}, error)
    }
  }

  async *find(key: Uint8Array, { signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<PeerContact> {
    this.#assertOpen()
    const timeout = AbortSignal.timeout(DIAL_TIMEOUT_MS)
    const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
    try {
      for await (const { id, multiaddrs } of this.#node.contentRouting.findProviders(contentOf(key), {
        signal: either,
      })) {
        const peer = id.toString()
        if (peer === this.self) continue
        yield { peer, addresses: multiaddrs.map((each) => withPeer(each, peer)) }
      }
    } catch (error) {
      // An unanswered query has found nothing; what else it was is for the log.
      this.#log('debug', 'a search of the directory ended early', { error: String(error) })
    }
  }

  async stats(): Promise<NetworkStats> {
    return {
      peers: this.#peers.stats(),
      topics: this.#gossip.stats(),
      channels: this.#channels.stats(),
      cpuMs: undefined,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #end(): Promise<void> {
    this.#channels.close()
    await this.#peers.close()
    await this.#node.stop()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw networkError('closed', 'the network is closed')
  }

  #pump(): void {
    const listener = this.#listener
    if (listener === undefined || this.#closing !== undefined) return
    for (let message = this.#queues.take(); message !== undefined; message = this.#queues.take()) {
      void this.#hand(message, listener)
    }
  }

  async #hand(message: Arrived, listener: Listener): Promise<void> {
    let verdict: Verdict = 'ignore'
    try {
      const { on, from, bytes } = message
      verdict = await listener({ on, from, bytes })
    } catch (error) {
      this.#log('error', 'the listener of a network has thrown', { on: message.on, error: String(error) })
    }
    this.#judge(message, verdict)
    this.#queues.settle()
    this.#pump()
  }

  #judge(message: Arrived, verdict: Verdict): void {
    const { gossipId, from } = message
    if (gossipId !== undefined) this.#gossip.judge({ ...message, gossipId }, verdict)
    else if (verdict === 'reject') this.#parts.blame(from, PENALTY_REJECTED, 'a rejected message')
  }
}

function parseAddress(address: string): Multiaddr {
  try {
    const parsed = multiaddr(address)
    peerIdFromString(address.split('/p2p/').at(-1) ?? '')
    return parsed
  } catch (error) {
    throw networkError('address', 'not an address that ends with /p2p/ and a name', { address }, error)
  }
}

function withPeer(address: Multiaddr, peer: PeerId): string {
  const text = address.toString()
  return text.endsWith(`/p2p/${peer}`) ? text : `${text}/p2p/${peer}`
}

/** The directory is keyed by hashes of 32 bytes. */
function contentOf(key: Uint8Array): CID {
  return CID.createV1(raw.code, createDigest(SHA2_256, key.length === 32 ? key : sha256(key)))
}
