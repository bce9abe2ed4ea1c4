import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InboundQueues } from './inbound-queues.ts'
import { PASSED_OVER_MAX } from './limits.ts'
import type { Inbound } from './network.ts'
import { OutboundQueue } from './outbound-queue.ts'
import { type QueueSpec, URGENCIES, type Urgency } from './queue-spec.ts'

const spec = (urgency: Urgency, rest: Partial<QueueSpec> = {}): QueueSpec => ({
  messagesMax: 100,
  bytesMax: 10_000,
  drop: 'newest',
  urgency,
  ...rest,
})
const message = (on: string, from: string, value: number, size = 1): Inbound => {
  const bytes = new Uint8Array(size)
  bytes[0] = value
  return { on, from, bytes }
}
const said = (each: Inbound | undefined): string =>
  each === undefined ? 'nothing' : `${each.on} ${each.from}${each.bytes[0]}`

/** Queues that are named after their urgencies. */
function queues(inFlightMax: number, rest: Partial<QueueSpec> = {}) {
  const dropped: string[] = []
  const room: string[] = []
  const made = new InboundQueues<Inbound>({
    inFlightMax,
    onDrop: (each) => dropped.push(said(each)),
    onRoom: (on, from) => room.push(`${on} ${from}`),
  })
  for (const urgency of URGENCIES) made.open(urgency, spec(urgency, rest))
  const takeAll = (): string[] => {
    const taken: string[] = []
    for (let each = made.take(); each !== undefined; each = made.take()) taken.push(said(each))
    return taken
  }
  return { made, dropped, room, takeAll }
}

test('the most urgent goes first, and what one peer sent stays in order', () => {
  const { made, takeAll } = queues(100)
  for (const urgency of [...URGENCIES].reverse()) for (const i of [0, 1]) made.offer(message(urgency, 'a', i))
  expect(takeAll()).toEqual(URGENCIES.flatMap((urgency) => [`${urgency} a0`, `${urgency} a1`]))
})

test('peers take turns, and so do queues of one class', () => {
  const { made, takeAll } = queues(100)
  made.open('votes 2', spec('votes'))
  for (let i = 0; i < 3; i++) made.offer(message('votes', 'a', i))
  made.offer(message('votes', 'b', 0))
  made.offer(message('votes 2', 'c', 0))
  expect(takeAll()).toEqual(['votes a0', 'votes 2 c0', 'votes b0', 'votes a1', 'votes a2'])
})

test('no class starves: one that was passed over often enough has its turn', () => {
  const { made } = queues(1, { messagesMax: 10_000, bytesMax: 10_000 })
  for (const urgency of URGENCIES) for (let i = 0; i < 1_000; i++) made.offer(message(urgency, 'a', i))
  const turns = new Map<string, number>()
  for (let i = 0; i < 10 * (PASSED_OVER_MAX + URGENCIES.length); i++) {
    const { on } = made.take() as Inbound
    made.settle()
    turns.set(on, (turns.get(on) ?? 0) + 1)
  }
  for (const urgency of URGENCIES.slice(1)) expect(turns.get(urgency)).toBeGreaterThanOrEqual(9)
  expect(turns.get('votes')).toBeGreaterThan(200)
})

test('so many are in flight at most, and the last places are for the more urgent', () => {
  const { made, takeAll } = queues(16)
  for (let i = 0; i < 50; i++) made.offer(message('sync', 'a', i))
  expect(takeAll()).toHaveLength(12)
  for (let i = 0; i < 50; i++) made.offer(message('votes', 'a', i))
  expect(takeAll()).toEqual(['votes a0', 'votes a1', 'votes a2', 'votes a3'])
  expect(made.inFlight).toBe(16)
  made.settle()
  expect(takeAll()).toEqual(['votes a4'])
})

test.each([
  { drop: 'newest', kept: ['votes a0', 'votes a1'], lost: ['votes a2', 'votes a3'] },
  { drop: 'oldest', kept: ['votes a2', 'votes a3'], lost: ['votes a0', 'votes a1'] },
] as const)('a full queue loses its $drop', ({ drop, kept, lost }) => {
  const { made, dropped, takeAll } = queues(100, { drop, messagesMax: 2 })
  for (let i = 0; i < 4; i++) made.offer(message('votes', 'a', i))
  expect(dropped).toEqual(lost)
  expect(made.stats('votes')).toEqual({ waiting: 2, waitingBytes: 2, dropped: 2 })
  expect(takeAll()).toEqual(kept)
})

test.each(['newest', 'oldest'] as const)('who floods loses its own messages, not those of others (%s)', (drop) => {
  const { made, dropped, takeAll } = queues(100, { drop, messagesMax: 8 })
  for (let i = 0; i < 100; i++) made.offer(message('votes', 'flood', i))
  for (let i = 0; i < 3; i++) made.offer(message('votes', 'good', i))
  for (let i = 0; i < 100; i++) made.offer(message('votes', 'flood', i))
  expect(dropped.filter((each) => each.includes('good'))).toEqual([])
  expect(takeAll().filter((each) => each.includes('good'))).toEqual(['votes good0', 'votes good1', 'votes good2'])
})

test('a peer with its share of a queue is not read from until half of that is gone', () => {
  const { made, room } = queues(100, { messagesMax: 32 })
  const offered = Array.from({ length: 4 }, (_, i) => made.offer(message('votes', 'a', i)))
  expect(offered).toEqual(['room', 'room', 'room', 'full'])
  expect(made.offer(message('votes', 'b', 0))).toBe('room')
  made.take()
  expect(room).toEqual([])
  made.take()
  made.take()
  expect(room).toEqual(['votes a'])
})

test('a message that no queue could ever hold is lost', () => {
  const { made, dropped } = queues(100, { bytesMax: 10 })
  made.offer(message('votes', 'a', 1, 11))
  made.offer(message('unknown', 'a', 2))
  expect(dropped).toEqual(['votes a1', 'unknown a2'])
  expect(made.take()).toBeUndefined()
})

test('a closed queue and a forgotten peer leave nothing behind', () => {
  const { made, dropped, takeAll } = queues(100)
  for (const from of ['a', 'b']) for (const on of ['votes', 'headers']) made.offer(message(on, from, 0))
  made.forget('a')
  made.close('headers')
  expect(dropped).toEqual(['votes a0', 'headers a0', 'headers b0'])
  expect(takeAll()).toEqual(['votes b0'])
  made.offer(message('votes', 'b', 1))
  made.forget('b')
  expect(made.take()).toBeUndefined()
  made.offer(message('votes', 'b', 2))
  expect(takeAll()).toEqual(['votes b2'])
})

type Step =
  | { readonly type: 'offer'; readonly on: Urgency; readonly from: string; readonly size: number }
  | { readonly type: 'take' | 'settle' }
  | { readonly type: 'forget'; readonly from: string }

const peer = fc.constantFrom('a', 'b', 'c')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('offer' as const),
      on: fc.constantFrom(...URGENCIES),
      from: peer,
      size: fc.integer({ min: 1, max: 12 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('take' as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('forget' as const), from: peer }) },
)

test('whatever happens: within bounds, in order by peer, each message taken or lost once, and paused peers resume', () => {
  const run = (steps: readonly Step[], drop: 'oldest' | 'newest'): void => {
    const offered: Inbound[] = []
    const lost: Inbound[] = []
    const taken: Inbound[] = []
    const paused = new Set<string>()
    const made = new InboundQueues<Inbound>({
      inFlightMax: 4,
      onDrop: (each) => lost.push(each),
      onRoom: (on, from) => expect(paused.delete(`${on} ${from}`)).toBe(true),
    })
    for (const urgency of URGENCIES) made.open(urgency, spec(urgency, { drop, messagesMax: 6, bytesMax: 30 }))
    for (const each of steps) {
      if (each.type === 'offer') {
        const next = message(each.on, each.from, offered.length % 256, each.size)
        offered.push(next)
        if (made.offer(next) === 'full') paused.add(`${each.on} ${each.from}`)
        else expect(paused).not.toContain(`${each.on} ${each.from}`)
      }
      if (each.type === 'take') {
        const next = made.take()
        if (next !== undefined) taken.push(next)
      }
      if (each.type === 'settle' && made.inFlight > 0) made.settle()
      if (each.type === 'forget') made.forget(each.from)
      expect(made.inFlight).toBeLessThanOrEqual(4)
      for (const urgency of URGENCIES) {
        const { waiting, waitingBytes } = made.stats(urgency)
        expect(waiting).toBeLessThanOrEqual(6)
        expect(waitingBytes).toBeLessThanOrEqual(30)
      }
    }
    for (;;) {
      const next = made.take()
      if (next !== undefined) taken.push(next)
      else if (made.inFlight === 0) break
      while (made.inFlight > 0) made.settle()
    }
    expect(paused.size).toBe(0)
    expect(new Set([...taken, ...lost]).size).toBe(offered.length)
    expect(taken.length + lost.length).toBe(offered.length)
    for (const on of URGENCIES) {
      for (const from of ['a', 'b', 'c']) {
        const order = taken.filter((each) => each.on === on && each.from === from).map((each) => offered.indexOf(each))
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }
    }
  }
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), fc.constantFrom('oldest', 'newest'), run), { numRuns: 500 })
})

test('a queue to a peer loses by its policy and stays within its bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 12 })), fc.constantFrom('oldest', 'newest'), (sizes, drop) => {
      const queue = new OutboundQueue(spec('votes', { drop, messagesMax: 5, bytesMax: 20 }))
      const sent = sizes.map((size, i) => message('votes', 'a', i % 256, size).bytes)
      for (const bytes of sent) {
        queue.push(bytes)
        expect(queue.length).toBeLessThanOrEqual(5)
        expect(queue.sizeBytes).toBeLessThanOrEqual(20)
      }
      const left: Uint8Array[] = []
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) left.push(next)
      expect(left.length + queue.dropped).toBe(sent.length)
      expect(left).toEqual(
        drop === 'oldest' ? sent.slice(sent.length - left.length) : sent.filter((each) => left.includes(each)),
      )
      expect(drop === 'newest' && sent.length > 0 ? left[0] : sent[0]).toBe(sent[0])
    }),
  )
})
