// A whole committee that lies: what it certifies is well formed, and the money in it is not its own.
import { signCertificate } from '@armchain/consensus'
import {
  type Anchor,
  bodyCodec,
  type Details,
  type Head,
  headCodec,
  type Import,
  type Message,
  messageCodec,
  readKernelState,
  SUPPLY_MOTES,
  sha256,
  wholeShard,
} from '@armchain/core'
import { expect, test } from 'vitest'
import { readOwed } from './anchors.ts'
import type { ChainMachine } from './chain-machine.ts'
import type { ShardDescriptor } from './layout.ts'
import { Mailbox } from './mailbox.ts'
import { createOutbox, type Outbox, outboxBatchCodec, outboxOf } from './outbox.ts'
import { createWorld, hosted, knowing, prepare, seal, signAsValidator, transfer, validator } from './world.fixture.ts'

const world = createWorld(2)
const { runtime, layout } = world

/** A machine whose vShard 1 has sent 5 motes to vShard 2 and is yet to be anchored. */
function sending(): { machine: ChainMachine; anchor: Anchor; outbox: Outbox; message: Message } {
  const machine = world.create()
  machine.start(1_000)
  machine.admit(1_000, prepare(world, 0, { call: transfer(1, 5n, 2) }))
  const { sealed } = seal(machine, 1, 2_000)
  const anchor = machine.unanchored()[0]?.anchor as Anchor
  const outbox = sealed[0]?.executed.outbox as Outbox
  return { machine, anchor, outbox, message: messageCodec.decode(outbox.batches[0]?.messages[0] as Uint8Array) }
}

/** The head as the committee of vShard 1 would certify it with these parts. */
function lying(
  anchor: Anchor,
  { outbox, ...parts }: { head?: Partial<Head>; details?: Partial<Details>; outbox?: Outbox },
): Anchor {
  const details = runtime.details.encode({ ...runtime.details.decode(anchor.details), ...parts.details })
  const outboxRoot = outbox === undefined ? {} : { outboxRoot: outbox.root }
  const head = headCodec.encode({
    ...headCodec.decode(anchor.head),
    bodyHash: sha256(details),
    ...outboxRoot,
    ...parts.head,
  })
  return {
    head,
    details,
    certificate: signCertificate({ ...layout, committee: (layout.shards[1] as ShardDescriptor).committee }, head, [
      { index: 0, sign: signAsValidator },
    ]),
    outbox: outbox === undefined ? anchor.outbox : outbox.batches.map(({ encoded }) => encoded),
  }
}

function proposeMain(machine: ChainMachine, anchors: readonly Anchor[]) {
  return machine.main.chain.propose({
    timeMs: 2_500,
    view: 1,
    epoch: 0,
    mainHeight: 0,
    mainHead: (height) => machine.mainHead(height),
    imports: [],
    transactions: [],
    anchors,
    congestion: 0,
    proposer: validator.account,
  })
}

function faultOf(machine: ChainMachine, anchor: Anchor): string | undefined {
  const executed = proposeMain(machine, [anchor])
  machine.main.chain.abandon(executed)
  expect(executed.anchors).toHaveLength(executed.faults.length === 0 ? 1 : 0)
  return executed.faults[0]?.reason.code
}

/** The message with other parts, alone in its batch, whose own figure for its motes may be another. */
function forgedOutbox(message: Message, motes?: bigint): Outbox {
  const made = createOutbox([{ message, bytes: messageCodec.encode(message) }])
  if (motes === undefined) return made
  return outboxOf(
    made.batches.map((each) => {
      const batch = { ...each.batch, motes }
      return { ...each, batch, encoded: outboxBatchCodec.encode(batch) }
    }),
  )
}

test('the honest head is anchored', () => {
  const { machine, anchor } = sending()
  expect(faultOf(machine, anchor)).toBeUndefined()
})

test('a head that sends more than its shard has spent is not anchored', () => {
  const { machine, anchor, message } = sending()
  expect(faultOf(machine, lying(anchor, { outbox: forgedOutbox({ ...message, value: 10n ** 18n }) }))).toBe(
    'ARM_SUPPLY',
  )
})

test('nor one whose counters wrap, so that its sum still looks right', () => {
  const { machine, anchor, message } = sending()
  const { supply } = runtime.details.decode(anchor.details)
  const value = 12n * 10n ** 18n
  const extra = value - 5n
  const balances = BigInt.asUintN(64, supply.balances - extra)
  const details = { supply: { ...supply, balances, sent: supply.sent + extra } }
  expect(faultOf(machine, lying(anchor, { details, outbox: forgedOutbox({ ...message, value }) }))).toBe('ARM_SUPPLY')
})

test('nor one that has received what nobody sent it, or has unburnt', () => {
  const { machine, anchor } = sending()
  const { supply } = runtime.details.decode(anchor.details)
  const richer = { ...supply, balances: supply.balances + 7n, received: supply.received + 7n }
  expect(faultOf(machine, lying(anchor, { details: { supply: richer } }))).toBe('ARM_SUPPLY')
  const { burnt } = supply
  const unburnt = { ...supply, balances: supply.balances + burnt, burnt: 0n }
  expect(faultOf(machine, lying(anchor, { details: { supply: unburnt } }))).toBeUndefined()
  const below = { ...supply, balances: supply.balances + burnt + 1n, burnt: BigInt.asUintN(64, -1n) }
  expect(faultOf(machine, lying(anchor, { details: { supply: below } }))).toBe('ARM_SUPPLY')
})

test('nor one of a time that has not come, or whose batches are others than its outbox', () => {
  const { machine, anchor, message } = sending()
  expect(faultOf(machine, lying(anchor, { head: { timeMs: 12_500 } }))).toBeUndefined()
  expect(faultOf(machine, lying(anchor, { head: { timeMs: 12_501 } }))).toBe('ARM_ANCHOR')
  expect(faultOf(machine, { ...anchor, outbox: [] })).toBe('ARM_ANCHOR')
  const astray = forgedOutbox({ ...message, destination: wholeShard(9) })
  expect(faultOf(machine, lying(anchor, { outbox: astray }))).toBe('ARM_ANCHOR')
})

const lies: readonly (readonly [string, Partial<Message>])[] = [
  ['more value than their batch names', { value: 10n ** 18n }],
  ['nearly all that 64 bits hold', { value: 2n ** 64n - 10n ** 9n }],
  ['less value than their batch names', { value: 4n }],
  ['gas that nobody has paid', { gasLimit: 4_000_000 }],
  ['more paid than their gas costs', { prepaid: 2n ** 60n }],
]

test.each(lies)('messages with %s are in no block, and do not stop the shard that they are for', (_, parts) => {
  const { machine, anchor, outbox, message } = sending()
  const forged = forgedOutbox({ ...message, ...parts }, outbox.batches[0]?.batch.motes)
  const main = proposeMain(machine, [lying(anchor, { outbox: forged })])
  expect(main.faults).toEqual([])
  machine.main.chain.commit(main)

  const mailbox = new Mailbox()
  mailbox.hold(wholeShard(1), 1, forged)
  mailbox.anchored(wholeShard(0), 1, main.anchors)
  const budget = { cursor: () => 0, mainHeight: 1, gas: 10_000_000, sizeBytes: 1_000_000 }
  const { imports } = mailbox.imports(wholeShard(2), budget)
  expect(imports).toHaveLength(1)
  const { head } = main
  const mainHead = () => ({ hash: main.hash, shardTopsRoot: head.shardTopsRoot, outboxRoot: head.outboxRoot })
  const { chain } = hosted(machine, 2)
  const before = chain.state.root()
  const ingredients = { timeMs: 3_000, view: 1, epoch: 0, mainHeight: 1, mainHead, congestion: 0, anchors: [] }
  const own = { ...ingredients, imports, transactions: [prepare(world, 0, { vShard: 2 })], proposer: validator.account }
  const executed = chain.propose(own)
  expect(executed.faults).toMatchObject([
    { what: 'import', shard: wholeShard(1), reason: { code: 'ARM_IMPORT_MOTES' } },
  ])
  expect([executed.imports.length, executed.transactions.length]).toEqual([0, 1])
  expect(readKernelState(chain.state)?.received).toBe(0n)
  chain.abandon(executed)
  expect(chain.state.root()).toEqual(before)

  const body = bodyCodec.encode({ transactions: [], imports: imports as Import[], anchors: [] })
  const empty = chain.propose({ ...own, imports: [], transactions: [] })
  chain.abandon(empty)
  const details = runtime.details.encode({ ...empty.details, dataRoot: sha256(body) })
  const block = { head: headCodec.encode({ ...empty.head, bodyHash: sha256(details) }), details, body }
  const outcome = chain.apply(block, knowing(mainHead))
  expect(outcome).toMatchObject({ ok: false, reason: { code: 'ARM_IMPORT_MOTES' } })

  mailbox.freeze(wholeShard(1), wholeShard(2))
  expect(mailbox.imports(wholeShard(2), budget).imports).toEqual([])
  expect(mailbox.waiting(wholeShard(2), () => 0)).toBe(0)
})

test('what is on its way is owed until it is received; what goes to the main shard is not, as nothing would take it off', () => {
  const machine = world.create()
  machine.start(1_000)
  machine.admit(1_000, prepare(world, 0, { call: transfer(1, 5n, 2) }))
  machine.admit(1_000, prepare(world, 1, { call: transfer(1, 7n, 0) }))
  const owed = () => [0, 1, 2].map((vShard) => readOwed(machine.main.chain.state, wholeShard(vShard)))
  seal(machine, 1, 2_000)
  seal(machine, 0, 2_010)
  expect(owed()).toEqual([0n, 0n, expect.any(BigInt)])
  expect(owed()[2]).toBeGreaterThan(5n)
  for (const shard of [2, 0, 1, 0, 2, 0]) seal(machine, shard, 3_000)
  expect(owed()).toEqual([0n, 0n, 0n])
})

test('the whole supply is still what it was', () => {
  expect(layout.shards.reduce((sum, { genesisMotes }) => sum + genesisMotes, 0n)).toBe(SUPPLY_MOTES)
})

test('a stranger’s block needs signatures that hold, a time that has come, and the round that the engine is in', () => {
  const { machine } = sending()
  const { chain } = hosted(machine, 2)
  const mainHead = (height: number) => machine.mainHead(height)
  const block = chain.propose({
    timeMs: 5_000,
    view: 3,
    epoch: 0,
    mainHeight: 0,
    mainHead,
    imports: [],
    transactions: [prepare(world, 0, { vShard: 2 })],
    anchors: [],
    congestion: 0,
    proposer: validator.account,
  })
  chain.abandon(block)
  const round = { epoch: 0, view: 3, proposer: validator.account }
  const good = { ...knowing(mainHead), round, latestTimeMs: 5_000 }
  const code = (parts: Partial<typeof good>) => {
    const outcome = chain.apply(block.block, { ...good, ...parts })
    if (outcome.ok) chain.abandon(outcome.value)
    return outcome.ok ? undefined : outcome.reason
  }
  expect(code({})).toBeUndefined()
  expect(code({ verified: () => false })).toMatchObject({ code: 'ARM_BLOCK_TX', data: { cause: 'ARM_TX_SIGNATURE' } })
  expect(code({ latestTimeMs: 4_999 })?.code).toBe('ARM_BLOCK_HEADER')
  expect(code({ round: { ...round, view: 4 } })?.code).toBe('ARM_BLOCK_HEADER')
  expect(code({ round: { ...round, epoch: 1 } })?.code).toBe('ARM_BLOCK_HEADER')
  expect(code({ round: { ...round, proposer: new Uint8Array(32) } })?.code).toBe('ARM_BLOCK_HEADER')
})
