import type { ArmError } from '@armchain/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSocket, type WebSocketLike } from './rpc-socket.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Opens and confirms subscriptions while `up`; otherwise fails as a refused connection does. */
function fakeNetwork() {
  const network = { up: true, answers: true, sockets: [] as FakeSocket[] }
  class FakeSocket implements WebSocketLike {
    onopen: WebSocketLike['onopen'] = null
    onmessage: WebSocketLike['onmessage'] = null
    onerror: WebSocketLike['onerror'] = null
    onclose: WebSocketLike['onclose'] = null
    constructor() {
      network.sockets.push(this)
      queueMicrotask(() => {
        const failed = { message: 'refused' }
        if (network.up) this.onopen?.({} as never)
        else this.onerror?.(failed as never)
      })
    }
    send(text: string): void {
      const { id } = JSON.parse(text)
      if (network.answers) this.receive({ id, result: `s${id}` })
    }
    receive(message: object): void {
      this.onmessage?.({ data: JSON.stringify(message) } as never)
    }
    close(): void {}
  }
  return { network, FakeSocket }
}

test('gives up after a bounded number of attempts that come less and less often', async () => {
  const { network, FakeSocket } = fakeNetwork()
  const socket = createSocket({ url: 'ws://x', WebSocket: FakeSocket, timeoutMs: 1000 })
  const errors: ArmError[] = []
  await socket.subscribe(
    'heads',
    {},
    () => {},
    (error) => void errors.push(error),
  )
  network.up = false
  network.sockets[0]?.onclose?.({} as never)
  await vi.advanceTimersByTimeAsync(1000)
  const early = network.sockets.length
  expect(early).toBeGreaterThan(2)
  await vi.advanceTimersByTimeAsync(120_000)
  expect(network.sockets.length).toBe(11)
  expect(errors.map(({ code, data }) => [code, data.final])).toEqual([
    ['ARM_RPC_CONNECT', false],
    ['ARM_RPC_CONNECT', true],
  ])
  expect(vi.getTimerCount()).toBe(0)
})

test('a subscription that is not confirmed times out; closing settles it sooner and stops trying', async () => {
  const { network, FakeSocket } = fakeNetwork()
  network.answers = false
  const socket = createSocket({ url: 'ws://x', WebSocket: FakeSocket, timeoutMs: 1000 })
  const late = expect(socket.subscribe('heads', {}, vi.fn(), vi.fn())).rejects.toMatchObject({
    code: 'ARM_RPC_TIMEOUT',
  })
  await vi.advanceTimersByTimeAsync(1001)
  await late
  const closed = expect(socket.subscribe('heads', {}, vi.fn(), vi.fn())).rejects.toMatchObject({
    code: 'ARM_RPC_CLOSED',
  })
  await vi.advanceTimersByTimeAsync(1)
  await socket.close()
  await closed
  expect(vi.getTimerCount()).toBe(0)
})
