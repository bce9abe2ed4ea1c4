import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { RpcLimits } from '../limits.ts'
import type { RpcHandlers } from './handlers.ts'
import { createRpcServer, type RpcServer } from './server.ts'

// What a connection may hold: nothing that it does may keep others out. The rest of the server is in server.test.ts.

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Answer = any

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function start(options: { limits?: Partial<RpcLimits>; handlers?: RpcHandlers }): Promise<RpcServer> {
  const server = await createRpcServer({
    submitMany: async (raws) => raws.map((raw) => ({ ok: true, id: padded(raw) })),
    ...options,
    handlers: {
      arm_getPool: ({ vShard }) => ({ transactions: vShard, bytes: 0, limitTransactions: 1, accounts: 0 }),
      ...options.handlers,
    },
  })
  open.push(() => server.close())
  return server
}

const call = (method: string, params: unknown = {}, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params })

async function pool(server: RpcServer): Promise<Answer> {
  const response = await fetch(server.url, { method: 'POST', body: JSON.stringify(call('arm_getPool', [5])) })
  return ((await response.json()) as Answer).result
}

async function socket(server: RpcServer) {
  const webSocket = new WebSocket(server.wsUrl)
  const messages: Answer[] = []
  webSocket.on('message', (data) => messages.push(JSON.parse(String(data))))
  open.push(async () => webSocket.terminate())
  await once(webSocket, 'open')
  return { webSocket, messages, send: (value: unknown) => webSocket.send(JSON.stringify(value)) }
}

async function until(done: () => boolean): Promise<void> {
  for (let turns = 0; !done() && turns < 1_000_000; turns++) await new Promise((resolve) => setImmediate(resolve))
  expect(done()).toBe(true)
}

test('waits on many sockets keep nobody else out, and end with their connections', async () => {
  const ended: unknown[] = []
  let waiting = 0
  const server = await start({
    limits: { inFlightRequests: 64, inFlightPerSocket: 4 },
    handlers: {
      arm_waitForReceipt: (_, { wait, signal }) => {
        waiting++
        return wait(
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              ended.push(signal.reason)
              reject(signal.reason)
            })
          }),
        )
      },
    },
  })
  const sockets = await Promise.all(Array.from({ length: 5 }, () => socket(server)))
  for (const { send } of sockets)
    for (let id = 0; id < 100; id++) send(call('arm_waitForReceipt', ['ab'.repeat(32)], id))
  await until(() => waiting === 500)
  expect(await pool(server)).toMatchObject({ transactions: 5 })
  for (const { webSocket } of sockets) webSocket.close()
  await until(() => ended.length === 500)
  expect(await pool(server)).toMatchObject({ transactions: 5 })
})

test('a socket that has sent too much is still read: more is refused, and its close is seen', async () => {
  let signal: AbortSignal | undefined
  const server = await start({
    limits: { inFlightPerSocket: 2, queuedPerSocket: 3 },
    handlers: {
      arm_getSupply: (_, context) => {
        signal = context.signal
        return new Promise((_resolve, reject) => context.signal.addEventListener('abort', () => reject(signal?.reason)))
      },
    },
  })
  const { send, messages, webSocket } = await socket(server)
  for (let id = 0; id < 7; id++) send(call('arm_getSupply', {}, id))
  await until(() => messages.length === 2)
  expect(messages.map(({ id, error }) => [id, error.data.code])).toEqual([
    [5, 'ARM_RPC_BUSY'],
    [6, 'ARM_RPC_BUSY'],
  ])
  webSocket.close()
  await until(() => signal?.aborted === true)
  expect(signal?.reason).toMatchObject({ code: 'ARM_RPC_CLOSED' })
})

test('bodies are held within one bound over all connections; small ones are always taken, and what is held is given back', async () => {
  const limits = { bodyBytes: 100_000, heldBytes: 150_000, heldFreeBytes: 10_000 }
  const server = await start({ limits })
  const large = JSON.stringify(call('arm_query', { vShard: 0, module: 'm', query: 'q', args: 'x'.repeat(90_000) }))
  const halves = Array.from({ length: 4 }, () => {
    const connection = connect(server.port, '127.0.0.1')
    open.push(async () => void connection.destroy())
    connection.write(
      `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${large.length}\r\n\r\n${large.slice(0, -1)}`,
    )
    return connection
  })
  const post = (body: string) => fetch(server.url, { method: 'POST', body })
  // Once the halves have come in there is no room for another large one, but there is for a small one.
  let status = 0
  for (let tries = 0; status !== 503 && tries < 1_000; tries++) status = (await post(large)).status
  expect(status).toBe(503)
  expect(await pool(server)).toMatchObject({ transactions: 5 })
  for (const connection of halves) connection.destroy()
  for (let tries = 0; status !== 200 && tries < 1_000; tries++) status = (await post(large)).status
  expect(status).toBe(200)
})

/** An id that shows which transaction it is of. */
function padded(raw: Uint8Array): Uint8Array {
  const id = new Uint8Array(32)
  id.set(raw.subarray(0, 32))
  return id
}
