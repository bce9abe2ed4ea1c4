import { describe, expect, test } from 'vitest'
import { RPC_LIMITS } from '../limits.ts'
import { createMetrics } from '../metrics.ts'
import { createSubscriptionHub, type Subscriber, type SubscriptionHub } from './subscriptions.ts'

const metrics = createMetrics()
metrics.close()

class Reader implements Subscriber {
  readonly sent: {
    subscription: string
    topic: string
    result?: unknown
    error?: { code: number; data: { code: string; dropped: number } }
  }[] = []
  unsent = 0
  send(text: string): void {
    this.sent.push(JSON.parse(text).params)
  }
  unsentBytes(): number {
    return this.unsent
  }
  results(): unknown[] {
    return this.sent.map(({ result }) => result)
  }
}

function hubOf(limits: Partial<typeof RPC_LIMITS> = {}): SubscriptionHub {
  return createSubscriptionHub({ ...RPC_LIMITS, ...limits }, metrics.rpc)
}

describe('filters', () => {
  const events = [
    { vShard: 0, result: 'a' },
    { vShard: 1, txId: 'aa', addresses: ['x', 'y', 'x'], result: 'b' },
    { vShard: 1, txId: 'bb', addresses: ['x'], result: 'c' },
    { vShard: 2, txId: 'aa', result: 'd' },
  ]
  test.each<[object, string[]]>([
    [{}, ['a', 'b', 'c', 'd']],
    [{ vShard: 1 }, ['b', 'c']],
    [{ txId: '0xAA' }, ['b', 'd']],
    [{ txId: 'aa', vShard: 2 }, ['d']],
    [{ address: 'x' }, ['b', 'c']],
    [{ address: 'x', txId: 'bb' }, ['c']],
    [{ address: 'z' }, []],
  ])('%j', (filter, expected) => {
    const hub = hubOf()
    const reader = new Reader()
    hub.subscribe(reader, { topic: 'receipts', ...filter })
    hub.activate(reader)
    for (const event of events) hub.publish('receipts', event)
    hub.publish('heads', { vShard: 1, result: 'other topic' })
    expect(reader.results()).toEqual(expected)
  })
})

test('nothing is sent before the subscriber knows its id; nothing is lost either', () => {
  const hub = hubOf()
  const reader = new Reader()
  const id = hub.subscribe(reader, { topic: 'heads' })
  hub.publish('heads', { result: 1 })
  expect(reader.sent).toEqual([])
  hub.activate(reader)
  hub.publish('heads', { result: 2 })
  expect(reader.sent).toEqual([
    { subscription: id, topic: 'heads', result: 1 },
    { subscription: id, topic: 'heads', result: 2 },
  ])
})

test('a slow reader is queued for, then given up with a coded notification; others go on', () => {
  const hub = hubOf({ subscriptionQueueEvents: 3, socketBufferBytes: 10 })
  const [slow, fast] = [new Reader(), new Reader()]
  for (const reader of [slow, fast]) {
    hub.subscribe(reader, { topic: 'heads' })
    hub.activate(reader)
  }
  slow.unsent = 11
  for (let i = 0; i < 3; i++) hub.publish('heads', { result: i })
  slow.unsent = 0
  hub.drained(slow)
  expect(slow.results()).toEqual([0, 1, 2])
  slow.unsent = 11
  for (let i = 3; i < 8; i++) hub.publish('heads', { result: i })
  expect(fast.results()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(slow.sent.length).toBe(4)
  expect(slow.sent[3]?.error).toMatchObject({ code: -32000, data: { code: 'ARM_RPC_SLOW_CONSUMER', dropped: 4 } })
  expect(hub.count()).toBe(1)
})

test("ends: by id, by connection, and only one's own", () => {
  const hub = hubOf({ subscriptionsPerSocket: 2 })
  const [one, other] = [new Reader(), new Reader()]
  const id = hub.subscribe(one, { topic: 'heads' })
  hub.subscribe(one, { topic: 'receipts', txId: 'aa' })
  expect(() => hub.subscribe(one, { topic: 'heads' })).toThrow(
    expect.objectContaining({ code: 'ARM_RPC_SUBSCRIPTION' }),
  )
  expect(hub.unsubscribe(other, id)).toBe(false)
  expect(hub.unsubscribe(one, id)).toBe(true)
  expect(hub.unsubscribe(one, id)).toBe(false)
  expect([hub.wants('heads'), hub.wants('receipts')]).toEqual([false, true])
  hub.drop(one)
  hub.drop(one)
  expect([hub.count(), hub.wants('receipts')]).toEqual([0, false])
  hub.publish('receipts', { txId: 'aa', result: 1 })
  expect(one.sent).toEqual([])
})
