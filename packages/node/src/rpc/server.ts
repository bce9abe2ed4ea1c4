import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { openRpcDocument, type RpcMethod, type RpcParams, rpcMethods, type Topic } from '@armchain/client/rpc-schema'
import { ArmError } from '@armchain/core'
import { RPC_LIMITS, type RpcLimits } from '../limits.ts'
import { type Log, silentLog } from '../log.ts'
import type { NodeMetrics, RpcMetrics } from '../metrics.ts'
import { accessPolicy } from './access.ts'
import type { RpcContext, RpcHandlers } from './handlers.ts'
import { HeldBytes } from './held-bytes.ts'
import { answerHttp, bodyTooLarge, CLOSING, endSocket, type HttpOptions, refusal, send } from './http.ts'
import { type AnyHandler, createProcessor } from './processor.ts'
import { BUSY } from './request.ts'
import type { RequestContext } from './request-context.ts'
import type { SubmitMany } from './submit.ts'
import { createSubscriptionHub, type SubscriptionHub, type TopicEvent } from './subscriptions.ts'
import { createSocketServer, type SocketServer } from './websocket.ts'

export type RpcServerOptions = {
  readonly handlers: RpcHandlers
  /** Judges signed transactions and puts them into the pool; one outcome each, in order. */
  readonly submitMany: SubmitMany
  /** What is served and documented; the whole schema by default. */
  readonly methods?: Readonly<Record<string, RpcMethod>>
  /** Loopback by default. */
  readonly host?: string
  /** 0, the default, takes any free port. */
  readonly port?: number
  readonly limits?: Partial<RpcLimits>
  readonly metrics?: Pick<NodeMetrics, 'rpc' | 'text'>
  readonly log?: Log
  /** Origins of web pages beside the loopback ones that may use the node; `*` is any. */
  readonly corsOrigins?: readonly string[]
  /** Names beside the loopback ones that the Host header may have; `*` is any. */
  readonly allowedHosts?: readonly string[]
  /**
   * What events name an address by; as it is written if left out. Throws `ARM_ADDRESS` for what is none: a subscription to
   * it would never hear anything.
   */
  readonly addressKey?: (address: string) => string
  readonly health?: () => { readonly ok: boolean }
  /** Named in `rpc.discover`. */
  readonly version?: string
}

export interface RpcServer extends AsyncDisposable {
  readonly url: string
  readonly wsUrl: string
  readonly port: number
  /** Tells subscribers; cheap when nobody listens. */
  publish(topic: Topic, event: TopicEvent): void
  /** Someone listens: the event is worth building. */
  wants(topic: Topic): boolean
  /** Answers what is in flight, then ends every connection; takes at most `closeGraceMs` and a moment. */
  close(): Promise<void>
}

const NO_METRICS: RpcMetrics = {
  answered() {},
  submitted() {},
  connections() {},
  subscriptions() {},
  droppedEvents() {},
}
/** Header block of one request; browsers and libraries send well under 2 KiB. */
const HEADER_BYTES_MAX = 16 * 1024
/** How often Node looks for connections past their time. */
const TIMEOUT_CHECK_MS = 1_000
const KEEP_ALIVE_MS = 65_000
/** Connections beyond the limit that are told so; any more are dropped unheard. */
const REFUSED_CONNECTIONS_MAX = 64

/** Listens when it resolves. Throws `ARM_PORT_IN_USE`, or `ARM_ARGUMENT` for a host or port that cannot be listened on. */
export async function createRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { host = '127.0.0.1', port = 0, log = silentLog, methods = rpcMethods } = options
  const limits: RpcLimits = { ...RPC_LIMITS, ...options.limits }
  const metrics = options.metrics?.rpc ?? NO_METRICS
  const hub = createSubscriptionHub(limits, metrics)
  const about = { name: 'ArmChain node', version: options.version ?? '0.0.0', url: '' }
  const handlers = new Map<string, AnyHandler>([
    ...(Object.entries(options.handlers) as [string, AnyHandler][]),
    ...builtIns(hub, options.addressKey ?? ((address) => address), () => openRpcDocument(methods, about)),
  ])
  const processor = createProcessor({ methods, handlers, submitMany: options.submitMany, limits, metrics, log })
  const access = accessPolicy(host, options.allowedHosts, options.corsOrigins)
  const contexts = new Set<RequestContext>()
  const held = new HeldBytes(limits)
  const state = { closing: false }
  const closing = () => state.closing
  const sockets = createSocketServer({
    processor,
    hub,
    limits,
    access,
    closing,
    held,
    onCount: (change) => metrics.connections('ws', change),
  })
  const http = httpServer(limits)
  const httpOptions: HttpOptions = {
    processor,
    limits,
    access,
    log,
    contexts,
    held,
    closing,
    metrics: options.metrics && (() => options.metrics?.text() ?? Promise.resolve('')),
    health: options.health ?? (() => ({ ok: true })),
    about: { ...about, hint: 'POST JSON-RPC 2.0 here or open a WebSocket; the method rpc.discover describes the rest' },
  }
  const connections = watchConnections(http, limits, metrics)
  wire(http, connections, httpOptions, sockets)
  await listen(http, host, port)

  const bound = (http.address() as AddressInfo).port
  about.url = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`
  log.info('RPC is up', { url: about.url })
  let closed: Promise<void> | undefined
  const close = () => {
    state.closing = true
    closed ??= shutDown(http, sockets, contexts, connections.silent, limits.closeGraceMs)
    return closed
  }
  return {
    url: about.url,
    wsUrl: about.url.replace(/^http/, 'ws'),
    port: bound,
    publish: (topic, event) => hub.publish(topic, event),
    wants: (topic) => hub.wants(topic),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function builtIns(
  hub: SubscriptionHub,
  addressKey: (address: string) => string,
  discover: () => object,
): [string, AnyHandler][] {
  let document: object | undefined
  return [
    [
      'arm_subscribe',
      ({ address, ...params }: RpcParams<'arm_subscribe'>, context) =>
        hub.subscribe(
          subscriberOf(context),
          address === undefined ? params : { ...params, address: addressKey(address) },
        ),
    ],
    [
      'arm_unsubscribe',
      ({ subscription }: RpcParams<'arm_unsubscribe'>, context) => hub.unsubscribe(subscriberOf(context), subscription),
    ],
    [
      'rpc.discover',
      () => {
        document ??= discover()
        return document
      },
    ],
  ]
}

function subscriberOf({ subscriber }: RpcContext): NonNullable<RpcContext['subscriber']> {
  if (subscriber) return subscriber
  throw new ArmError('ARM_RPC_SUBSCRIPTION', 'HTTP cannot carry notifications', {
    hint: 'open a WebSocket at the same address',
  })
}

function httpServer(limits: RpcLimits): Server {
  return createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headersTimeoutMs),
    noDelay: true,
  })
}

function wire(http: Server, { surplus, silent }: Connections, options: HttpOptions, sockets: SocketServer): void {
  const { bodyBytes } = options.limits
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    silent.delete(request.socket)
    if (surplus.has(request.socket)) send(response, refusal(503, BUSY, { connection: 'close' }))
    else void answerHttp(options, request, response)
  }
  http.on('request', onRequest)
  http.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (Number(request.headers['content-length'] ?? 0) > bodyBytes)
      return send(response, refusal(413, bodyTooLarge(bodyBytes), { connection: 'close' }))
    response.writeContinue()
    onRequest(request, response)
  })
  http.on('upgrade', (request, socket, head) => {
    silent.delete(request.socket)
    if (surplus.has(request.socket)) endSocket(socket, refusal(503, BUSY))
    else sockets.upgrade(request, socket, head)
  })
  http.on('clientError', refuseBroken)
}

type Connections = {
  /** Beyond the limit, to be told so when they ask for something. */
  readonly surplus: WeakSet<Socket>
  /** Never asked for anything yet, as browsers open them in advance; Node does not count them as idle. */
  readonly silent: Set<Socket>
}

function watchConnections(http: Server, limits: RpcLimits, metrics: RpcMetrics): Connections {
  const surplus = new WeakSet<Socket>()
  const silent = new Set<Socket>()
  let open = 0
  http.maxConnections = limits.connections + REFUSED_CONNECTIONS_MAX
  http.on('connection', (socket: Socket) => {
    open++
    metrics.connections('http', 1)
    silent.add(socket)
    socket.once('close', () => {
      open--
      silent.delete(socket)
      metrics.connections('http', -1)
    })
    if (open > limits.connections) surplus.add(socket)
  })
  return { surplus, silent }
}

/** What Node's parser refused: not HTTP, headers too large, or too slow. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Parameters<typeof endSocket>[0]): void {
  if (error.code === 'ECONNRESET') return void socket.destroy()
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return endSocket(socket, refusal(408, { code: 'ARM_RPC_TIMEOUT', message: 'the request came too slowly' }))
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return endSocket(socket, refusal(431, { code: 'ARM_RPC_TOO_LARGE', message: 'the headers are too large' }))
  endSocket(socket, refusal(400, { code: 'ARM_RPC_REQUEST', message: 'this is not HTTP' }))
}

function listen(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const data = { host, port, hint: 'choose a port from 0 to 65535, and an address of this machine' }
      reject(
        cause.code === 'EADDRINUSE'
          ? new ArmError(
              'ARM_PORT_IN_USE',
              `port ${port} of ${host} is in use`,
              { ...data, hint: 'stop the other program, or choose another port; 0 takes any free one' },
              { cause },
            )
          : new ArmError('ARM_ARGUMENT', `cannot listen on ${host} port ${port}: ${cause.message}`, data, { cause }),
      )
    }
    http.once('error', failed)
    try {
      http.listen({ host, port }, () => {
        http.off('error', failed)
        resolve()
      })
    } catch (error) {
      failed(error as NodeJS.ErrnoException)
    }
  })
}

async function shutDown(
  http: Server,
  sockets: SocketServer,
  contexts: ReadonlySet<RequestContext>,
  silent: ReadonlySet<Socket>,
  graceMs: number,
): Promise<void> {
  const ended = new Promise<void>((resolve) => http.close(() => resolve()))
  for (const socket of silent) socket.destroy()
  for (const context of contexts) context.abort(new ArmError('ARM_RPC_CLOSED', CLOSING.message))
  sockets.close()
  http.closeIdleConnections()
  // A connection that was busy at that moment has become an idle one when its answer is out.
  const sweep = setInterval(() => http.closeIdleConnections(), 10)
  const cut = setTimeout(() => {
    sockets.terminate()
    http.closeAllConnections()
  }, graceMs)
  await ended
  clearInterval(sweep)
  clearTimeout(cut)
}
