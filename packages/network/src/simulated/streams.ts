import { ByteQueue } from '../byte-queue.ts'
import type { InboundQueues } from '../inbound-queues.ts'
import type { ChannelSpec, ChannelStats, PeerId } from '../network.ts'
import { networkError } from '../network-error.ts'
import { OutboundQueue } from '../outbound-queue.ts'
import type { Carrier, Frame } from './frame.ts'
import type { Arrived } from './gossip.ts'
import { WINDOW_BYTES } from './limits.ts'

/**
 * One node's channels: a stream to each peer with a window, so a slow reader slows its senders down, whose queues then
 * lose by their policy. Where only the latest counts (`drop: 'oldest'`) reading goes on, and the reader's queue loses.
 *
 * *Deviation*: the sender knows at once what has been read; on a real stream it learns so half a round trip later.
 */
export class Streams {
  readonly #carrier: Carrier
  readonly #queues: InboundQueues<Arrived>
  readonly #channels: Map<string, Channel> = new Map()

  constructor(carrier: Carrier, queues: InboundQueues<Arrived>) {
    this.#carrier = carrier
    this.#queues = queues
  }

  open(spec: ChannelSpec): void {
    if (this.#channels.has(spec.name)) return
    this.#queues.open(spec.name, spec.queue)
    this.#channels.set(spec.name, { spec, outbound: new Map(), inbound: new Map(), received: 0, sent: 0, unsent: 0 })
  }

  send(name: string, to: PeerId, bytes: Uint8Array): void {
    const channel = this.#channels.get(name)
    if (channel === undefined) throw networkError('not-open', `the channel ${name} is not open`)
    if (bytes.length > channel.spec.messageBytesMax)
      throw networkError('too-large', `a message of ${bytes.length} bytes is larger than ${name} allows`)
    if (!this.#carrier.isConnected(to)) {
      channel.unsent++
      return
    }
    let stream = channel.outbound.get(to)
    if (stream === undefined) {
      stream = { queue: new OutboundQueue(channel.spec.outbound), unreadBytes: 0 }
      channel.outbound.set(to, stream)
    }
    stream.queue.push(bytes)
    this.#flush(channel, to, stream)
  }

  receive(from: PeerId, frame: Extract<Frame, { kind: 'channel' }>, hasRead: HasRead): void {
    const channel = this.#channels.get(frame.channel)
    if (channel === undefined) return hasRead(frame.channel, frame.bytes.length)
    if (frame.bytes.length > channel.spec.messageBytesMax) return hasRead(frame.channel, frame.bytes.length)
    let stream = channel.inbound.get(from)
    if (stream === undefined) {
      stream = { arrived: new ByteQueue(), isPaused: false, hasRead }
      channel.inbound.set(from, stream)
    }
    stream.arrived.push({ bytes: frame.bytes })
    this.#read(channel, from, stream)
  }

  /** The reader's queue has room for the peer again. */
  resume(name: string, from: PeerId): void {
    const channel = this.#channels.get(name)
    const stream = channel?.inbound.get(from)
    if (channel === undefined || stream === undefined || !stream.isPaused) return
    stream.isPaused = false
    this.#read(channel, from, stream)
  }

  /** The peer has read so much of what was sent to it. */
  wasRead(name: string, to: PeerId, sizeBytes: number): void {
    const channel = this.#channels.get(name)
    const stream = channel?.outbound.get(to)
    if (channel === undefined || stream === undefined) return
    stream.unreadBytes -= sizeBytes
    this.#flush(channel, to, stream)
  }

  gone(peer: PeerId): void {
    for (const channel of this.#channels.values()) {
      const stream = channel.outbound.get(peer)
      channel.unsent += (stream?.queue.length ?? 0) + (stream?.queue.dropped ?? 0)
      channel.outbound.delete(peer)
      channel.inbound.delete(peer)
    }
  }

  stats(): ChannelStats[] {
    return [...this.#channels].map(([name, { received, sent, unsent, outbound }]) => {
      const { waiting, dropped } = this.#queues.stats(name)
      let lost = unsent
      for (const { queue } of outbound.values()) lost += queue.dropped
      return { name, received, sent, dropped, unsent: lost, waiting }
    })
  }

  #flush(channel: Channel, to: PeerId, stream: Outbound): void {
    while (stream.queue.length > 0 && stream.unreadBytes < WINDOW_BYTES) {
      const bytes = stream.queue.shift() as Uint8Array
      stream.unreadBytes += bytes.length
      channel.sent++
      this.#carrier.transmit(to, { kind: 'channel', channel: channel.spec.name, bytes })
    }
  }

  #read(channel: Channel, from: PeerId, stream: InboundStream): void {
    const { name, queue } = channel.spec
    while (!stream.isPaused) {
      const next = stream.arrived.shift()
      if (next === undefined) return
      channel.received++
      const offered = this.#queues.offer({ on: name, from, bytes: next.bytes, message: undefined })
      stream.isPaused = offered === 'full' && queue.drop === 'newest'
      stream.hasRead(name, next.bytes.length)
    }
  }
}

/** Tells the sender that the next bytes of a channel have been read. */
export type HasRead = (channel: string, sizeBytes: number) => void

type Channel = {
  readonly spec: ChannelSpec
  readonly outbound: Map<PeerId, Outbound>
  readonly inbound: Map<PeerId, InboundStream>
  received: number
  sent: number
  unsent: number
}

type Outbound = { readonly queue: OutboundQueue; unreadBytes: number }
type InboundStream = {
  readonly arrived: ByteQueue<{ readonly bytes: Uint8Array }>
  isPaused: boolean
  readonly hasRead: HasRead
}
