import { createSoloEngine } from '@armchain/consensus'
import {
  type Allocation,
  accountIdOf,
  activeEd25519,
  bank,
  bodyCodec,
  bytes32,
  carve,
  compile,
  createRuntime,
  defaultScheme,
  defineCall,
  fees,
  type Genesis,
  genesisHash,
  type Import,
  keyPairFromSecret,
  type PreparedTransaction,
  prepareTransaction,
  RECEIPT_TRANSACTION,
  type RuntimeModule,
  readKernelState,
  SUPPLY_MOTES,
  sha256,
  signTransaction,
  struct,
  tokenAllocations,
  transactionId,
  transferArgsCodec,
  u32,
  u64,
  utf8,
  vesting,
} from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { auditSupply } from './auditor.ts'
import { ChainMachine, type MachineEffect, type SealedBlock } from './chain-machine.ts'
import { genesisLayout } from './layout.ts'

const USERS = 5
const validator = keyPairFromSecret(sha256(utf8('validator')))
const users = Array.from({ length: USERS }, (_, i) => keyPairFromSecret(sha256(utf8(`user ${i}`))))

type SendArgs = {
  readonly to: Uint8Array
  readonly vShard: number
  readonly amount: bigint
  readonly expiryBlocks: number
  readonly refuse: number
}
const sendArgs = struct(['to', bytes32], ['vShard', u32], ['amount', u64], ['expiryBlocks', u32], ['refuse', u32])
const sendCodec = compile<SendArgs>(sendArgs)
const noteArgs = struct(['refuse', u32])
const noteCodec = compile<{ refuse: number }>(noteArgs)

/** Sends value with a handler call that accepts, refuses, runs out of gas, does not exist, or comes too late. */
const courier: RuntimeModule = {
  name: 'courier',
  calls: {
    send: defineCall<SendArgs>({
      args: sendArgs,
      gas: 0,
      run: (context, { to, vShard, amount, expiryBlocks, refuse }) =>
        context.send(context.sender, {
          vShard,
          to,
          value: amount,
          expiryBlocks,
          callGas: refuse === 2 ? 10 : 2_000,
          call: { module: 'courier', method: refuse === 3 ? 'nowhere' : 'note', args: noteCodec.encode({ refuse }) },
        }),
    }),
  },
  messages: {
    note: defineCall<{ refuse: number }>({
      args: noteArgs,
      gas: 50,
      run(context, { refuse }) {
        context.set(context.receiver, 'last', noteCodec.encode({ refuse }))
        return refuse === 1 ? { code: 'ARM_CALL_FAILED', message: 'refused as asked' } : undefined
      },
    }),
  },
}

function createWorld(vShards: number) {
  const shards = Array.from({ length: vShards + 1 }, (_, vShard) => ({
    vShard,
    engine: 'solo',
    validators: [validator.publicKey],
  }))
  const scheme = defaultScheme({
    chainId: 7,
    networkId: 'test',
    shards,
    modules: ['bank', 'vesting', 'fees', 'courier'],
  })
  const funded = shards.flatMap(({ vShard }) =>
    users.map(({ account }): Allocation => ({ purpose: 'user', vShard, account, motes: 1_000_000_000n, lock: 'free' })),
  )
  const genesis: Genesis = { scheme, timeMs: 1_000, allocations: carve(tokenAllocations(), 'early-sales', funded) }
  const hash = genesisHash(genesis)
  const runtime = createRuntime(scheme, [bank, fees, vesting, courier], hash)
  const create = () => {
    const { layout, states } = genesisLayout(genesis, hash)
    return new ChainMachine({
      runtime,
      layout,
      states,
      engines: { solo: createSoloEngine },
      pace: { blockTimeMs: 0, idleMs: 0, mode: 'manual' },
      signer: () => ({
        index: 0,
        account: validator.account,
        sign: (message) => activeEd25519().sign(message, validator.secretKey),
      }),
    })
  }
  return { runtime, create }
}

type World = ReturnType<typeof createWorld>

function prepare(
  { runtime }: World,
  user: number,
  vShard: number,
  nonce: number,
  call: { module: string; method: string; args: Uint8Array },
): PreparedTransaction {
  const key = users[user] as (typeof users)[number]
  const unsigned = {
    version: 1,
    chainId: 7,
    vShard,
    keyType: 1,
    senderKey: key.publicKey,
    nonce,
    gasLimit: 8_000,
    maxFee: 1_000n,
    tip: 1n,
    expiryHeight: 1_000,
    call,
  }
  const bytes = signTransaction(runtime.transactions, unsigned, runtime.txDomain, (message) =>
    activeEd25519().sign(message, key.secretKey),
  )
  const prepared = prepareTransaction(runtime, bytes, transactionId(bytes), accountIdOf(key.publicKey))
  if (!prepared.ok) throw new Error(prepared.reason.message)
  return prepared.value
}

/** Seals one vShard and hears what happened. */
function seal(
  machine: ChainMachine,
  shard: number,
  nowMs: number,
  heard: { records: Uint8Array[]; sealed: SealedBlock[] },
): void {
  const hear = (effects: readonly MachineEffect[]): void => {
    for (const effect of effects) {
      if (effect.type === 'append') heard.records.push(effect.record)
      if (effect.type === 'sealed') heard.sealed.push(effect.sealed)
    }
  }
  hear(machine.step(nowMs, { type: 'seal', shard }))
}

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
      const heard = { records: [] as Uint8Array[], sealed: [] as SealedBlock[] }
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
            ? {
                module: 'bank',
                method: 'transfer',
                args: transferArgsCodec.encode({ to, vShard: target, amount: each.amount }),
              }
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
        machine.admit(nowMs, prepare(world, each.user, vShard, nonce, call))
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

test('an import that is repeated, skipped, reordered or changed makes a block invalid', () => {
  const world = createWorld(2)
  const machine = world.create()
  machine.start(1_000)
  const heard = { records: [] as Uint8Array[], sealed: [] as SealedBlock[] }
  const to = (users[1] as (typeof users)[number]).account
  for (let nonce = 0; nonce < 3; nonce++) {
    machine.admit(
      1_000,
      prepare(world, 0, 1, nonce, {
        module: 'bank',
        method: 'transfer',
        args: transferArgsCodec.encode({ to, vShard: 2, amount: 5n }),
      }),
    )
  }
  seal(machine, 1, 1_010, heard)
  seal(machine, 0, 1_020, heard)
  const target = machine.shard(2)
  if (target === undefined) throw new Error('no vShard 2')
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
    const outcome = chain.apply(rehashed, (height) => machine.mainHead(height))
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
