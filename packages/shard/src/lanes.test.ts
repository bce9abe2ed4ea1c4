import { createSoloEngine, type EngineFactory } from '@armchain/consensus'
import { bodyCodec, type Import, RECEIPT_TRANSACTION, readKernelState, SUPPLY_MOTES, sha256 } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { auditSupply } from './auditor.ts'
import type { ChainMachine } from './chain-machine.ts'
import type { SealedBlock } from './machine-port.ts'
import {
  createWorld,
  hearing,
  hosted,
  knowing,
  prepare,
  seal,
  sendCodec,
  transfer,
  USERS,
  users,
  validator,
  type World,
} from './world.fixture.ts'

/** The supply from the state itself, apart from any counter that the kernel keeps but for burnt and in flight. */
function countSupply(machine: ChainMachine): bigint {
  let total = 0n
  for (const { chain } of machine.shards) {
    const { accounts } = chain.state
    for (let row = 0; row < accounts.rows; row++) total += accounts.balance(row)
    const kernel = readKernelState(chain.state)
    if (kernel === undefined) throw new Error('no kernel state')
    total += kernel.burnt + kernel.sent - kernel.received
  }
  return total
}

const action = fc.record({
  user: fc.nat(USERS - 1),
  to: fc.nat(USERS - 1),
  from: fc.nat(4),
  target: fc.nat(5),
  amount: fc.constantFrom(0n, 1n, 1_000n, 900_000_000n, 2_000_000_000n),
  how: fc.constantFrom('transfer', 'courier'),
  refuse: fc.nat(3),
  expiryBlocks: fc.constantFrom(0, 1, 100),
})
const step = fc.oneof(
  { weight: 3, arbitrary: action.map((value) => ({ ...value, type: 'tx' as const })) },
  { weight: 2, arbitrary: fc.nat(4).map((shard) => ({ type: 'seal' as const, shard })) },
)

test('supply is conserved, each message arrives or bounces exactly once, and the log replays to the same state', () => {
  let delivered = 0
  let bounced = 0
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { minLength: 10, maxLength: 60 }), (vShards, steps) => {
      const world = createWorld(vShards)
      const machine = world.create()
      machine.start(1_000)
      const heard = hearing()
      let nowMs = 1_000
      for (const each of steps) {
        nowMs += 10
        if (each.type === 'seal') {
          seal(machine, each.shard % (vShards + 1), nowMs, heard)
          expect(countSupply(machine)).toBe(SUPPLY_MOTES)
          continue
        }
        const vShard = each.from % (vShards + 1)
        const to = (users[each.to] as (typeof users)[number]).account
        const target = each.target === 5 ? 99 : each.target % (vShards + 1)
        const call =
          each.how === 'transfer'
            ? transfer(each.to, each.amount, target)
            : {
                module: 'courier',
                method: 'send',
                args: sendCodec.encode({
                  to,
                  vShard: target,
                  amount: each.amount,
                  expiryBlocks: each.expiryBlocks,
                  refuse: each.refuse,
                }),
              }
        const nonce = machine.shard(vShard)?.pool.nextNonce((users[each.user] as (typeof users)[number]).account) ?? 0
        machine.admit(nowMs, prepare(world, each.user, { vShard, nonce, call }))
      }
      for (let round = 0; round < 12; round++) {
        for (let shard = vShards; shard >= 0; shard--) {
          nowMs += 10
          seal(machine, shard, nowMs, heard)
        }
      }
      expect(countSupply(machine)).toBe(SUPPLY_MOTES)
      expect(machine.mailbox.empty).toBe(true)
      const { main } = machine
      const { burnt, sent, received } = machine.kernelState(main)
      const report = auditSupply(
        main.chain.state,
        { balances: main.chain.state.accounts.totalBalance, burnt, sent, received },
        machine.config.layout,
      )
      expect(report).toMatchObject({ ok: true, inFlightMotes: 0n })

      const counts = countMessages(world, heard.sealed)
      expect(counts.received).toEqual(counts.sent)
      delivered += counts.delivered
      bounced += counts.bounced
      const replayed = world.create()
      for (const record of heard.records) {
        const outcome = replayed.replay(record)
        if (!outcome.ok) throw new Error(outcome.reason.message)
      }
      expect(replayed.shards.map(({ chain }) => [chain.tip.hash, chain.state.root()])).toEqual(
        machine.shards.map(({ chain }) => [chain.tip.hash, chain.state.root()]),
      )
    }),
    { numRuns: 60 },
  )
  expect(delivered).toBeGreaterThan(0)
  expect(bounced).toBeGreaterThan(0)
}, 120_000)

/** Ids of messages sent and received, each of which must be there once; and how many of them were bounced. */
function countMessages({ runtime }: World, sealed: readonly SealedBlock[]) {
  const sent: string[] = []
  const received: string[] = []
  let delivered = 0
  let bounced = 0
  for (const { executed } of sealed) {
    for (const { messages } of executed.outbox.batches)
      for (const message of messages) sent.push(Buffer.from(sha256(message)).toString('hex'))
    for (const encoded of executed.receipts) {
      const receipt = runtime.receipts.decode(encoded)
      if (receipt.kind === RECEIPT_TRANSACTION) continue
      received.push(Buffer.from(receipt.id).toString('hex'))
      if (receipt.ok) delivered++
      else bounced++
    }
  }
  return { sent: sent.sort(), received: received.sort(), delivered, bounced }
}

test('an engine is started before it hears of anything that the start of another leads to', () => {
  const world = createWorld(2)
  const before = world.create()
  before.start(1_000)
  before.admit(1_000, prepare(world, 0, { call: transfer(1, 5n, 2) }))
  const { records } = seal(before, 1, 1_010)
  const heard: (readonly [number, string])[] = []
  // As after a crash between a block's certificate and the block: the main shard goes on within its start.
  const engine: EngineFactory = (config) => {
    const inner = createSoloEngine(config)
    return {
      name: inner.name,
      step(nowMs, input) {
        heard.push([config.shard.vShard, input.type])
        const effects = inner.step(nowMs, input)
        const goesOn = input.type === 'start' && config.shard.vShard === 0
        return goesOn ? [...effects, ...inner.step(nowMs, { type: 'seal' })] : effects
      },
    }
  }
  const machine = world.create(engine)
  for (const record of records) expect(machine.replay(record).ok).toBe(true)
  machine.start(1_020)
  expect(heard.filter(([, type]) => type === 'work')).not.toEqual([])
  for (const { vShard } of machine.shards) expect(heard.find(([of]) => of === vShard)).toEqual([vShard, 'start'])
})

test('messages whose destination has taken them before their source was known here wait for nobody', () => {
  const world = createWorld(2)
  const machine = world.create()
  machine.start(1_000)
  machine.admit(1_000, prepare(world, 0, { call: transfer(1, 5n, 2) }))
  const source = seal(machine, 1, 1_010).records
  const rest = hearing()
  seal(machine, 0, 1_020, rest)
  seal(machine, 2, 1_030, rest)
  expect(rest.sealed.at(-1)?.executed.imports).toHaveLength(1)
  const behind = world.create()
  for (const record of [...rest.records, ...source]) expect(behind.replay(record).ok).toBe(true)
  expect(behind.mailbox.empty).toBe(true)
  expect(behind.mailbox.store()).toEqual(machine.mailbox.store())
})

test('an import that is repeated, skipped, reordered or changed makes a block invalid', () => {
  const world = createWorld(2)
  const machine = world.create()
  machine.start(1_000)
  const heard = hearing()
  for (let nonce = 0; nonce < 3; nonce++) {
    machine.admit(1_000, prepare(world, 0, { nonce, call: transfer(1, 5n, 2) }))
  }
  seal(machine, 1, 1_010, heard)
  seal(machine, 0, 1_020, heard)
  const target = hosted(machine, 2)
  const { imports } = machine.mailbox.imports(target.descriptor.key, {
    cursor: () => 0,
    mainHeight: 1,
    gas: 1_000_000,
    sizeBytes: 1_000_000,
  })
  const good = imports[0] as Import
  expect(good.messages).toHaveLength(3)
  const changed = good.messages.map((message) => message.slice())
  const first = changed[0] as Uint8Array
  first[first.length - 1] = (first[first.length - 1] as number) ^ 1
  const proof = (item: Import): Uint8Array[] => [new Uint8Array(32), ...item.topProof]
  const bad: Record<string, readonly Import[]> = {
    repeated: [good, good],
    'messages skipped': [{ ...good, start: 1, messages: good.messages.slice(1) }],
    reordered: [{ ...good, messages: [...good.messages].reverse() }],
    'a message changed': [{ ...good, messages: changed }],
    'a message added': [{ ...good, messages: [...good.messages, first] }],
    'another proof': [{ ...good, topProof: proof(good) }],
    'another batch': [{ ...good, batchCount: good.batchCount + 1 }],
    'from the future': [{ ...good, anchorHeight: 9 }],
    'a top left out': [{ ...good, top: undefined }],
  }
  const { chain } = target
  const before = chain.state.root()
  for (const [what, items] of Object.entries(bad)) {
    // The block is as a dishonest proposer would make it: everything right but the imports.
    const body = bodyCodec.encode({ transactions: [], imports: items, anchors: [] })
    const honest = chain.propose(ingredients(machine, [good]))
    chain.abandon(honest)
    const details = world.runtime.details.encode({ ...honest.details, dataRoot: sha256(body) })
    const head = { ...honest.block, details, body }
    const rehashed = { ...head, head: rehash(honest.block.head, sha256(honest.block.details), sha256(details)) }
    const outcome = chain.apply(
      rehashed,
      knowing((height) => machine.mainHead(height)),
    )
    expect(outcome.ok, what).toBe(false)
    if (!outcome.ok) expect(outcome.reason.code, what).toMatch(/^ARM_(IMPORT|BLOCK)_/)
    expect(chain.state.root(), what).toEqual(before)
  }
  const executed = chain.propose(ingredients(machine, [good]))
  expect(executed.receipts).toHaveLength(3)
})

function ingredients(machine: ChainMachine, imports: readonly Import[]) {
  return {
    timeMs: 2_000,
    view: 1,
    epoch: 0,
    mainHeight: 1,
    mainHead: (height: number) => machine.mainHead(height),
    imports,
    transactions: [],
    anchors: [],
    congestion: 0,
    proposer: validator.account,
  }
}

function rehash(head: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const copy = Buffer.from(head)
  copy.set(to, copy.indexOf(Buffer.from(from)))
  return new Uint8Array(copy)
}
