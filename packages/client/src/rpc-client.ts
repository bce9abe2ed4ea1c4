import { ArmError, type Outcome, toHex } from '@armchain/core'
import { closedError, connectError, responseError, serverError, timeoutError } from './rpc-failure.ts'
import type { RpcMethodName, RpcParams, RpcResult, Topic } from './rpc-schema.ts'
import { createSocket, type RpcSubscription, type SubscriptionFilter, type WebSocketConstructor } from './rpc-socket.ts'

export type RpcClientOptions = {
  /** HTTP endpoint, such as `http://127.0.0.1:8645`. */
  readonly url: string
  /** WebSocket endpoint; by default the same host and path under `ws:` or `wss:`. */
  readonly wsUrl?: string
  readonly fetch?: typeof globalThis.fetch
  readonly WebSocket?: WebSocketConstructor
  /** Longest wait for an answer; 30,000 by default. */
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
}

export type CallOptions = { readonly timeoutMs?: number; readonly signal?: AbortSignal }

/** Params may be left out where none is required. */
type ParamsArgument<Params> = object extends Params
  ? [params?: Params, options?: CallOptions]
  : [params: Params, options?: CallOptions]

/** One call of a batch: `['arm_getAccount', { address }]`. */
export type BatchCall = { [Name in RpcMethodName]: readonly [Name, RpcParams<Name>] }[RpcMethodName]

export type BatchOutcomes<Calls extends readonly BatchCall[]> = {
  readonly [Index in keyof Calls]: Outcome<RpcResult<Calls[Index][0]>, ArmError>
}

export type BulkResult = {
  readonly accepted: number
  readonly refused: readonly { readonly index: number; readonly code: string; readonly message: string }[]
  /** By position; null where refused. */
  readonly txIds: readonly (string | null)[]
}

export interface RpcClient extends AsyncDisposable {
  readonly url: string
  /** Throws the ArmError that the node refused with, or `ARM_RPC_CONNECT`, `_TIMEOUT`, `_RESPONSE`, `_CLOSED`. */
  call<Name extends RpcMethodName>(name: Name, ...args: ParamsArgument<RpcParams<Name>>): Promise<RpcResult<Name>>
  /** One request for many calls; each has its own outcome, in the order of `calls`. */
  batch<const Calls extends readonly BatchCall[]>(calls: Calls, options?: CallOptions): Promise<BatchOutcomes<Calls>>
  /** Hands over signed transactions in the binary form: the cheapest way to submit many. */
  submitRaw(transactions: readonly Uint8Array[], options?: CallOptions): Promise<BulkResult>
  /**
   * Resolves once the node has confirmed. The connection is made again, and the subscription with it, when it breaks;
   * `onError` is told, as events may be missing then, and with `data.final` true when the subscription has ended.
   */
  subscribe(
    topic: Topic,
    filter: SubscriptionFilter,
    onEvent: (event: unknown) => void,
    onError?: (error: ArmError) => void,
  ): Promise<RpcSubscription>
  /** Every pending call ends with `ARM_RPC_CLOSED`. */
  close(): Promise<void>
}

const DEFAULT_TIMEOUT_MS = 30_000
/** Added to the wait that a call itself asks for. */
const WAIT_MARGIN_MS = 5_000
/** What a method that waits does so for when it is not told, as the node does. */
const WAIT_DEFAULT_MS = 30_000

type Answer = { readonly id?: unknown; readonly result?: unknown; readonly error?: unknown }

export function createRpcClient(options: RpcClientOptions): RpcClient {
  const { headers = {}, timeoutMs: defaultTimeoutMs = DEFAULT_TIMEOUT_MS } = options
  const url = checkedUrl(options.url)
  const closing = new AbortController()
  const socket = createSocket({
    url: options.wsUrl ?? socketUrl(url),
    WebSocket: options.WebSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined),
    timeoutMs: defaultTimeoutMs,
  })
  const send = (request: Omit<HttpRequest, 'fetch' | 'headers' | 'closing' | 'timeoutMs'>, timeoutMs?: number) =>
    post({
      ...request,
      timeoutMs: timeoutMs ?? defaultTimeoutMs,
      headers,
      closing: closing.signal,
      // Looked up on each call, so that a fetch that is replaced later, by a test or a polyfill, is the one used.
      // Called as a function of its own: a browser refuses `fetch` on any other object.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    })
  let nextId = 1

  const close = async (): Promise<void> => {
    closing.abort()
    await socket.close()
  }
  return {
    url,
    async call(name, ...[params, { timeoutMs, signal } = {}]) {
      const id = nextId++
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: name, params: params ?? {} })
      const wait = timeoutMs ?? waitOf(name, params, defaultTimeoutMs)
      const answer = await send({ url, body, type: 'application/json', method: name, signal }, wait)
      return resultOf(answer, id, name) as never
    },
    async batch(calls, { timeoutMs, signal } = {}) {
      if (calls.length === 0) return [] as never
      const first = nextId
      nextId += calls.length
      const requests = calls.map(([method, params], i) => ({ jsonrpc: '2.0', id: first + i, method, params }))
      const wait = Math.max(...calls.map(([name, params]) => timeoutMs ?? waitOf(name, params, defaultTimeoutMs)))
      const answer = await send(
        { url, body: JSON.stringify(requests), type: 'application/json', method: 'batch', signal },
        wait,
      )
      return batchOutcomes(answer, first, calls) as never
    },
    async submitRaw(transactions, { timeoutMs, signal } = {}) {
      const target = new URL(url)
      target.pathname = `${target.pathname.replace(/\/$/, '')}/submit`
      target.searchParams.set('ids', '1')
      const type = 'application/octet-stream'
      const answer = await send(
        { url: target.href, body: framed(transactions), type, method: 'submit', signal },
        timeoutMs,
      )
      return bulkResult(answer)
    },
    subscribe: (topic, filter, onEvent, onError) => socket.subscribe(topic, filter, onEvent, onError ?? (() => {})),
    close,
    [Symbol.asyncDispose]: close,
  }
}

type HttpRequest = {
  readonly url: string
  readonly body: string | Uint8Array<ArrayBuffer>
  readonly type: string
  /** For messages. */
  readonly method: string
  readonly timeoutMs: number
  readonly headers: Readonly<Record<string, string>>
  readonly fetch: typeof globalThis.fetch
  readonly closing: AbortSignal
  readonly signal: AbortSignal | undefined
}

/** The JSON of the answer, whatever its HTTP status: refusals of ours are JSON too. */
async function post({
  url,
  body,
  type,
  method,
  timeoutMs,
  headers,
  closing,
  signal,
  ...io
}: HttpRequest): Promise<unknown> {
  if (closing.aborted) throw closedError()
  const abort = new AbortController()
  let stopped: ArmError | undefined
  const stop = (error: ArmError) => {
    stopped ??= error
    abort.abort(error)
  }
  const onClose = () => stop(closedError())
  const onCancel = () =>
    stop(new ArmError('ARM_RPC_CLOSED', `${method} was cancelled`, { method }, { cause: signal?.reason }))
  const timer = setTimeout(() => stop(timeoutError(url, method, timeoutMs)), timeoutMs)
  closing.addEventListener('abort', onClose)
  signal?.addEventListener('abort', onCancel)
  if (signal?.aborted) onCancel()
  let response: Response | undefined
  try {
    response = await io.fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': type },
      body,
      signal: abort.signal,
    })
    return parsed(await response.text(), method, response.status)
  } catch (error) {
    if (stopped) throw stopped
    if (error instanceof ArmError) throw error
    throw connectError(url, error)
  } finally {
    clearTimeout(timer)
    closing.removeEventListener('abort', onClose)
    signal?.removeEventListener('abort', onCancel)
  }
}

function parsed(text: string, method: string, status: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw responseError(`${method}: the answer (HTTP ${status}) is not JSON`, method, status, text)
  }
}

function resultOf(answer: unknown, id: number, method: string): unknown {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw responseError(`${method}: the answer is not a JSON-RPC object`, method)
  const { id: answered, result, error } = answer as Answer
  if (error !== undefined) throw serverError(error, method)
  if (answered !== id || result === undefined)
    throw responseError(`${method}: the answer has another id or no result`, method)
  return result
}

function batchOutcomes(answer: unknown, first: number, calls: readonly BatchCall[]): Outcome<unknown, ArmError>[] {
  // The batch as a whole was refused.
  if (!Array.isArray(answer)) {
    resultOf(answer, -1, 'batch')
    throw responseError('batch: the answer is not an array', 'batch')
  }
  const byId = new Map<unknown, Answer>(answer.map((item: Answer | null) => [item?.id, item ?? {}]))
  return calls.map(([method], i) => {
    const item = byId.get(first + i)
    if (item === undefined) return { ok: false, reason: responseError(`${method}: no answer in the batch`, method) }
    if (item.error !== undefined) return { ok: false, reason: serverError(item.error, method) }
    return { ok: true, value: item.result }
  })
}

function bulkResult(answer: unknown): BulkResult {
  const result = answer as Partial<BulkResult> & Answer
  if (typeof answer !== 'object' || answer === null)
    throw responseError('submit: the answer is not an object', 'submit')
  if (result.error !== undefined) throw serverError(result.error, 'submit')
  const { accepted, refused, txIds } = result
  if (typeof accepted !== 'number' || !Array.isArray(refused) || !Array.isArray(txIds))
    throw responseError('submit: the answer lacks accepted, refused or txIds', 'submit')
  return { accepted, refused, txIds }
}

/** Each transaction after its length as a big-endian u32. */
function framed(transactions: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(transactions.reduce((sum, { length }) => sum + 4 + length, 0))
  const view = new DataView(body.buffer)
  let offset = 0
  for (const transaction of transactions) {
    view.setUint32(offset, transaction.length)
    body.set(transaction, offset + 4)
    offset += 4 + transaction.length
  }
  return body
}

function waitOf(name: RpcMethodName, params: unknown, defaultMs: number): number {
  if (name !== 'arm_waitForReceipt' && name !== 'arm_getAnchorProof') return defaultMs
  const { timeoutMs = WAIT_DEFAULT_MS } = params as RpcParams<typeof name>
  return Math.max(defaultMs, timeoutMs + WAIT_MARGIN_MS)
}

function checkedUrl(url: string): string {
  const parts = URL.canParse(url) ? new URL(url) : undefined
  if (parts?.protocol !== 'http:' && parts?.protocol !== 'https:')
    throw new ArmError('ARM_ARGUMENT', 'url is not an http or https URL', {
      url,
      hint: 'for example http://127.0.0.1:8645',
    })
  return parts.href
}

function socketUrl(url: string): string {
  return url.replace(/^http/, 'ws')
}

/** Hex of transaction bytes, as `arm_sendTransaction` takes it. */
export function rawParam(transaction: Uint8Array): { readonly raw: string } {
  return { raw: toHex(transaction) }
}
