import type { NetworkStats, PeerContact, PeerId } from '../network.ts'
import { networkError } from '../network-error.ts'
import { OutboundQueue } from '../outbound-queue.ts'
import type { QueueSpec } from '../queue-spec.ts'
import { PORT_BYTES_MAX } from './limits.ts'
import type { RunningThread } from './start-worker.ts'
import { crashed, errorOf, type FromThread, type ThreadCall, type ToThread } from './thread-items.ts'
import { ThreadPort, unpack } from './thread-port.ts'

export type CallResult = number | string | NetworkStats | Uint8Array | undefined

type PendingCall = {
  readonly settle: (value: CallResult) => void
  readonly fail: (error: unknown) => void
  readonly onFound: ((contact: PeerContact) => void) | undefined
}
type Outgoing = { readonly channel: string; readonly to: PeerId; readonly queue: OutboundQueue }
/** What is not settled in the link itself. */
export type LinkItem = Exclude<FromThread, { readonly type: 'taken' | 'result' | 'failure' | 'found' }>

export type ThreadLinkEvents = {
  readonly onItem: (item: LinkItem, bytes: Uint8Array) => void
  /** The thread has ended, and was not told to. */
  readonly onEnd: (error: unknown) => void
}

/**
 * One life of the network's thread, from the node's side.
 *
 * Messages of channels cross while fewer than `PORT_BYTES_MAX` bytes are on their way; the rest waits in the queue of
 * its channel and peer, and loses by its policy. Calls that would wait so are refused.
 */
export class ThreadLink {
  readonly #thread: RunningThread
  readonly #events: ThreadLinkEvents
  readonly #port: ThreadPort<ToThread>
  readonly #calls: Map<number, PendingCall> = new Map()
  readonly #outgoing: Map<string, Outgoing> = new Map()
  readonly #unsent: Map<string, number> = new Map()
  #inTransitBytes = 0
  #nextId = 0
  #isOver = false
  #error: unknown

  constructor(thread: RunningThread, events: ThreadLinkEvents) {
    this.#thread = thread
    this.#events = events
    this.#port = new ThreadPort(thread.port, queueMicrotask)
    thread.port.on('message', (batch) => {
      if (!this.#isOver) unpack<FromThread>(batch, (item, bytes) => this.#receive(item, bytes))
    })
    thread.onEnd((error) => this.#end(error))
  }

  /** Lost on the way to the thread, of one channel. */
  unsent(channel: string): number {
    return this.#unsent.get(channel) ?? 0
  }

  post(item: ToThread, bytes?: Uint8Array): void {
    if (!this.#isOver) this.#port.post(item, bytes)
  }

  send(channel: string, to: PeerId, bytes: Uint8Array, spec: QueueSpec): void {
    if (this.#isOver) return
    const key = `${channel} ${to}`
    const known = this.#outgoing.get(key)
    if (known === undefined && this.#inTransitBytes < PORT_BYTES_MAX) return this.#cross(channel, to, bytes)
    const { queue } = known ?? { queue: new OutboundQueue(spec) }
    if (known === undefined) this.#outgoing.set(key, { channel, to, queue })
    const { dropped } = queue
    queue.push(bytes)
    this.#unsent.set(channel, this.unsent(channel) + queue.dropped - dropped)
  }

  /** @throws ArmError of the thread; ARM_NETWORK if it has ended, or has too much to do. */
  async call(
    call: ThreadCall,
    bytes?: Uint8Array,
    options: { readonly signal?: AbortSignal; readonly onFound?: (contact: PeerContact) => void } = {},
  ): Promise<CallResult> {
    const { signal, onFound } = options
    if (this.#isOver) throw crashed(this.#error)
    if (this.#inTransitBytes > PORT_BYTES_MAX && bytes !== undefined)
      throw networkError('busy', 'the network is behind with what it was given')
    const id = this.#nextId++
    const abort = (): void => this.post({ type: 'abort', id })
    signal?.addEventListener('abort', abort, { once: true })
    try {
      return await new Promise<CallResult>((settle, fail) => {
        this.#calls.set(id, { settle, fail, onFound })
        this.#inTransitBytes += bytes?.length ?? 0
        this.post({ type: 'call', id, call }, bytes)
        if (signal?.aborted === true) abort()
      })
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#calls.delete(id)
    }
  }

  /** The thread is to end now, whatever it does. */
  async terminate(): Promise<void> {
    this.#isOver = true
    await this.#thread.terminate()
  }

  #receive(item: FromThread, bytes: Uint8Array | undefined): void {
    switch (item.type) {
      case 'taken':
        this.#inTransitBytes -= item.sizeBytes
        this.#crossMore()
        return
      case 'result':
        return this.#calls.get(item.id)?.settle(bytes ?? item.value)
      case 'failure':
        return this.#calls.get(item.id)?.fail(errorOf(item.failure))
      case 'found':
        return this.#calls.get(item.id)?.onFound?.(item.contact)
      default:
        return this.#events.onItem(item, bytes ?? NOTHING)
    }
  }

  #cross(channel: string, to: PeerId, bytes: Uint8Array): void {
    this.#inTransitBytes += bytes.length
    this.#port.post({ type: 'send', channel, to }, bytes)
  }

  /** One message of each queue in turn, while there is room on the way. */
  #crossMore(): void {
    while (this.#outgoing.size > 0) {
      for (const [key, { channel, to, queue }] of this.#outgoing) {
        if (this.#inTransitBytes >= PORT_BYTES_MAX) return
        const bytes = queue.shift()
        if (bytes === undefined) this.#outgoing.delete(key)
        else this.#cross(channel, to, bytes)
      }
    }
  }

  #end(error: unknown): void {
    this.#error = error
    const wasOver = this.#isOver
    this.#isOver = true
    for (const { fail } of this.#calls.values()) fail(crashed(this.#error))
    if (!wasOver) this.#events.onEnd(this.#error)
  }
}

const NOTHING = new Uint8Array(0)
