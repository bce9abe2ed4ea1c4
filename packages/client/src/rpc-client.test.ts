import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ArmError } from '@armchain/core'
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { createRpcClient, type RpcClient, rawParam } from './rpc-client.ts'

// biome-ignore lint/suspicious/noExplicitAny: requests are looked into freely
type Message = any
type Reply = { readonly status?: number; readonly text: string }

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A server that answers as it is told: what the client makes of it is tested here, the real one in @armchain/node. */
async function serve(
  answer: (body: Buffer, path: string) => Reply | undefined,
  port = 0,
): Promise<Server & { url: string }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const reply = answer(Buffer.concat(chunks), request.url ?? '')
    if (reply) response.writeHead(reply.status ?? 200).end(reply.text)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => {
    server.closeAllConnections()
    return server.listening && new Promise((resolve) => server.close(resolve))
  })
  return Object.assign(server, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

function clientOf(url: string, timeoutMs = 5_000): RpcClient {
  const client = createRpcClient({ url, timeoutMs })
  cleanups.push(() => client.close())
  return client
}

const result = (id: unknown, value: unknown) => JSON.stringify({ jsonrpc: '2.0', id, result: value })
const answerWith = (make: (message: Message) => string) => (body: Buffer) => ({ text: make(JSON.parse(String(body))) })

async function errorOf(promise: Promise<unknown>): Promise<ArmError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ArmError)
  return error as ArmError
}

describe('calls', () => {
  test('name, params and id go out; the result comes back, typed', async () => {
    const seen: Message[] = []
    const { url } = await serve(
      answerWith((message) => {
        seen.push(message)
        return result(message.id, { txId: 'ab' })
      }),
    )
    const client = clientOf(url)
    const { txId } = await client.call('arm_sendTransaction', rawParam(Uint8Array.of(1, 255)))
    expectTypeOf(txId).toEqualTypeOf<string>()
    expect(txId).toBe('ab')
    await client.call('arm_status')
    expect(seen).toEqual([
      { jsonrpc: '2.0', id: 1, method: 'arm_sendTransaction', params: { raw: '01ff' } },
      { jsonrpc: '2.0', id: 2, method: 'arm_status', params: {} },
    ])
    // @ts-expect-error vShard is required
    void (() => client.call('arm_getFees', {}))
  })

  test.each<[string, (id: number) => Reply, string, RegExp]>([
    [
      'a refusal',
      (id) => ({
        text: `{"id":${id},"error":{"code":-32000,"message":"no","data":{"code":"ARM_TX_FUNDS","need":"5"}}}`,
      }),
      'ARM_TX_FUNDS',
      /no/,
    ],
    [
      'a refusal with a status',
      () => ({
        status: 413,
        text: '{"id":null,"error":{"code":-32000,"message":"big","data":{"code":"ARM_RPC_TOO_LARGE"}}}',
      }),
      'ARM_RPC_TOO_LARGE',
      /big/,
    ],
    [
      'a code of the standard',
      (id) => ({ text: `{"id":${id},"error":{"code":-32601,"message":"what"}}` }),
      'ARM_RPC_METHOD',
      /what/,
    ],
    ['an error that is none', (id) => ({ text: `{"id":${id},"error":7}` }), 'ARM_RPC_RESPONSE', /not an object/],
    ['no JSON', () => ({ status: 502, text: '<html>bad gateway' }), 'ARM_RPC_RESPONSE', /502/],
    ['nothing', () => ({ text: '' }), 'ARM_RPC_RESPONSE', /not JSON/],
    ['JSON that is no object', () => ({ text: '[]' }), 'ARM_RPC_RESPONSE', /object/],
    ['another id', () => ({ text: result(99, 1) }), 'ARM_RPC_RESPONSE', /id/],
    ['no result', (id) => ({ text: `{"id":${id}}` }), 'ARM_RPC_RESPONSE', /result/],
  ])('%s', async (_, reply, code, message) => {
    const { url } = await serve((body) => reply(JSON.parse(String(body)).id))
    const error = await errorOf(clientOf(url).call('arm_status'))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.data.method).toBe('arm_status')
  })

  test('data and hint of a refusal arrive', async () => {
    const data = { code: 'ARM_TX_NONCE_LOW', expected: 4, hint: 'sign again' }
    const { url } = await serve(
      answerWith(({ id }) => JSON.stringify({ id, error: { code: -32000, message: 'used', data } })),
    )
    const error = await errorOf(clientOf(url).call('arm_status'))
    expect(error).toMatchObject({ message: 'ARM_TX_NONCE_LOW: used', hint: 'sign again', data: { expected: 4 } })
  })

  test('nobody there, no answer in time, cancelled, closed', async () => {
    const server = await serve(() => undefined)
    const client = clientOf(server.url)
    const late = await errorOf(client.call('arm_status', {}, { timeoutMs: 20 }))
    expect(late).toMatchObject({ code: 'ARM_RPC_TIMEOUT', data: { timeoutMs: 20 } })
    const cancel = new AbortController()
    const cancelled = errorOf(client.call('arm_status', {}, { signal: cancel.signal }))
    cancel.abort()
    expect((await cancelled).code).toBe('ARM_RPC_CLOSED')
    const pending = [
      client.call('arm_status'),
      client.batch([['arm_status', {}]]),
      client.submitRaw([Uint8Array.of(1)]),
    ]
    const ended = Promise.all(pending.map(errorOf))
    await client.close()
    for (const { code } of await ended) expect(code).toBe('ARM_RPC_CLOSED')
    expect((await errorOf(client.call('arm_status'))).code).toBe('ARM_RPC_CLOSED')
    expect((await errorOf(client.subscribe('heads', {}, () => {}))).code).toBe('ARM_RPC_CLOSED')
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    const refused = await errorOf(clientOf(server.url).call('arm_status'))
    expect(refused).toMatchObject({ code: 'ARM_RPC_CONNECT', hint: expect.stringMatching(/npx armchain testnet/) })
    expect(refused.message).toMatch(/ECONNREFUSED/)
    expect((await errorOf(clientOf(server.url).subscribe('heads', {}, () => {}))).code).toBe('ARM_RPC_CONNECT')
  })

  test.each(['', 'localhost:8645', 'ws://localhost', 'file:///x'])('url %j is refused at once', (url) => {
    expect(() => createRpcClient({ url })).toThrow(expect.objectContaining({ code: 'ARM_ARGUMENT' }))
  })
})

describe('batch', () => {
  test('outcomes by id, whatever the order; what is missing is an error of its own', async () => {
    const { url } = await serve(
      answerWith(
        (messages) =>
          `[${[
            `{"id":${messages[1].id},"error":{"code":-32000,"message":"gone","data":{"code":"ARM_NOT_FOUND"}}}`,
            result(messages[0].id, { transactions: 1 }),
          ]}]`,
      ),
    )
    const [pool, head, fees] = await clientOf(url).batch([
      ['arm_getPool', { vShard: 0 }],
      ['arm_getHead', { vShard: 0, height: 9 }],
      ['arm_getFees', { vShard: 0 }],
    ])
    if (pool.ok) expectTypeOf(pool.value.transactions).toEqualTypeOf<number>()
    expect(pool).toEqual({ ok: true, value: { transactions: 1 } })
    expect(head.ok || head.reason.code).toBe('ARM_NOT_FOUND')
    expect(fees.ok || fees.reason.code).toBe('ARM_RPC_RESPONSE')
  })

  test('refused as a whole, or empty', async () => {
    const text = '{"id":null,"error":{"code":-32000,"message":"long","data":{"code":"ARM_RPC_TOO_LARGE"}}}'
    const client = clientOf((await serve(() => ({ text }))).url)
    expect((await errorOf(client.batch([['arm_status', {}]]))).code).toBe('ARM_RPC_TOO_LARGE')
    expect(await client.batch([])).toEqual([])
  })
})

test('submitRaw frames transactions and reads outcomes', async () => {
  const seen: [string, string][] = []
  const { url } = await serve((body, path) => {
    seen.push([path, body.toString('hex')])
    return { text: '{"accepted":1,"refused":[{"index":1,"code":"ARM_TX_FUNDS","message":"poor"}],"txIds":["ab",null]}' }
  })
  const outcome = await clientOf(url).submitRaw([Uint8Array.of(7), Uint8Array.of(8, 9)])
  expect(seen).toEqual([['/submit?ids=1', '0000000107000000020809']])
  expect(outcome).toMatchObject({ accepted: 1, txIds: ['ab', null] })
  const broken = await serve(() => ({ text: '{"accepted":1}' }))
  expect((await errorOf(clientOf(broken.url).submitRaw([]))).code).toBe('ARM_RPC_RESPONSE')
})

describe('subscriptions', () => {
  async function serveSockets(port = 0) {
    const server = await serve(() => ({ text: '' }), port)
    const sockets: WebSocket[] = []
    const messages: Message[] = []
    let count = 0
    new WebSocketServer({ server }).on('connection', (socket) => {
      sockets.push(socket)
      cleanups.push(() => socket.terminate())
      socket.on('message', (data) => {
        const message = JSON.parse(String(data))
        messages.push(message)
        const id = `${sockets.length}-${++count}`
        if (message.params.topic === 'anchors')
          return socket.send(
            `{"id":${message.id},"error":{"code":-32000,"message":"","data":{"code":"ARM_RPC_SUBSCRIPTION"}}}`,
          )
        socket.send(result(message.id, message.method === 'arm_subscribe' ? id : true))
        // In the same tick as the answer that names the id.
        if (message.method === 'arm_subscribe') notify(socket, id, { result: `first of ${id}` })
      })
    })
    return { ...server, url: server.url, server, sockets, messages }
  }
  const notify = (socket: WebSocket | undefined, subscription: string, rest: object) =>
    socket?.send(
      JSON.stringify({ jsonrpc: '2.0', method: 'arm_subscription', params: { subscription, topic: 'heads', ...rest } }),
    )

  function listener() {
    const events: unknown[] = []
    const errors: ArmError[] = []
    let wake = () => {}
    const until = async (condition: () => boolean) => {
      while (!condition())
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
    const onEvent = (event: unknown) => {
      events.push(event)
      wake()
    }
    const onError = (error: ArmError) => {
      errors.push(error)
      wake()
    }
    return { events, errors, until, onEvent, onError }
  }

  test('events reach their subscription from the very first; one socket serves all; an end is an end', async () => {
    const { url, sockets, messages } = await serveSockets()
    const client = clientOf(url)
    const [one, two] = [listener(), listener()]
    const first = await client.subscribe('heads', { vShard: 1 }, one.onEvent, one.onError)
    await client.subscribe('receipts', {}, two.onEvent)
    await two.until(() => two.events.length === 1)
    expect([one.events, two.events]).toEqual([['first of 1-1'], ['first of 1-2']])
    expect(sockets.length).toBe(1)
    expect(messages[0].params).toEqual({ topic: 'heads', vShard: 1 })
    await first.close()
    expect(messages.at(-1)).toMatchObject({ method: 'arm_unsubscribe', params: { subscription: '1-1' } })
    notify(sockets[0], '1-1', { result: 'too late' })
    for (const text of ['[', '7', 'null', '{"method":"arm_subscription"}', '{"id":77}']) sockets[0]?.send(text)
    notify(sockets[0], '1-2', { result: 'still here' })
    await two.until(() => two.events.length === 2)
    expect(one.events.length).toBe(1)
  })

  test('a refusal is thrown; an end that the node decides is told', async () => {
    const { url, sockets } = await serveSockets()
    const client = clientOf(url)
    expect((await errorOf(client.subscribe('anchors', {}, () => {}))).code).toBe('ARM_RPC_SUBSCRIPTION')
    const one = listener()
    await client.subscribe('heads', {}, one.onEvent, one.onError)
    const id = String(one.events[0]).replace('first of ', '')
    notify(sockets[0], id, {
      error: { code: -32000, message: 'slow', data: { code: 'ARM_RPC_SLOW_CONSUMER', dropped: 3 } },
    })
    await one.until(() => one.errors.length === 1)
    expect(one.errors[0]).toMatchObject({ code: 'ARM_RPC_SLOW_CONSUMER', data: { dropped: 3, final: true } })
  })

  test('after a break it connects and subscribes again', async () => {
    const { url, sockets } = await serveSockets()
    const one = listener()
    await clientOf(url).subscribe('heads', {}, one.onEvent, one.onError)
    sockets[0]?.terminate()
    await one.until(() => one.events.length === 2)
    expect(one.errors).toMatchObject([{ code: 'ARM_RPC_CONNECT', data: { final: false } }])
    expect(one.events).toEqual(['first of 1-1', 'first of 2-2'])
    sockets[1]?.terminate()
    await one.until(() => one.events.length === 3)
  })

  test('without a WebSocket there is a clear error', async () => {
    const original = globalThis.WebSocket
    try {
      Object.assign(globalThis, { WebSocket: undefined })
      const error = await errorOf(clientOf('http://127.0.0.1:1').subscribe('heads', {}, () => {}))
      expect(error).toMatchObject({ code: 'ARM_RPC_CONNECT', hint: expect.stringMatching(/WebSocket/) })
    } finally {
      Object.assign(globalThis, { WebSocket: original })
    }
  })
})
