import { ArmError } from '@armchain/core'
import { closedError, connectError, serverError, timeoutError } from './rpc-failure.ts'
import type { RpcParams, Topic } from './rpc-schema.ts'

/** The part of the standard WebSocket that is used; browsers, Node and `ws` have it. */
export type WebSocketLike = {
  onopen: ((event: never) => unknown) | null
  onmessage: ((event: never) => unknown) | null
  onerror: ((event: never) => unknown) | null
  onclose: ((event: never) => unknown) | null
  send(text: string): void
  close(code?: number, reason?: string): void
}
export type WebSocketConstructor = new (url: string) => WebSocketLike

export type SubscriptionFilter = Omit<RpcParams<'arm_subscribe'>, 'topic'>

export interface RpcSubscription extends AsyncDisposable {
  readonly topic: Topic
  close(): Promise<void>
}

export type SocketOptions = {
  readonly url: string
  readonly WebSocket: WebSocketConstructor | undefined
  readonly timeoutMs: number
}

export interface Socket {
  subscribe(
    topic: Topic,
    filter: SubscriptionFilter,
    onEvent: (event: unknown) => void,
    onError: (error: ArmError) => void,
  ): Promise<RpcSubscription>
  close(): Promise<void>
}

type Entry = {
  readonly topic: Topic
  readonly filter: SubscriptionFilter
  readonly onEvent: (event: unknown) => void
  readonly onError: (error: ArmError) => void
  /** Id on the present connection. */
  id: string | undefined
}

type Pending = {
  readonly method: string
  readonly onResult: (result: unknown) => void
  readonly resolve: () => void
  readonly reject: (error: ArmError) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** Attempts after a break before subscriptions end: about half a minute of trying. */
const RECONNECT_ATTEMPTS_MAX = 10
const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 5_000
/** Calls that may wait for an answer on one socket. */
const PENDING_MAX = 1_024

/** One connection, made when first needed, for all subscriptions of a client. */
class SubscriptionSocket implements Socket {
  readonly #options: SocketOptions
  readonly #entries = new Set<Entry>()
  readonly #byId = new Map<string, Entry>()
  readonly #pending = new Map<number, Pending>()
  #socket: WebSocketLike | undefined
  #opening: Promise<void> | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #attempts = 0
  #nextId = 1
  #closed = false

  constructor(options: SocketOptions) {
    this.#options = options
  }

  async subscribe(
    topic: Topic,
    filter: SubscriptionFilter,
    onEvent: (event: unknown) => void,
    onError: (error: ArmError) => void,
  ): Promise<RpcSubscription> {
    const entry: Entry = { topic, filter, onEvent, onError, id: undefined }
    await this.#open()
    await this.#begin(entry)
    const close = () => this.#end(entry)
    return { topic, close, [Symbol.asyncDispose]: close }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#entries.clear()
    const socket = this.#socket
    this.#detach(closedError())
    socket?.close(1000)
  }

  #open(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError())
    if (this.#socket) return Promise.resolve()
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  #connect(): Promise<void> {
    const { url, WebSocket, timeoutMs } = this.#options
    if (!WebSocket)
      return Promise.reject(
        new ArmError('ARM_RPC_CONNECT', 'there is no WebSocket here', { hint: 'pass one as the option WebSocket' }),
      )
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url)
      const fail = (error: ArmError) => {
        clearTimeout(timer)
        silence(socket)
        socket.close()
        reject(error)
      }
      const timer = setTimeout(() => fail(timeoutError(url, 'connect', timeoutMs)), timeoutMs)
      socket.onerror = (event: { error?: unknown; message?: unknown }) =>
        fail(connectError(url, event.error ?? event.message ?? 'the WebSocket failed'))
      socket.onclose = () => fail(connectError(url, 'the WebSocket was closed'))
      socket.onopen = () => {
        if (this.#closed) return fail(closedError())
        clearTimeout(timer)
        this.#attach(socket)
        resolve()
      }
    })
  }

  #attach(socket: WebSocketLike): void {
    this.#socket = socket
    socket.onmessage = ({ data }: { data: unknown }) => this.#receive(data)
    socket.onerror = () => {}
    socket.onclose = () => this.#broken()
  }

  #detach(reason: ArmError): void {
    if (this.#socket) silence(this.#socket)
    this.#socket = undefined
    this.#byId.clear()
    for (const entry of this.#entries) entry.id = undefined
    for (const [id, { reject, timer }] of [...this.#pending]) {
      clearTimeout(timer)
      this.#pending.delete(id)
      reject(reason)
    }
  }

  #broken(): void {
    this.#detach(connectError(this.#options.url, 'the connection broke'))
    for (const entry of [...this.#entries]) this.#tell(entry, 'the connection broke: events may be missing', false)
    this.#scheduleRetry()
  }

  #scheduleRetry(): void {
    if (this.#closed || this.#entries.size === 0) return
    if (this.#attempts >= RECONNECT_ATTEMPTS_MAX) {
      const entries = [...this.#entries]
      this.#entries.clear()
      this.#attempts = 0
      for (const entry of entries) this.#tell(entry, 'the node did not come back', true)
      return
    }
    const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#attempts++)
    // Half of it by chance, so that many clients do not return at once.
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => void this.#again(), backoffMs * (0.5 + Math.random() / 2))
  }

  async #again(): Promise<void> {
    try {
      await this.#open()
      for (const entry of [...this.#entries]) if (entry.id === undefined) await this.#begin(entry)
      this.#attempts = 0
    } catch (error) {
      // A break while subscribing has scheduled the next attempt itself.
      if (this.#socket) this.#socket.close()
      else if (!(error instanceof ArmError && error.code === 'ARM_RPC_CLOSED')) this.#scheduleRetry()
    }
  }

  async #begin(entry: Entry): Promise<void> {
    await this.#request('arm_subscribe', { topic: entry.topic, ...entry.filter }, (result) => {
      entry.id = String(result)
      this.#byId.set(entry.id, entry)
      this.#entries.add(entry)
    })
  }

  async #end(entry: Entry): Promise<void> {
    this.#entries.delete(entry)
    const { id } = entry
    if (id === undefined || !this.#socket) return
    this.#byId.delete(id)
    // It has ended for the caller whatever the node answers.
    await this.#request('arm_unsubscribe', { subscription: id }, () => {}).catch(() => undefined)
  }

  /** `onResult` runs before anything else is read: the first event may follow in the same tick. */
  #request(method: string, params: object, onResult: (result: unknown) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket
      if (!socket) return reject(connectError(this.#options.url, 'the connection broke'))
      if (this.#pending.size >= PENDING_MAX)
        return reject(new ArmError('ARM_RPC_BUSY', 'too many subscriptions wait for an answer', { limit: PENDING_MAX }))
      const id = this.#nextId++
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        reject(timeoutError(this.#options.url, method, this.#options.timeoutMs))
      }, this.#options.timeoutMs)
      this.#pending.set(id, { method, onResult, resolve, reject, timer })
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    })
  }

  #receive(data: unknown): void {
    const message = parse(data)
    if (message === undefined) return
    if (message.method === 'arm_subscription') return this.#notified(message.params)
    const pending = this.#pending.get(message.id as number)
    if (!pending) return
    this.#pending.delete(message.id as number)
    clearTimeout(pending.timer)
    if (message.error !== undefined) {
      pending.reject(serverError(message.error, pending.method))
      return
    }
    pending.onResult(message.result)
    pending.resolve()
  }

  #notified(params: unknown): void {
    if (typeof params !== 'object' || params === null) return
    const { subscription, result, error } = params as { subscription?: unknown; result?: unknown; error?: unknown }
    const entry = this.#byId.get(String(subscription))
    if (!entry) return
    if (error === undefined) return entry.onEvent(result)
    this.#entries.delete(entry)
    this.#byId.delete(String(subscription))
    const { code, message, data, hint } = serverError(error, 'arm_subscription')
    entry.onError(new ArmError(code, message, { ...data, final: true, ...(hint === undefined ? {} : { hint }) }))
  }

  #tell(entry: Entry, message: string, final: boolean): void {
    const { url } = this.#options
    entry.onError(new ArmError('ARM_RPC_CONNECT', message, { url, topic: entry.topic, final }))
  }
}

export function createSocket(options: SocketOptions): Socket {
  return new SubscriptionSocket(options)
}

type Message = {
  readonly id?: unknown
  readonly method?: unknown
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: unknown
}

/** Nothing for what is not a JSON object: a node of ours does not send it, and one bad frame ends nothing. */
function parse(data: unknown): Message | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const message: unknown = JSON.parse(data)
    return typeof message === 'object' && message !== null ? message : undefined
  } catch {
    return undefined
  }
}

function silence(socket: WebSocketLike): void {
  socket.onopen = null
  socket.onmessage = null
  socket.onclose = null
  // A socket that is closed while it connects still reports an error.
  socket.onerror = () => {}
}
