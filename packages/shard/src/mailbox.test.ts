import {
  type Head,
  headCodec,
  type Inbox,
  MESSAGE_DELIVER,
  type Message,
  messageCodec,
  type OutgoingMessage,
  type ShardKey,
  sha256,
  wholeShard,
} from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CheckedAnchor, shardTopsRoot, trustedAnchor } from './anchors.ts'
import { importGas } from './execute.ts'
import { checkImport, type MainHead } from './imports.ts'
import { Mailbox } from './mailbox.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createWorld } from './world.fixture.ts'

const { layout } = createWorld(3)
const SHARDS = [0, 1, 2, 3].map(wholeShard)
const ZERO = new Uint8Array(32)

/** Sources that send, a main shard that anchors what they sent, and destinations with their cursors. */
class Network {
  mailbox: Mailbox = new Mailbox()
  readonly mainHeads: Map<number, MainHead> = new Map([[0, { hash: ZERO, shardTopsRoot: ZERO, outboxRoot: ZERO }]])
  readonly delivered: Message[] = []
  readonly sent: Message[] = []
  mainHeight = 0
  readonly #heights = SHARDS.map(() => 0)
  readonly #unanchored: { readonly head: Head; readonly outbox: Outbox }[] = []
  readonly #next: Map<string, number> = new Map()
  readonly #inboxes: Map<string, Inbox> = new Map()

  cursor(destination: number): (source: ShardKey) => number {
    return (source) => this.#inboxes.get(`${source.vShard}>${destination}`)?.next ?? 0
  }

  /** A block of a source, with so many messages of a size and gas to each destination. */
  send(source: number, messages: readonly { to: number; count: number; sizeBytes: number; gas: number }[]): void {
    const outgoing = messages.flatMap(({ to, count, sizeBytes, gas }) =>
      Array.from({ length: count }, () => this.#message(source, to, sizeBytes, gas)),
    )
    this.sent.push(...outgoing.map(({ message }) => message))
    const outbox = createOutbox(outgoing)
    const height = (this.#heights[source] as number) + 1
    this.#heights[source] = height
    const shard = wholeShard(source)
    const head = { ...emptyHead(shard), height, outboxRoot: outbox.root }
    this.mailbox.hold(shard, height, outbox)
    if (source === 0) this.#anchor(outbox)
    else this.#unanchored.push({ head, outbox })
  }

  /** A main-shard block, which anchors everything that there is. */
  #anchor(own: Outbox): void {
    this.mainHeight++
    const anchors: CheckedAnchor[] = this.#unanchored
      .splice(0)
      .map(({ head }) => trustedAnchor({ head: headCodec.encode(head), details: ZERO }, head, {} as never))
    this.mainHeads.set(this.mainHeight, { hash: ZERO, shardTopsRoot: shardTopsRoot(anchors), outboxRoot: own.root })
    this.mailbox.anchored(wholeShard(0), this.mainHeight, anchors)
  }

  /** A block of a destination: takes what the mailbox gives within a budget, and checks it like a stranger's. */
  receive(destination: number, budget: { readonly gas: number; readonly sizeBytes: number; readonly seen: number }) {
    const shard = wholeShard(destination)
    const mainHeight = Math.max(0, this.mainHeight - budget.seen)
    const cursor = this.cursor(destination)
    const inbox = (source: ShardKey): Inbox =>
      this.#inboxes.get(`${source.vShard}>${destination}`) ?? { next: 0, motesLeft: 0n }
    const { imports, waitingGas } = this.mailbox.imports(shard, { ...budget, cursor, mainHeight })
    const mainHead = (height: number) => this.mainHeads.get(height)
    let count = 0
    for (const item of imports) {
      const checked = checkImport(item, { layout, shard, mainHeight, mainHead, inbox })
      if (!checked.ok) throw new Error(checked.reason.message)
      const { messages } = checked.value
      this.#inboxes.set(`${item.source.vShard}>${destination}`, checked.value.inbox)
      this.delivered.push(...messages.map(({ message }) => message))
      count += messages.length
    }
    const taken = imports.flatMap(({ messages }) => messages)
    const gas = importGas(taken.map((bytes) => messageCodec.decode(bytes).gasLimit))
    const sizeBytes = taken.reduce((sum, bytes) => sum + bytes.length, 0)
    if (count > 1) expect(gas <= budget.gas && sizeBytes <= budget.sizeBytes).toBe(true)
    this.mailbox.prune(shard, this.cursor(destination))
    return { count, waitingGas }
  }

  waiting(destination: number): readonly Message[] {
    return this.sent.filter(
      ({ source, destination: to, seq }) => to.vShard === destination && seq >= this.cursor(destination)(source),
    )
  }

  #message(source: number, to: number, sizeBytes: number, gasLimit: number): OutgoingMessage {
    const channel = `${source}>${to}`
    const seq = this.#next.get(channel) ?? 0
    this.#next.set(channel, seq + 1)
    const message: Message = {
      source: wholeShard(source),
      destination: wholeShard(to),
      seq,
      traceId: ZERO,
      hop: 1,
      kind: MESSAGE_DELIVER,
      from: ZERO,
      to: ZERO,
      value: 1n,
      gasLimit,
      gasPrice: 1n,
      prepaid: BigInt(gasLimit),
      expiryHeight: 9,
      call: { module: 'm', method: 'm', args: new Uint8Array(sizeBytes) },
      cause: '',
    }
    return { message, bytes: messageCodec.encode(message) }
  }
}

function emptyHead(shard: ShardKey): Head {
  const zeros = { stateRoot: ZERO, outboxRoot: ZERO, shardTopsRoot: ZERO, workerTopsRoot: ZERO, committeesRoot: ZERO }
  return {
    genesis: ZERO,
    shard,
    epoch: 0,
    view: 0,
    height: 0,
    timeMs: 0,
    ...zeros,
    nextCommittee: ZERO,
    bodyHash: ZERO,
  }
}

const parcel = fc.record({
  to: fc.nat(3),
  count: fc.nat(4),
  sizeBytes: fc.constantFrom(0, 100, 3_000),
  gas: fc.constantFrom(0, 300, 5_000),
})
const step = fc.oneof(
  fc.record({ type: fc.constant('send' as const), source: fc.nat(3), parcels: fc.array(parcel, { maxLength: 4 }) }),
  fc.record({
    type: fc.constant('receive' as const),
    destination: fc.nat(3),
    gas: fc.constantFrom(100, 1_000, 20_000),
    sizeBytes: fc.constantFrom(100, 12_000, 100_000),
    seen: fc.nat(2),
  }),
  fc.constant({ type: 'restart' as const }),
)

test('whatever the order, budget and restarts: proven, in order, each once, and nothing left when all is taken', () => {
  let taken = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), (steps) => {
      const network = new Network()
      for (const each of steps) {
        if (each.type === 'send') network.send(each.source, each.parcels)
        else if (each.type === 'receive') network.receive(each.destination, each)
        else {
          const stored = network.mailbox.store()
          network.mailbox = new Mailbox()
          network.mailbox.restore(stored)
          expect(network.mailbox.store()).toEqual(stored)
        }
      }
      network.send(0, [])
      for (const destination of [0, 1, 2, 3]) {
        const waiting = network.waiting(destination)
        expect(network.mailbox.waiting(wholeShard(destination), network.cursor(destination))).toBe(waiting.length)
        for (let left = waiting.length; left > 0; ) {
          // Even the smallest budget takes a message, or a large one would stop its channel.
          const { count, waitingGas } = network.receive(destination, { gas: 1, sizeBytes: 1, seen: 0 })
          expect(count).toBe(1)
          left--
          expect(waitingGas).toBe(importGas(network.waiting(destination).map(({ gasLimit }) => gasLimit)))
        }
      }
      expect(network.mailbox.empty).toBe(true)
      expect(network.mailbox.oldestAnchor()).toBeUndefined()
      const byChannel = (list: readonly Message[]) =>
        list.map(
          ({ source, destination, seq }) => `${source.vShard}>${destination.vShard} ${`${seq}`.padStart(4, '0')}`,
        )
      expect(byChannel(network.delivered).sort()).toEqual(byChannel(network.sent).sort())
      for (const { vShard } of SHARDS) {
        for (const { vShard: to } of SHARDS) {
          const seqs = network.delivered.filter(
            (each) => each.source.vShard === vShard && each.destination.vShard === to,
          )
          expect(seqs.map(({ seq }) => seq)).toEqual(seqs.map((_, i) => i))
        }
      }
      taken += network.delivered.length
    }),
    { numRuns: 60 },
  )
  expect(taken).toBeGreaterThan(500)
})

test('nothing is offered before its anchor is seen; the oldest head that a proof needs is known', () => {
  const network = new Network()
  network.send(1, [{ to: 2, count: 2, sizeBytes: 0, gas: 300 }])
  const shard = wholeShard(2)
  const budget = { cursor: () => 0, gas: 10_000, sizeBytes: 100_000 }
  expect(network.mailbox.imports(shard, { ...budget, mainHeight: 9 }).imports).toEqual([])
  expect(network.mailbox.waiting(shard, () => 0)).toBe(0)
  network.send(0, [])
  network.send(0, [{ to: 2, count: 1, sizeBytes: 0, gas: 300 }])
  expect(network.mailbox.imports(shard, { ...budget, mainHeight: 0 }).imports).toEqual([])
  expect(network.mailbox.imports(shard, { ...budget, mainHeight: 1 }).imports).toHaveLength(1)
  expect(network.mailbox.imports(shard, { ...budget, mainHeight: 2 }).imports).toHaveLength(2)
  expect(network.mailbox.oldestAnchor()).toBe(1)
  network.receive(2, { gas: 600, sizeBytes: 100_000, seen: 0 })
  expect(network.mailbox.oldestAnchor()).toBe(2)
})

test('a batch that does not fit stops its own channel, and no other', () => {
  const network = new Network()
  network.send(1, [{ to: 2, count: 2, sizeBytes: 0, gas: 700 }])
  network.send(3, [{ to: 2, count: 1, sizeBytes: 0, gas: 300 }])
  network.send(1, [{ to: 2, count: 1, sizeBytes: 0, gas: 300 }])
  network.send(0, [])
  const budget = { cursor: network.cursor(2), mainHeight: 1, gas: 1_100, sizeBytes: 100_000 }
  const { imports, waitingGas } = network.mailbox.imports(wholeShard(2), budget)
  expect(imports.map(({ source, start, messages }) => [source.vShard, start, messages.length])).toEqual([
    [1, 0, 1],
    [3, 0, 1],
  ])
  expect(waitingGas).toBe(700 + 300)
})

test('a stored mailbox that is cut or changed is refused with an error of ours, or is another mailbox', () => {
  const network = new Network()
  network.send(1, [{ to: 2, count: 2, sizeBytes: 10, gas: 700 }])
  network.send(0, [{ to: 3, count: 1, sizeBytes: 0, gas: 0 }])
  network.send(2, [{ to: 3, count: 1, sizeBytes: 0, gas: 0 }])
  const stored = network.mailbox.store()
  let refused = 0
  for (let i = 0; i < 100_000; i++) {
    const changed = i % 4 === 0 ? stored.slice(0, i % stored.length) : stored.slice()
    const place = sha256(Uint8Array.of(i, i >> 8, i >> 16))
    if (changed.length > 0) changed[new DataView(place.buffer).getUint32(0) % changed.length] = place[5] as number
    const before = i % 50 === 0 ? network.mailbox.store() : undefined
    try {
      network.mailbox.restore(changed)
    } catch (error) {
      expect((error as { code?: string }).code).toBe('ARM_CODEC_INPUT')
      if (before !== undefined) expect(network.mailbox.store()).toEqual(before)
      refused++
    }
  }
  expect(refused).toBeGreaterThan(1_000)
})
