import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { ArmError } from '@armchain/core'
import { RPC_DRAIN_FACTOR, type RpcLimits } from '../limits.ts'
import type { Log } from '../log.ts'
import { type AccessPolicy, accessProblem } from './access.ts'
import { submitBulk } from './bulk.ts'
import type { HeldBytes, HeldShare } from './held-bytes.ts'
import type { RpcProcessor } from './processor.ts'
import { BUSY } from './request.ts'
import { RequestContext } from './request-context.ts'
import type { ConnectionLoad } from './wait-limit.ts'
import { errorText, failureOf, type RpcFailure } from './wire.ts'

export type HttpOptions = {
  readonly processor: RpcProcessor
  readonly limits: RpcLimits
  readonly access: AccessPolicy
  readonly log: Log
  /** Text of GET /metrics and its content type. */
  readonly metrics: (() => Promise<string>) | undefined
  /** JSON value of GET /health; `ok` false answers 503. */
  readonly health: () => { readonly ok: boolean }
  /** JSON value of GET /. */
  readonly about: object
  /** Requests under way, ended when the server closes. */
  readonly contexts: Set<RequestContext>
  readonly held: HeldBytes
  readonly closing: () => boolean
}

/** Every answer of the server that is not the result of a call is a JSON-RPC error object too, with a status to match. */
export type Reply = {
  readonly status: number
  readonly text?: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

const JSON_TYPE = 'application/json'
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
/** Time that a client is given to read a refusal before its endless body is cut off. */
const REFUSAL_GRACE_MS = 2_000
const PREFLIGHT_SECONDS = '600'

export const CLOSING: RpcFailure = { code: 'ARM_RPC_CLOSED', message: 'the node is stopping' }

export async function answerHttp(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const problem = accessProblem(options.access, request.headers)
  // A page that may use the node is told so on every answer, or the browser keeps even errors from it.
  const { origin } = request.headers
  if (!problem && origin !== undefined) {
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('vary', 'origin')
  }
  const load = loadOf(request.socket)
  if (load.requests >= options.limits.pipelinedRequests) return void request.socket.destroy()
  load.requests++
  const context = new RequestContext(load)
  const share = options.held.share()
  const gone = () => {
    load.requests--
    share.close()
    if (!response.writableFinished) context.abort(new ArmError('ARM_RPC_CLOSED', 'the client has gone'))
  }
  response.once('close', gone)
  options.contexts.add(context)
  try {
    const reply = problem ? refusal(403, problem) : await route(options, request, { context, share })
    send(response, share.take(reply.text?.length ?? 0) ? reply : BUSY_REPLY)
  } catch (error) {
    if (error !== ABORTED) {
      options.log.error('an HTTP request was not answered', { error })
      send(response, refusal(500, failureOf(error)))
    }
  } finally {
    options.contexts.delete(context)
  }
}

const BUSY_REPLY: Reply = refusal(503, BUSY, { 'retry-after': '1' })

const loads = new WeakMap<object, ConnectionLoad>()

/** One for each connection, whose requests follow each other and may be sent ahead of the answers. */
function loadOf(socket: object): ConnectionLoad {
  const known = loads.get(socket)
  if (known !== undefined) return known
  const load: ConnectionLoad = { waits: 0, requests: 0 }
  loads.set(socket, load)
  return load
}

export function refusal(status: number, failure: RpcFailure, headers?: Readonly<Record<string, string>>): Reply {
  return { status, text: errorText(null, failure), ...(headers === undefined ? {} : { headers }) }
}

/** An answer on a socket that has no HTTP response object (upgrades, broken requests); the socket ends with it. */
export function endSocket(socket: Duplex, { status, text = '' }: Reply): void {
  if (!socket.writable) return void socket.destroy()
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? 'Error'}\r\ncontent-type: ${JSON_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  )
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
}

type Serving = { readonly context: RequestContext; readonly share: HeldShare }

async function route(options: HttpOptions, request: IncomingMessage, { context, share }: Serving): Promise<Reply> {
  const { pathname, searchParams } = new URL(`http://node${request.url?.startsWith('/') ? request.url : '/'}`)
  const { method } = request
  if (options.closing()) return refusal(503, CLOSING, { connection: 'close' })
  if (method === 'OPTIONS') return preflight(request)
  if (pathname === '/' && method === 'POST')
    return post(options, request, share, (body) => answerCalls(options, body, context))
  if (pathname === '/submit' && method === 'POST')
    return post(options, request, share, (body) => answerBulk(options, body, searchParams))
  const get = method === 'GET' || method === 'HEAD'
  if (pathname === '/' && get) return { status: 200, text: JSON.stringify(options.about) }
  if (pathname === '/health' && get) {
    const health = options.health()
    return { status: health.ok ? 200 : 503, text: JSON.stringify(health) }
  }
  if (pathname === '/metrics' && get && options.metrics)
    return { status: 200, text: await options.metrics(), type: METRICS_TYPE }
  return noSuchRoute(pathname, method ?? '', options.metrics !== undefined)
}

function noSuchRoute(pathname: string, method: string, hasMetrics: boolean): Reply {
  const allow = ROUTES[pathname]
  if (allow === undefined || (pathname === '/metrics' && !hasMetrics))
    return refusal(404, {
      code: 'ARM_NOT_FOUND',
      message: 'there is nothing at this path',
      data: { path: pathname.slice(0, 100) },
      hint: 'POST JSON-RPC 2.0 to /',
    })
  const data = { method: method.slice(0, 20), path: pathname, allow }
  return refusal(405, { code: 'ARM_RPC_REQUEST', message: `this path takes ${allow}`, data }, { allow })
}

const ROUTES: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  '/': 'GET, POST',
  '/submit': 'POST',
  '/health': 'GET',
  '/metrics': 'GET',
})

async function post(
  { processor, limits }: HttpOptions,
  request: IncomingMessage,
  share: HeldShare,
  answer: (body: Uint8Array) => Promise<Reply>,
): Promise<Reply> {
  if (processor.busy()) return BUSY_REPLY
  const body = await readBody(request, limits.bodyBytes, share)
  if (body === 'busy') return BUSY_REPLY
  if (body === 'too-large')
    return refusal(413, bodyTooLarge(limits.bodyBytes), request.complete ? undefined : { connection: 'close' })
  return answer(body)
}

async function answerCalls({ processor }: HttpOptions, body: Uint8Array, context: RequestContext): Promise<Reply> {
  const text = await processor.process(body, context)
  return text === undefined ? { status: 204 } : { status: 200, text }
}

async function answerBulk(
  { processor, limits }: HttpOptions,
  body: Uint8Array,
  search: URLSearchParams,
): Promise<Reply> {
  try {
    const ids = search.get('ids') === '1' ? 'with-ids' : 'without-ids'
    return { status: 200, text: await submitBulk(body, ids, limits.submitCalls, processor.submitter) }
  } catch (error) {
    const failure = failureOf(error)
    return refusal(failure.code === 'ARM_RPC_TOO_LARGE' ? 413 : failure.code === 'ARM_RPC_PARSE' ? 400 : 500, failure)
  }
}

function preflight(request: IncomingMessage): Reply {
  const headers: Record<string, string> = {
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': PREFLIGHT_SECONDS,
  }
  if (request.headers['access-control-request-private-network'] === 'true')
    headers['access-control-allow-private-network'] = 'true'
  return { status: 204, headers }
}

export function bodyTooLarge(limitBytes: number): RpcFailure {
  return {
    code: 'ARM_RPC_TOO_LARGE',
    message: `the request is larger than ${limitBytes} bytes`,
    data: { limitBytes },
    hint: 'send several smaller requests',
  }
}

/** The client went away in the middle of its request: there is nobody to answer. */
const ABORTED: unique symbol = Symbol('aborted')

/**
 * An oversized body is read to its end without being kept, as an answer during the upload is lost on many clients; one
 * that goes on for too long is answered at once and cut off a little later.
 */
function readBody(
  request: IncomingMessage,
  limitBytes: number,
  share: HeldShare,
): Promise<Uint8Array | 'too-large' | 'busy'> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let size = 0
    let room = true
    let cut: NodeJS.Timeout | undefined
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      room &&= size > limitBytes || share.take(chunk.length)
      if (size <= limitBytes && room) chunks.push(chunk)
      else if (chunks.length > 0) chunks = []
      if (size <= limitBytes * RPC_DRAIN_FACTOR || cut) return
      resolve('too-large')
      cut = setTimeout(() => request.destroy(), REFUSAL_GRACE_MS).unref()
    })
    request.on('end', () => {
      clearTimeout(cut)
      if (size > limitBytes) resolve('too-large')
      else if (!room) resolve('busy')
      else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    })
    request.on('close', () => {
      clearTimeout(cut)
      if (!request.complete) reject(ABORTED)
    })
    request.on('error', () => reject(ABORTED))
  })
}

export function send(response: ServerResponse, { status, text, type = JSON_TYPE, headers = {} }: Reply): void {
  if (response.destroyed || response.headersSent) return
  if (text === undefined) {
    response.writeHead(status, headers).end()
    return
  }
  const body = Buffer.from(text)
  response.writeHead(status, { ...headers, 'content-type': type, 'content-length': body.length }).end(body)
}
