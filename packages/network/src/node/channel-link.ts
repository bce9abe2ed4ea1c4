import type { Connection, Stream } from '@libp2p/interface'
import { networkError } from '../network-error.ts'
import type { OutboundQueue } from '../outbound-queue.ts'
import { joinFrames } from './frame-reader.ts'
import {
  CHANNEL_STALLED_MS,
  CHANNEL_WRITE_BYTES,
  REOPEN_FIRST_MS,
  REOPEN_LAST_MS,
  STREAM_OPEN_TIMEOUT_MS,
} from './limits.ts'
import { untilRoom } from './stream-room.ts'

export type ChannelPeer = {
  readonly connection: () => Connection | undefined
  readonly onSent: (sizeBytes: number) => void
}

/**
 * One channel to one peer: a queue, and a stream that stays open, since opening one costs as much as ten round trips.
 * The stream is opened with the first message and again when it ends, at growing intervals, while there is a connection.
 * What was written on a stream that ends may be lost, as on any network.
 */
export class ChannelLink {
  readonly #protocol: string
  readonly #queue: OutboundQueue
  readonly #peer: ChannelPeer
  #stream: Stream | undefined
  #isBusy = false
  #isClosed = false
  #reopenMs = REOPEN_FIRST_MS
  #timer: NodeJS.Timeout | undefined
  #sent = 0

  constructor(protocol: string, queue: OutboundQueue, peer: ChannelPeer) {
    this.#protocol = protocol
    this.#queue = queue
    this.#peer = peer
  }

  get sent(): number {
    return this.#sent
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Lost, or waiting. */
  get unsent(): number {
    return this.#queue.dropped + this.#queue.length
  }

  send(bytes: Uint8Array): void {
    this.#queue.push(bytes)
    // One write for all that is sent in this turn.
    if (!this.#isBusy && this.#timer === undefined) {
      this.#isBusy = true
      queueMicrotask(() => void this.#work())
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    void this.#stream?.close().catch((error: Error) => this.#stream?.abort(error))
  }

  async #work(): Promise<void> {
    this.#isBusy = true
    try {
      while (!this.#isClosed && this.#queue.length > 0) {
        this.#stream ??= await this.#open()
        await this.#write(this.#stream)
      }
    } catch (error) {
      this.#stream?.abort(error instanceof Error ? error : new Error(String(error)))
      this.#stream = undefined
      this.#tryLater()
    } finally {
      this.#isBusy = false
    }
  }

  async #open(): Promise<Stream> {
    const connection = this.#peer.connection()
    if (connection === undefined) throw networkError('not-reached', 'there is no connection')
    const stream = await connection.newStream(this.#protocol, {
      signal: AbortSignal.timeout(STREAM_OPEN_TIMEOUT_MS),
      runOnLimitedConnection: true,
    })
    stream.addEventListener('close', () => {
      if (this.#stream === stream) this.#stream = undefined
    })
    // Nothing is read here, so whatever comes would pile up.
    stream.addEventListener('message', () => stream.abort(networkError('not-open', 'the stream is read at one end')))
    if (this.#isClosed) stream.abort(networkError('closed', 'the channel is closed'))
    return stream
  }

  async #write(stream: Stream): Promise<void> {
    const messages: Uint8Array[] = []
    let sizeBytes = 0
    while (sizeBytes < CHANNEL_WRITE_BYTES) {
      const bytes = this.#queue.shift()
      if (bytes === undefined) break
      messages.push(bytes)
      sizeBytes += bytes.length
    }
    stream.send(joinFrames(messages))
    this.#sent += messages.length
    this.#peer.onSent(sizeBytes)
    await untilRoom(stream, CHANNEL_WRITE_BYTES, CHANNEL_STALLED_MS)
    this.#reopenMs = REOPEN_FIRST_MS
  }

  #tryLater(): void {
    if (this.#isClosed) return
    const waitMs = this.#reopenMs * (0.5 + Math.random() / 2)
    this.#reopenMs = Math.min(REOPEN_LAST_MS, 2 * this.#reopenMs)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#work()
    }, waitMs)
  }
}
