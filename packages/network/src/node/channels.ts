import { isArmError } from '@armchain/core'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { ChannelSpec, ChannelStats, PeerId } from '../network.ts'
import { OutboundQueue } from '../outbound-queue.ts'
import type { AdapterParts } from './adapter-parts.ts'
import { ChannelLink } from './channel-link.ts'
import { FrameReader } from './frame-reader.ts'
import { CHANNEL_STREAMS_MAX, PENALTY_MALFORMED } from './limits.ts'
import { plainBytes } from './plain-bytes.ts'
import { assertChannel, assertFits, assertNew } from './spec-checks.ts'

type Counts = { received: number; sent: number; unsent: number }
type OpenChannel = { readonly spec: ChannelSpec; readonly links: Map<PeerId, ChannelLink>; readonly counts: Counts }

/**
 * Channels: for each one and each peer, a stream that this node writes on (`ChannelLink`) and one that it reads from.
 *
 * A peer that has its share of an inbound queue is not read from until there is room, so that it waits at its own end;
 * but where only the latest message counts, it is read from, and the queue loses the oldest.
 */
export class Channels {
  readonly #node: Libp2p
  readonly #parts: AdapterParts
  readonly #channels: Map<string, OpenChannel> = new Map()
  /** Streams that are not read from at present, by channel and peer. */
  readonly #paused: Map<string, Set<() => void>> = new Map()

  constructor(node: Libp2p, parts: AdapterParts) {
    this.#node = node
    this.#parts = parts
  }

  /** @throws ArmError ARM_ARGUMENT if its messages may be too large for a channel, or it is open already. */
  open(spec: ChannelSpec): void {
    const { name, queue } = spec
    assertChannel(spec)
    assertNew(this.#channels, name)
    this.#channels.set(name, { spec, links: new Map(), counts: { received: 0, sent: 0, unsent: 0 } })
    this.#parts.queues.open(name, queue)
    void this.#node.handle(name, (stream, connection) => this.#read(spec, stream, connection), {
      maxInboundStreams: CHANNEL_STREAMS_MAX,
      maxOutboundStreams: CHANNEL_STREAMS_MAX,
      runOnLimitedConnection: true,
    })
  }

  send(name: string, to: PeerId, bytes: Uint8Array): void {
    const channel = this.#channels.get(name)
    assertFits(channel?.spec, name, bytes)
    if (channel === undefined) return
    const { links, counts } = channel
    const link = links.get(to) ?? this.#link(channel, to)
    if (link === undefined) counts.unsent++
    else link.send(bytes)
  }

  /** There is no connection to a peer any more. */
  forget(peer: PeerId): void {
    for (const { links, counts } of this.#channels.values()) {
      const link = links.get(peer)
      if (link === undefined) continue
      links.delete(peer)
      link.close()
      counts.sent += link.sent
      counts.unsent += link.unsent
    }
  }

  /** The inbound queue has room for a peer again. */
  resume(name: string, from: PeerId): void {
    const key = keyOf(name, from)
    const paused = this.#paused.get(key)
    this.#paused.delete(key)
    for (const resume of paused ?? []) resume()
  }

  stats(): ChannelStats[] {
    return [...this.#channels].map(([name, { links, counts }]) => {
      const { waiting, dropped } = this.#parts.queues.stats(name)
      let { sent, unsent } = counts
      for (const link of links.values()) {
        sent += link.sent
        unsent += link.unsent - link.waiting
      }
      return { name, received: counts.received, sent, unsent, dropped, waiting }
    })
  }

  close(): void {
    for (const { links } of this.#channels.values()) for (const link of links.values()) link.close()
  }

  #link({ spec, links }: OpenChannel, to: PeerId): ChannelLink | undefined {
    const connectionTo = (): Connection | undefined =>
      this.#node.getConnections().find(({ remotePeer, status }) => status === 'open' && remotePeer.toString() === to)
    if (connectionTo() === undefined) return undefined
    const link = new ChannelLink(spec.name, new OutboundQueue(spec.outbound), {
      connection: connectionTo,
      onSent: (sizeBytes) => this.#parts.traffic.sent(to, sizeBytes),
    })
    links.set(to, link)
    return link
  }

  #read({ name, messageBytesMax, queue }: ChannelSpec, stream: Stream, { remotePeer }: Connection): void {
    const from = remotePeer.toString()
    const counts = this.#channels.get(name)?.counts
    const { queues, traffic, blame, onArrival } = this.#parts
    const reader = new FrameReader(messageBytesMax)
    const takeFrames = (): boolean => {
      for (let bytes = reader.take(); bytes !== undefined; bytes = reader.take()) {
        if (counts !== undefined) counts.received++
        if (queues.offer({ on: name, from, bytes }) === 'full' && queue.drop === 'newest') return false
      }
      return true
    }
    const read = (chunk?: Uint8Array): void => {
      try {
        if (chunk !== undefined) reader.feed(chunk)
        if (takeFrames()) stream.resume()
        else this.#pause(name, from, stream, read)
        onArrival()
      } catch (error) {
        if (isArmError(error)) blame(from, PENALTY_MALFORMED, error.message)
        stream.abort(error instanceof Error ? error : new Error(String(error)))
      }
    }
    stream.addEventListener('message', ({ data }) => {
      traffic.received(from, data.byteLength)
      read(plainBytes(data.subarray()))
    })
    stream.addEventListener('close', () => this.#paused.get(keyOf(name, from))?.delete(read))
    // Who sends has nothing more to hear of this node on the stream.
    stream.addEventListener('remoteCloseWrite', () => void stream.close().catch((error) => stream.abort(error)))
  }

  #pause(name: string, from: PeerId, stream: Stream, read: () => void): void {
    if (stream.status !== 'open') return
    stream.pause()
    const key = keyOf(name, from)
    const paused = this.#paused.get(key) ?? new Set()
    paused.add(read)
    this.#paused.set(key, paused)
  }
}

const keyOf = (name: string, peer: PeerId): string => `${name} ${peer}`
