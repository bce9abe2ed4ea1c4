import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { ArmError } from '@armchain/core'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { RpcLimits } from '../limits.ts'
import { type AccessPolicy, accessProblem } from './access.ts'
import type { HeldBytes } from './held-bytes.ts'
import { CLOSING, endSocket, refusal } from './http.ts'
import type { RpcProcessor } from './processor.ts'
import { RequestContext } from './request-context.ts'
import type { Subscriber, SubscriptionHub } from './subscriptions.ts'
import { errorText } from './wire.ts'

export type WebSocketOptions = {
  readonly processor: RpcProcessor
  readonly hub: SubscriptionHub
  readonly limits: RpcLimits
  readonly access: AccessPolicy
  readonly closing: () => boolean
  readonly held: HeldBytes
  readonly onCount: (change: number) => void
}

export interface SocketServer {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Says goodbye to every socket that has nothing in flight, and ends the waits of the others. */
  close(): void
  terminate(): void
  /** Sockets still open. */
  count(): number
}

/** How much more than its limit a socket may leave unread before it is cut: answers are not queued as events are. */
const UNREAD_FACTOR = 4
const CLOSE_GOING_AWAY = 1001
const BINARY = { code: 'ARM_RPC_REQUEST', message: 'a WebSocket takes JSON in text frames' } as const

export function createSocketServer(options: WebSocketOptions): SocketServer {
  const { limits } = options
  const server = new WebSocketServer({ noServer: true, maxPayload: limits.frameBytes, perMessageDeflate: false })
  const open = new Set<Connection>()
  const heartbeat = setInterval(() => {
    for (const connection of open) connection.beat()
  }, limits.heartbeatMs).unref()

  return {
    upgrade(request, socket, head) {
      // Until ws takes over, nobody else listens for the reset of a client that leaves early.
      socket.on('error', () => socket.destroy())
      const problem = accessProblem(options.access, request.headers)
      if (problem) return endSocket(socket, refusal(403, problem))
      if (options.closing()) return endSocket(socket, refusal(503, CLOSING))
      if (!/^\/(ws)?(\?|$)/.test(request.url ?? '')) {
        const message = 'WebSockets are at / only'
        return endSocket(socket, refusal(404, { code: 'ARM_NOT_FOUND', message }))
      }
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const connection: Connection = new Connection(webSocket, options, () => {
          open.delete(connection)
          options.onCount(-1)
        })
        open.add(connection)
        options.onCount(1)
      })
    },
    close() {
      clearInterval(heartbeat)
      for (const connection of open) connection.leave()
    },
    terminate() {
      for (const connection of open) connection.terminate()
    },
    count: () => open.size,
  }
}

class Connection implements Subscriber {
  readonly #socket: WebSocket
  readonly #options: WebSocketOptions
  readonly #context: RequestContext
  /** Requests that wait for their turn. The socket is never paused: it would not see that its client has gone. */
  readonly #queue: RawData[] = []
  #queuedBytes = 0
  #unanswered = 0
  #beginning = false
  #alive = true
  #leaving = false

  constructor(socket: WebSocket, options: WebSocketOptions, onClose: () => void) {
    this.#socket = socket
    this.#options = options
    this.#context = new RequestContext({ waits: 0, requests: 0 }, this, () => this.#beginQueued())
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('pong', () => {
      this.#alive = true
    })
    // ws closes by itself, with the standard's code (1009 for too large); 'close' follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      options.hub.drop(this)
      this.#queue.length = 0
      options.held.give(this.#queuedBytes)
      this.#queuedBytes = 0
      this.#context.abort(new ArmError('ARM_RPC_CLOSED', 'the client has gone'))
      onClose()
    })
  }

  send(text: string): void {
    const { socketBufferBytes } = this.#options.limits
    if (this.#socket.readyState !== this.#socket.OPEN) return
    if (this.#socket.bufferedAmount > socketBufferBytes * UNREAD_FACTOR) return this.#socket.terminate()
    this.#socket.send(text, () => this.#options.hub.drained(this))
  }

  unsentBytes(): number {
    return this.#socket.bufferedAmount
  }

  beat(): void {
    if (!this.#alive) return this.#socket.terminate()
    this.#alive = false
    this.#socket.ping()
  }

  leave(): void {
    this.#leaving = true
    this.#context.abort(new ArmError('ARM_RPC_CLOSED', CLOSING.message))
    if (this.#unanswered === 0) this.#socket.close(CLOSE_GOING_AWAY, CLOSING.code)
  }

  terminate(): void {
    this.#socket.terminate()
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (isBinary) return this.send(errorText(null, BINARY))
    if (this.#leaving) return
    const { inFlightPerSocket, queuedPerSocket, frameBytes } = this.#options.limits
    if (this.#queue.length === 0 && this.#context.working < inFlightPerSocket) return void this.#answer(data)
    const sizeBytes = sizeOf(data)
    const full = this.#queue.length >= queuedPerSocket || this.#queuedBytes + sizeBytes > frameBytes
    if (full || !this.#options.held.take(sizeBytes)) return this.send(this.#options.processor.refuse(bytesOf(data)))
    this.#queue.push(data)
    this.#queuedBytes += sizeBytes
  }

  #beginQueued(): void {
    // A call that is answered at once makes room within the loop.
    if (this.#beginning) return
    this.#beginning = true
    const { inFlightPerSocket } = this.#options.limits
    while (this.#queue.length > 0 && this.#context.working < inFlightPerSocket) {
      const data = this.#queue.shift() as RawData
      this.#queuedBytes -= sizeOf(data)
      this.#options.held.give(sizeOf(data))
      void this.#answer(data)
    }
    this.#beginning = false
  }

  async #answer(data: RawData): Promise<void> {
    const { processor, hub } = this.#options
    this.#unanswered++
    const text = await processor.process(bytesOf(data), this.#context)
    if (text !== undefined) this.send(text)
    hub.activate(this)
    if (--this.#unanswered === 0 && this.#leaving) this.#socket.close(CLOSE_GOING_AWAY, CLOSING.code)
  }
}

function sizeOf(data: RawData): number {
  return Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data
}
