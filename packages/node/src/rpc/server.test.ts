import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { ArmError } from '@armchain/core'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { RpcLimits } from '../limits.ts'
import { createMetrics } from '../metrics.ts'
import type { RpcHandlers } from './handlers.ts'
import { createRpcServer, type RpcServer, type RpcServerOptions } from './server.ts'
import type { SubmitResult } from './submit.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Answer = any
type Reply = { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: Answer }

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function start(
  options: { limits?: Partial<RpcLimits>; handlers?: RpcHandlers } & Partial<RpcServerOptions> = {},
): Promise<RpcServer> {
  const server = await createRpcServer({
    handlers: { arm_getPool: ({ vShard }) => ({ transactions: vShard, bytes: 0, limitTransactions: 1, accounts: 0 }) },
    submitMany: async (raws) =>
      raws.map((raw): SubmitResult => {
        if (raw.length > 0) return { ok: true, id: padded(raw) }
        return { ok: false, code: 'ARM_TX_DECODE', message: 'empty' }
      }),
    ...options,
  })
  open.push(() => server.close())
  return server
}

const call = (method: string, params: unknown = {}, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params })
const POOL = JSON.stringify(call('arm_getPool', [5]))

/** `fetch` may not set Host and Origin, so this one speaks through node:http. */
function ask(
  server: RpcServer,
  {
    method = 'POST',
    path = '/',
    headers = {},
    body = '',
  }: { method?: string; path?: string; headers?: object; body?: string | Uint8Array },
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      server.url + path,
      { method, headers: { ...headers }, agent: false },
      (response) => void read(response).then(resolve, reject),
    )
    request.on('error', reject)
    request.end(body)
  })
}

async function read(response: IncomingMessage): Promise<Reply> {
  let text = ''
  for await (const chunk of response) text += chunk
  const json = response.headers['content-type'] === 'application/json'
  return { status: response.statusCode ?? 0, headers: response.headers, body: json ? JSON.parse(text) : text }
}

/** A socket whose messages can be awaited one by one. */
async function socket(server: RpcServer, headers: Record<string, string> = {}) {
  const webSocket = new WebSocket(server.wsUrl, { headers })
  const messages: Answer[] = []
  let wake = () => {}
  webSocket.on('message', (data) => {
    messages.push(JSON.parse(String(data)))
    wake()
  })
  open.push(async () => webSocket.terminate())
  await once(webSocket, 'open')
  const next = async (): Promise<Answer> => {
    while (messages.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    return messages.shift()
  }
  const send = (value: unknown) => webSocket.send(typeof value === 'string' ? value : JSON.stringify(value))
  return { webSocket, next, send, messages }
}

function raw(server: RpcServer): Socket {
  const connection = connect(server.port, '127.0.0.1')
  connection.on('error', () => {})
  open.push(async () => void connection.destroy())
  return connection
}

async function textOf(connection: Socket): Promise<string> {
  let text = ''
  for await (const chunk of connection) text += chunk
  return text
}

describe('HTTP', () => {
  test('calls, batches and notifications', async () => {
    const server = await start()
    expect((await ask(server, { body: POOL })).body).toMatchObject({ id: 1, result: { transactions: 5 } })
    const batch = await ask(server, { body: `[${POOL},${POOL.replace('"id":1', '"id":2')}]` })
    expect(batch.body.map(({ id }: Answer) => id)).toEqual([1, 2])
    const silent = await ask(server, { body: POOL.replace('"id":1,', '') })
    expect([silent.status, silent.body]).toEqual([204, ''])
    expect(await ask(server, { body: '{' })).toMatchObject({ status: 200, body: { id: null, error: { code: -32700 } } })
  })

  test('many at once over kept connections, each with its own answer', async () => {
    const server = await start()
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, id) => {
        const response = await fetch(server.url, {
          method: 'POST',
          body: JSON.stringify(call('arm_getPool', [id], id)),
        })
        return (await response.json()) as Answer
      }),
    )
    for (const [i, { id, result }] of answers.entries()) expect([id, result.transactions]).toEqual([i, i])
  })

  test('rpc.discover, GET /, /health, /metrics', async () => {
    const metrics = createMetrics()
    const server = await start({ metrics, version: '1.2.3', health: () => ({ ok: false, reason: 'disk' }) })
    const { result } = (await ask(server, { body: JSON.stringify(call('rpc.discover')) })).body
    expect(result).toMatchObject({ openrpc: '1.3.2', info: { version: '1.2.3' }, servers: [{ url: server.url }] })
    expect((await ask(server, { method: 'GET' })).body).toMatchObject({ name: 'ArmChain node', version: '1.2.3' })
    expect(await ask(server, { method: 'GET', path: '/health' })).toMatchObject({ status: 503, body: { ok: false } })
    const text = (await ask(server, { method: 'GET', path: '/metrics' })).body
    expect(text).toMatch(/armchain_rpc_requests_total\{method="rpc.discover",outcome="ok"\} 1/)
    metrics.close()
  })

  test.each<[string, string, number, string]>([
    ['GET', '/nothing', 404, 'ARM_NOT_FOUND'],
    ['GET', '/metrics', 404, 'ARM_NOT_FOUND'],
    ['GET', '/constructor', 404, 'ARM_NOT_FOUND'],
    ['POST', '//[', 404, 'ARM_NOT_FOUND'],
    ['DELETE', '/', 405, 'ARM_RPC_REQUEST'],
    ['GET', '/submit', 405, 'ARM_RPC_REQUEST'],
  ])('%s %s is %i %s', async (method, path, status, code) => {
    const reply = await ask(await start(), { method, path })
    expect(reply).toMatchObject({ status, body: { jsonrpc: '2.0', id: null, error: { data: { code } } } })
  })

  test('a body that is too large is refused, readably, and the connection lives on', async () => {
    const server = await start({ limits: { bodyBytes: 100_000 } })
    const answer = await fetch(server.url, { method: 'POST', body: 'x'.repeat(500_000) })
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({ error: { data: { code: 'ARM_RPC_TOO_LARGE', limitBytes: 100_000 } } })
    expect((await fetch(server.url, { method: 'POST', body: POOL })).status).toBe(200)
    // Without a length, and without end: the refusal comes before the body is over.
    const endless = raw(server)
    endless.write('POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n')
    const chunk = `10000\r\n${'y'.repeat(65_536)}\r\n`
    const [first] = await Promise.all([
      once(endless, 'data'),
      (async () => {
        for (let i = 0; i < 20; i++) if (!endless.write(chunk)) await once(endless, 'drain')
      })(),
    ])
    expect(String(first)).toMatch(/^HTTP\/1.1 413 [\s\S]*ARM_RPC_TOO_LARGE/)
  })

  test('Expect: 100-continue spares an upload that would be refused', async () => {
    const server = await start({ limits: { bodyBytes: 10 } })
    const connection = raw(server)
    connection.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999\r\nexpect: 100-continue\r\n\r\n')
    const [first] = await once(connection, 'data')
    expect(String(first)).toMatch(/^HTTP\/1.1 413/)
  })

  test('slow or broken requests are cut with a coded answer', async () => {
    const server = await start({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } })
    const slow = raw(server)
    slow.write('POST / HTTP/1.1\r\nhost: local')
    const stuck = raw(server)
    stuck.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{')
    const garbage = raw(server)
    garbage.write('\x16\x03\x01hello\r\n\r\n')
    const large = raw(server)
    large.write(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'h'.repeat(20_000)}\r\n\r\n`)
    const answers = await Promise.all([slow, stuck, garbage, large].map(textOf))
    expect(answers.map((text) => /^HTTP\/1.1 (\d+)[\s\S]*"code":"(\w+)"/.exec(text)?.slice(1))).toEqual([
      ['408', 'ARM_RPC_TIMEOUT'],
      ['408', 'ARM_RPC_TIMEOUT'],
      ['400', 'ARM_RPC_REQUEST'],
      ['431', 'ARM_RPC_TOO_LARGE'],
    ])
  })

  test('too many in flight, too many connections', async () => {
    let release = () => {}
    const held = new Promise<never>((_, reject) => {
      release = () => reject(new ArmError('ARM_NOT_FOUND', 'enough'))
    })
    const server = await start({
      limits: { inFlightRequests: 1, connections: 3 },
      handlers: { arm_getSupply: () => held },
    })
    const waiting = ask(server, { body: JSON.stringify(call('arm_getSupply')) })
    while ((await ask(server, { body: '{' })).status !== 503);
    const busy = await ask(server, { body: POOL })
    expect(busy).toMatchObject({ status: 503, body: { error: { data: { code: 'ARM_RPC_BUSY' } } } })
    release()
    expect((await waiting).body.error.data.code).toBe('ARM_NOT_FOUND')
    const idle = [raw(server), raw(server), raw(server)]
    await Promise.all(idle.map((connection) => once(connection, 'connect')))
    // Opened after the others have been counted.
    const surplus = await ask(server, { body: POOL })
    expect(surplus).toMatchObject({ status: 503, body: { error: { data: { code: 'ARM_RPC_BUSY' } } } })
  })

  test('a client that goes away ends its wait', async () => {
    let began = (_signal: AbortSignal) => {}
    const signal = new Promise<AbortSignal>((resolve) => {
      began = resolve
    })
    const server = await start({
      handlers: {
        arm_getSupply: (_, context) => {
          began(context.signal)
          return new Promise(() => {})
        },
      },
    })
    const connection = raw(server)
    const body = JSON.stringify(call('arm_getSupply'))
    connection.write(`POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    const waiting = await signal
    connection.destroy()
    if (!waiting.aborted) await once(waiting, 'abort')
    expect(waiting.reason).toMatchObject({ code: 'ARM_RPC_CLOSED' })
  })
})

describe('who may call', () => {
  test.each<[string, object, number]>([
    ['a name of this machine', { host: 'LocalHost:1' }, 200],
    ['IPv6 loopback', { host: '[::1]:80' }, 200],
    ['a name that resolves here (DNS rebinding)', { host: 'evil.example' }, 403],
    ['a name that looks like one of ours', { host: 'localhost.evil.example' }, 403],
    ['a page on localhost', { origin: 'http://localhost:5173' }, 200],
    ['a page on 127.0.0.1', { origin: 'https://127.0.0.1' }, 200],
    ['a page elsewhere', { origin: 'https://evil.example' }, 403],
    ['a page that hides its origin', { origin: 'null' }, 403],
    ['a page allowed by name', { origin: 'https://wallet.example' }, 200],
    ['a host allowed by name', { host: 'node.example:80' }, 200],
  ])('%s', async (_, headers, status) => {
    const server = await start({ corsOrigins: ['https://wallet.example'], allowedHosts: ['node.example'] })
    const reply = await ask(server, { headers, body: POOL })
    expect(reply.status).toBe(status)
    if (status === 403) expect(reply.body.error.data.code).toBe('ARM_RPC_FORBIDDEN')
    const origin = (headers as { origin?: string }).origin
    expect(reply.headers['access-control-allow-origin']).toBe(status === 200 ? origin : undefined)
    const webSocket = new WebSocket(server.wsUrl, { headers: { ...headers } })
    open.push(async () => webSocket.terminate())
    if (status === 200) return void (await once(webSocket, 'open'))
    const [error] = await once(webSocket, 'error')
    expect(error.message).toMatch(/403/)
  })

  test('preflight', async () => {
    const server = await start()
    const headers = { origin: 'http://localhost:1', 'access-control-request-method': 'POST' }
    const reply = await ask(server, { method: 'OPTIONS', headers })
    expect(reply).toMatchObject({ status: 204, headers: { 'access-control-allow-headers': 'content-type' } })
    expect((await ask(server, { method: 'OPTIONS', headers: { origin: 'http://evil' } })).status).toBe(403)
  })
})

describe('binary submit', () => {
  const frame = (...raws: number[][]) => Uint8Array.from(raws.flatMap((bytes) => [0, 0, 0, bytes.length, ...bytes]))
  test('answers by position', async () => {
    const server = await start()
    const body = frame([1], [], [2, 3])
    const refused = [{ index: 1, code: 'ARM_TX_DECODE', message: 'empty' }]
    expect((await ask(server, { path: '/submit', body })).body).toEqual({ accepted: 2, refused })
    const txIds = ['01'.padEnd(64, '0'), null, '0203'.padEnd(64, '0')]
    expect((await ask(server, { path: '/submit?ids=1', body })).body).toEqual({ accepted: 2, refused, txIds })
    expect((await ask(server, { path: '/submit' })).body).toEqual({ accepted: 0, refused: [] })
  })
  test.each<[string, Uint8Array, number, string]>([
    ['length cut short', Uint8Array.of(0, 0, 0), 400, 'ARM_RPC_PARSE'],
    ['transaction cut short', Uint8Array.of(0, 0, 0, 2, 1), 400, 'ARM_RPC_PARSE'],
    ['length beyond everything', Uint8Array.of(255, 255, 255, 255), 400, 'ARM_RPC_PARSE'],
    ['too many', frame([1], [2], [3]), 413, 'ARM_RPC_TOO_LARGE'],
  ])('%s', async (_, body, status, code) => {
    const server = await start({ limits: { submitCalls: 2 } })
    expect(await ask(server, { path: '/submit', body })).toMatchObject({ status, body: { error: { data: { code } } } })
  })
})

describe('WebSocket', () => {
  test('calls, errors, and frames that are not text', async () => {
    const { send, next, webSocket } = await socket(await start())
    send(POOL)
    expect(await next()).toMatchObject({ id: 1, result: { transactions: 5 } })
    send('{')
    expect((await next()).error.code).toBe(-32700)
    webSocket.send(Uint8Array.of(1))
    expect((await next()).error.data.code).toBe('ARM_RPC_REQUEST')
    send([call('arm_sendTransaction', ['01'], 1), call('arm_sendTransaction', ['02'], 2)])
    expect((await next()).map(({ id }: Answer) => id)).toEqual([1, 2])
  })

  test('subscribe, be told, unsubscribe; ends with the connection', async () => {
    const server = await start()
    const { send, next, webSocket } = await socket(server)
    send(call('arm_subscribe', { topic: 'heads', vShard: 1 }))
    const { result: subscription } = await next()
    server.publish('heads', { vShard: 0, result: {} })
    server.publish('heads', { vShard: 1, result: { height: 9 } })
    expect(await next()).toEqual({
      jsonrpc: '2.0',
      method: 'arm_subscription',
      params: { subscription, topic: 'heads', result: { height: 9 } },
    })
    send(call('arm_unsubscribe', [subscription], 2))
    expect(await next()).toMatchObject({ id: 2, result: true })
    expect(server.wants('heads')).toBe(false)
    send(call('arm_subscribe', ['receipts'], 3))
    await next()
    expect(server.wants('receipts')).toBe(true)
    webSocket.close()
    while (server.wants('receipts')) await new Promise((resolve) => setImmediate(resolve))
  })

  test('over HTTP there is nothing to notify', async () => {
    const server = await start()
    const { body } = await ask(server, { body: JSON.stringify(call('arm_subscribe', ['heads'])) })
    expect(body.error.data.code).toBe('ARM_RPC_SUBSCRIPTION')
  })

  test('a frame that is too large ends the connection with 1009', async () => {
    const { send, webSocket } = await socket(await start({ limits: { frameBytes: 1000 } }))
    send('x'.repeat(2000))
    expect((await once(webSocket, 'close'))[0]).toBe(1009)
  })

  test('a reader that stops reading loses its subscription, not the node its memory', async () => {
    const limits = { socketBufferBytes: 100_000, subscriptionQueueEvents: 10 }
    const server = await start({ limits })
    const { send, next, webSocket, messages } = await socket(server)
    send(call('arm_subscribe', ['events']))
    await next()
    webSocket.pause()
    const result = 'e'.repeat(50_000)
    for (let i = 0; i < 10_000 && server.wants('events'); i++) {
      server.publish('events', { result })
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(server.wants('events')).toBe(false)
    webSocket.resume()
    while (messages.at(-1)?.params.error === undefined) await new Promise((resolve) => setImmediate(resolve))
    expect(messages.at(-1).params.error.data).toMatchObject({ code: 'ARM_RPC_SLOW_CONSUMER' })
  })

  test('more requests than may be in flight wait their turn', async () => {
    const releases: (() => void)[] = []
    let most = 0
    const fees = {
      baseFeeMotes: '1',
      suggestedTipMotes: '1',
      suggestedMaxFeeMotes: '1',
      transferGas: 1,
      messageGas: 1,
      rulesVersion: 1,
    }
    const server = await start({
      limits: { inFlightPerSocket: 4 },
      handlers: {
        arm_getFees: () =>
          new Promise((resolve) => {
            most = Math.max(
              most,
              releases.push(() => resolve(fees)),
            )
          }),
      },
    })
    const { send, messages } = await socket(server)
    for (let id = 0; id < 50; id++) send(call('arm_getFees', [0], id))
    while (messages.length < 50) {
      releases.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(most).toBeLessThanOrEqual(4)
    expect(new Set(messages.map(({ id }) => id)).size).toBe(50)
  })

  test('silence after a ping ends the connection', async () => {
    const server = await start({ limits: { heartbeatMs: 30 } })
    const connection = raw(server)
    connection.write(
      'GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    expect(await textOf(connection)).toMatch(/^HTTP\/1.1 101/)
  })

  test('elsewhere than at / is refused', async () => {
    const webSocket = new WebSocket(`${(await start()).wsUrl}/other`)
    expect((await once(webSocket, 'error'))[0].message).toMatch(/404/)
  })
})

describe('start and stop', () => {
  test('a port in use is a coded error', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    await expect(start({ port })).rejects.toMatchObject({ code: 'ARM_PORT_IN_USE', data: { port } })
    await expect(start({ port: 70_000 })).rejects.toMatchObject({ code: 'ARM_ARGUMENT' })
    await expect(start({ host: '203.0.113.1' })).rejects.toMatchObject({ code: 'ARM_ARGUMENT' })
    other.close()
  })

  test('close answers what is in flight, ends waits and sockets, and is quick', async () => {
    let began = () => {}
    const bothBegan = new Promise<void>((resolve) => {
      let count = 0
      began = () => void (++count === 2 && resolve())
    })
    const server = await start({
      handlers: {
        arm_getSupply: (_, { signal }) => {
          began()
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        },
      },
    })
    const { send, next, webSocket } = await socket(server)
    send(call('arm_getSupply', {}, 'ws'))
    const waiting = fetch(server.url, { method: 'POST', body: JSON.stringify(call('arm_getSupply')) })
    await bothBegan
    const silent = raw(server)
    await once(silent, 'connect')
    const startMs = performance.now()
    const closed = server.close()
    expect(await (await waiting).json()).toMatchObject({ error: { data: { code: 'ARM_RPC_CLOSED' } } })
    expect((await next()).error.data.code).toBe('ARM_RPC_CLOSED')
    expect((await once(webSocket, 'close'))[0]).toBe(1001)
    await closed
    expect(silent.readableEnded || silent.destroyed || (await textOf(silent)) === '').toBe(true)
    expect(performance.now() - startMs).toBeLessThan(900)
    await server.close()
    await expect(fetch(server.url)).rejects.toThrow()
  })

  test('what does not end by itself is cut after the grace', async () => {
    const server = await start({
      limits: { closeGraceMs: 50 },
      handlers: { arm_getSupply: () => new Promise(() => {}) },
    })
    const connection = raw(server)
    await once(connection, 'connect')
    const body = JSON.stringify(call('arm_getSupply'))
    const lost = expect(ask(server, { body })).rejects.toThrow()
    const { webSocket } = await socket(server)
    webSocket.pause()
    await server.close()
    await lost
  })
})

/** An id that shows which transaction it is of. */
function padded(raw: Uint8Array): Uint8Array {
  const id = new Uint8Array(32)
  id.set(raw.subarray(0, 32))
  return id
}
