import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MESSAGE_BOUNCE, MESSAGE_DELIVER, type Message, messageCodec } from '../chain/message.ts'
import { RECEIPT_BOUNCE, RECEIPT_MESSAGE, type Receipt } from '../chain/receipt.ts'
import { wholeShard } from '../chain/shard-key.ts'
import {
  balanceOf,
  beginBlock,
  createTestChain,
  type Deed,
  deed,
  deedArgs,
  doing,
  prepare,
  runBlock,
  type UnsignedParts,
  USER_MOTES,
  users,
} from '../chain.fixture.ts'
import type { KeyPair } from '../keys/key-pair.ts'
import {
  ENTRY_KEY_BYTES_MAX,
  ENTRY_VALUE_BYTES_MAX,
  EVENT_BYTES_MAX,
  TX_EVENTS_MAX,
  TX_EXPIRY_BLOCKS_MAX,
  TX_MESSAGES_MAX,
} from '../limits.ts'
import type { ShardState } from '../state/shard-state.ts'
import { Draft } from './draft.ts'
import { GAS, MESSAGE_EXPIRY_BLOCKS, MESSAGE_HOPS_MAX } from './gas.ts'
import type { BlockExecution } from './kernel.ts'
import { readKernelState, readOutboxNext, writeKernelState } from './kernel-state.ts'
import { moduleAccount } from './runtime.ts'

const chain = createTestChain()
const [alice, bob] = users.map(({ account }) => account) as [Uint8Array, Uint8Array]
const BASE_FEE = 100n

/** Includes a transaction, which has to be includable. */
function include(execution: BlockExecution, user: number, parts: UnsignedParts = {}): Receipt {
  const outcome = execution.transaction(prepare(chain, user, parts))
  if (!outcome.ok) throw new Error(outcome.reason.message)
  return outcome.value
}

function one(
  user: number,
  parts: UnsignedParts,
): { receipt: Receipt; state: ShardState; outgoing: readonly Message[] } {
  const state = chain.state()
  let receipt: Receipt | undefined
  const result = runBlock(chain, state, (execution) => {
    receipt = include(execution, user, parts)
  })
  return { receipt: receipt as Receipt, state, outgoing: result.outgoing.map(({ message }) => message) }
}

/** All motes that the shard answers for, from the accounts themselves. */
function supplyOf(state: ShardState): bigint {
  const { burnt, sent, received } = readKernelState(state) as NonNullable<ReturnType<typeof readKernelState>>
  let balances = 0n
  for (let row = 0; row < state.accounts.rows; row++) balances += state.accounts.balance(row)
  return balances + burnt + sent - received
}

function message(parts: Partial<Message> = {}): Message {
  const gasLimit = parts.gasLimit ?? 5_000
  return {
    source: wholeShard(2),
    destination: wholeShard(1),
    seq: 0,
    traceId: new Uint8Array(32).fill(9),
    hop: 1,
    kind: MESSAGE_DELIVER,
    from: alice,
    to: bob,
    value: 700n,
    gasLimit,
    gasPrice: 10n,
    prepaid: BigInt(gasLimit) * 10n,
    expiryHeight: 50,
    cause: '',
    ...parts,
  }
}

function receive(parts: Partial<Message>, mainHeight = 1) {
  const state = chain.state()
  const full = message(parts)
  let receipt: Receipt | undefined
  const { outgoing } = runBlock(
    chain,
    state,
    (execution) => {
      receipt = execution.message(messageCodec.encode(full), full)
    },
    { mainHeight },
  )
  const kernel = readKernelState(state)
  expect(kernel?.received).toBe(full.value + full.prepaid)
  expect(supplyOf(state)).toBe(kernel?.genesisMotes)
  return { receipt: receipt as Receipt, state, outgoing: outgoing.map((each) => each.message) }
}

test('a transfer costs base fee and tip for the gas used, of which half the base fee is burnt and the rest collected', () => {
  const { receipt, state } = one(0, { tip: 7n, maxFee: 1_000n, gasLimit: 20_000 })
  const { bytes } = prepare(chain, 0, { tip: 7n })
  const events = GAS.event + GAS.eventByte * (receipt.events[0]?.data.length ?? 0)
  const gas = GAS.signature + GAS.txByte * bytes.length + GAS.accountWrite + 2 * GAS.accountWrite + events
  expect(receipt).toMatchObject({ ok: true, code: '', gasUsed: gas, fee: BigInt(gas) * (BASE_FEE + 7n) })
  expect(balanceOf(state, alice)).toBe(USER_MOTES - 5n - receipt.fee)
  expect(balanceOf(state, bob)).toBe(USER_MOTES + 5n)
  const burnt = (BigInt(gas) * BASE_FEE) / 2n
  expect(readKernelState(state)?.burnt).toBe(burnt)
  expect(balanceOf(state, moduleAccount('fees'))).toBe(receipt.fee - burnt)
})

test('the tip gives way to the max fee', () => {
  const { receipt } = one(0, { tip: 900n, maxFee: 130n })
  expect(receipt.fee).toBe(BigInt(receipt.gasUsed) * 130n)
})

const failing: readonly (readonly [string, readonly Deed[], string])[] = [
  ['refused by its module', [deed('refuse')], 'ARM_CALL_FAILED'],
  ['out of gas', [deed('charge', { motes: 1_000_000n })], 'ARM_CALL_GAS'],
  ['an event that is not declared', [deed('throw')], 'ARM_CALL_FAILED'],
  ['a key that is not well-formed text', [deed('surrogate')], 'ARM_CALL_FAILED'],
  ['more sent than there is', [deed('send', { motes: USER_MOTES })], 'ARM_CALL_FUNDS'],
  ['sent to no vShard', [deed('send', { vShard: 9 })], 'ARM_CALL_SHARD'],
]

test.each(failing)('%s: the fee is kept, the nonce used, and nothing else', (_, deeds, code) => {
  const before = [
    deed('set', { bytes: Uint8Array.of(1) }),
    deed('set-shard'),
    deed('emit'),
    deed('send', { motes: 3n }),
  ]
  const { receipt, state, outgoing } = one(0, { call: doing(...before, ...deeds), gasLimit: 200_000 })
  expect(receipt).toMatchObject({ ok: false, code, events: [], messages: [] })
  expect(outgoing).toEqual([])
  const row = state.accounts.find(alice)
  expect(state.account(row)).toEqual({ balance: USER_MOTES - receipt.fee, nonce: 1, keyType: 1 })
  expect(state.entryKeys(row, '')).toEqual([])
  expect(state.entryKeys(-1, '')).toEqual(['kernel/state'])
  expect(readOutboxNext(state, wholeShard(2))).toBe(0)
  expect(supplyOf(state)).toBe(readKernelState(state)?.genesisMotes)
})

test('out of gas costs the whole limit, and no more', () => {
  const { receipt } = one(0, { call: doing(deed('charge', { motes: 1_000_000n })), gasLimit: 3_000 })
  expect(receipt.gasUsed).toBe(3_000)
})

test('what may not be included is refused without a trace', () => {
  const refused: readonly (readonly [UnsignedParts, string])[] = [
    [{ nonce: 0 }, 'ARM_TX_NONCE_LOW'],
    [{ nonce: 2 }, 'ARM_TX_NONCE_GAP'],
    [{ nonce: 1, maxFee: BASE_FEE - 1n }, 'ARM_TX_FEE_LOW'],
    [{ nonce: 1, maxFee: 100_000n, tip: 100_000n }, 'ARM_TX_FUNDS'],
    [{ nonce: 1, expiryHeight: 0 }, 'ARM_TX_EXPIRED'],
    [{ nonce: 1, expiryHeight: 2 + TX_EXPIRY_BLOCKS_MAX }, 'ARM_TX_EXPIRY_FAR'],
    [{ nonce: 1, vShard: 2 }, 'ARM_TX_SHARD'],
    [{ nonce: 1, gasLimit: chain.runtime.scheme.blocks.maxGas }, 'ARM_BLOCK_LIMIT'],
  ]
  const states = [chain.state(), chain.state()] as const
  runBlock(chain, states[0], (execution) => include(execution, 0))
  runBlock(chain, states[1], (execution) => {
    include(execution, 0)
    for (const [parts, code] of refused) {
      const mark = execution.draft.mark()
      const outcome = execution.transaction(prepare(chain, 0, parts))
      expect(outcome.ok ? undefined : outcome.reason.code).toBe(code)
      expect(execution.draft.mark()).toBe(mark)
    }
  })
  expect(states[1].root()).toEqual(states[0].root())
})

test('the last height, the exact base fee and the exact balance are enough', () => {
  const deposit = 20_000n * BASE_FEE
  const exact = { gasLimit: 20_000, tip: 0n, maxFee: BASE_FEE, expiryHeight: 1, call: doing() }
  const state = chain.state()
  const row = state.accounts.find(alice)
  const run = (balance: bigint) => {
    state.apply({ accounts: [{ row, account: { balance, nonce: 0, keyType: 0 } }], entries: [] })
    return beginBlock(chain, state).transaction(prepare(chain, 0, exact))
  }
  expect(run(deposit)).toMatchObject({ ok: true, value: { ok: true } })
  expect(run(deposit - 1n)).toMatchObject({ ok: false, reason: { code: 'ARM_TX_FUNDS' } })
})

test('a module that forgives a refused message loses no money by it', () => {
  const forgiven = [deed('ask', { vShard: 9, motes: 400n }), deed('ask', { motes: USER_MOTES })]
  const { receipt, state, outgoing } = one(0, { call: doing(...forgiven) })
  expect(receipt.ok).toBe(true)
  expect(outgoing).toEqual([])
  expect(balanceOf(state, alice)).toBe(USER_MOTES - receipt.fee)
  expect(supplyOf(state)).toBe(readKernelState(state)?.genesisMotes)
})

test('a message takes value and prepaid gas from its sender, and its place in the channel', () => {
  const { receipt, state, outgoing } = one(0, { call: doing(deed('send', { motes: 40n, times: 3 })), tip: 1n })
  const gasLimit = GAS.deliver + 5_000
  const prepaid = BigInt(gasLimit) * (BASE_FEE + 1n)
  expect(outgoing.map(({ seq }) => seq)).toEqual([0, 1, 2])
  expect(outgoing[0]).toMatchObject({
    source: wholeShard(1),
    destination: wholeShard(2),
    traceId: receipt.id,
    hop: 1,
    kind: MESSAGE_DELIVER,
    from: alice,
    to: bob,
    value: 40n,
    gasLimit,
    prepaid,
    expiryHeight: 1 + MESSAGE_EXPIRY_BLOCKS,
  })
  expect(receipt.messages).toEqual(outgoing.map(({ destination, seq, value }) => ({ destination, seq, value })))
  expect(balanceOf(state, alice)).toBe(USER_MOTES - receipt.fee - 3n * (40n + prepaid))
  expect(readKernelState(state)?.sent).toBe(3n * (40n + prepaid))
  expect(readOutboxNext(state, wholeShard(2))).toBe(3)
})

test.each([
  ['messages', deed('send', { times: TX_MESSAGES_MAX }), deed('send', { times: TX_MESSAGES_MAX + 1 })],
  ['events', deed('emit', { times: TX_EVENTS_MAX }), deed('emit', { times: TX_EVENTS_MAX + 1 })],
  ['bytes of an event', sized('emit', EVENT_BYTES_MAX - 4), sized('emit', EVENT_BYTES_MAX - 3)],
  ['bytes of an entry', grown('fill', ENTRY_VALUE_BYTES_MAX), grown('fill', ENTRY_VALUE_BYTES_MAX + 1)],
  ['bytes of a key', grown('name', ENTRY_KEY_BYTES_MAX - 6), grown('name', ENTRY_KEY_BYTES_MAX - 5)],
])('the limit on %s can be reached and not passed', (_, within, beyond) => {
  const parts = { gasLimit: 1_000_000, maxFee: 110n }
  expect(one(0, { ...parts, call: doing(within) }).receipt).toMatchObject({ ok: true })
  expect(one(0, { ...parts, call: doing(beyond) }).receipt).toMatchObject({ ok: false, code: 'ARM_CALL_LIMIT' })
})

function sized(what: string, bytes: number): Deed {
  return deed(what, { bytes: new Uint8Array(bytes) })
}

function grown(what: string, bytes: number): Deed {
  return deed(what, { motes: BigInt(bytes) })
}

test('a message is delivered: value to the receiver, unused gas to the sender here, who paid for what was used', () => {
  const { receipt, state, outgoing } = receive({})
  expect(receipt).toMatchObject({
    kind: RECEIPT_MESSAGE,
    ok: true,
    gasUsed: GAS.deliver,
    fee: BigInt(GAS.deliver) * 10n,
  })
  expect(outgoing).toEqual([])
  expect(balanceOf(state, bob)).toBe(USER_MOTES + 700n)
  expect(balanceOf(state, alice)).toBe(USER_MOTES + 50_000n - receipt.fee)
  expect(balanceOf(state, moduleAccount('fees'))).toBe(receipt.fee / 2n)
})

test('its handler runs for the receiver and may send on', () => {
  const onward = deedArgs(deed('set', { bytes: Uint8Array.of(5) }), deed('send', { motes: 20n }))
  const gasLimit = 9_000
  const { receipt, state, outgoing } = receive({ gasLimit, call: { module: 'probe', method: 'run', args: onward } })
  expect(receipt).toMatchObject({ ok: true, code: '' })
  expect(outgoing).toHaveLength(1)
  expect(outgoing[0]).toMatchObject({ from: bob, value: 20n, hop: 2, traceId: message().traceId })
  expect(state.entry(state.accounts.find(bob), 'probe/key 0')).toEqual(Uint8Array.of(5))
})

const probeCall = (...deeds: readonly Deed[]) => ({ module: 'probe', method: 'run', args: deedArgs(...deeds) })
const undelivered: readonly (readonly [string, Partial<Message>, string])[] = [
  ['expired', { expiryHeight: 0 }, 'ARM_MSG_EXPIRED'],
  ['with too little gas', { gasLimit: GAS.deliver - 1 }, 'ARM_MSG_GAS'],
  ['for no module', { call: { ...probeCall(), module: 'nobody' } }, 'ARM_MSG_CALL_UNKNOWN'],
  ['for no handler', { call: { ...probeCall(), method: 'walk' } }, 'ARM_MSG_CALL_UNKNOWN'],
  [
    'for a call that is no handler',
    { call: { ...probeCall(), module: 'bank', method: 'transfer' } },
    'ARM_MSG_CALL_UNKNOWN',
  ],
  ['with bad arguments', { call: { ...probeCall(), args: Uint8Array.of(1) } }, 'ARM_MSG_CALL_ARGS'],
  ['refused', { call: probeCall(deed('set'), deed('emit'), deed('send'), deed('refuse')) }, 'ARM_CALL_FAILED'],
  ['out of gas', { call: probeCall(deed('set'), deed('charge', { motes: 10_000n })) }, 'ARM_CALL_GAS'],
  ['after too many hops', { hop: MESSAGE_HOPS_MAX, call: probeCall(deed('send')) }, 'ARM_CALL_LIMIT'],
]

test.each(undelivered)(
  'a message %s bounces with its value and unused gas, and does nothing else',
  (_, parts, code) => {
    const { receipt, state, outgoing } = receive(parts)
    const full = message(parts)
    expect(receipt).toMatchObject({ kind: RECEIPT_MESSAGE, ok: false, code, events: [] })
    expect(receipt.fee).toBe(BigInt(receipt.gasUsed) * full.gasPrice)
    expect(outgoing).toHaveLength(1)
    expect(outgoing[0]).toMatchObject({
      kind: MESSAGE_BOUNCE,
      source: wholeShard(1),
      destination: wholeShard(2),
      from: bob,
      to: alice,
      value: full.value + full.prepaid - receipt.fee,
      prepaid: 0n,
      cause: code,
      traceId: full.traceId,
    })
    expect(receipt.messages).toEqual([{ destination: wholeShard(2), seq: 0, value: outgoing[0]?.value }])
    expect(balanceOf(state, bob)).toBe(USER_MOTES)
    expect(balanceOf(state, alice)).toBe(USER_MOTES)
    expect(state.entryKeys(state.accounts.find(bob), '')).toEqual([])
  },
)

test('a message is delivered at its expiry height, and bounces one later', () => {
  expect(receive({ expiryHeight: 7 }, 7).receipt.ok).toBe(true)
  expect(receive({ expiryHeight: 7 }, 8).receipt.code).toBe('ARM_MSG_EXPIRED')
})

test('a bounce credits whatever it says, even long after any expiry, and costs nothing', () => {
  const bounce = { kind: MESSAGE_BOUNCE, gasLimit: 0, gasPrice: 0n, expiryHeight: 0, call: probeCall(deed('refuse')) }
  const { receipt, state, outgoing } = receive({ ...bounce, cause: 'ARM_CALL_FAILED' }, 99)
  expect(receipt).toMatchObject({ kind: RECEIPT_BOUNCE, ok: true, gasUsed: 0, fee: 0n })
  expect(outgoing).toEqual([])
  expect(balanceOf(state, bob)).toBe(USER_MOTES + 700n)
})

test('no message asks for more gas than messages may take of a block', () => {
  const narrow = createTestChain({ blocks: { ...chain.runtime.scheme.blocks, importGas: GAS.deliver + 4_999 } })
  expect(one(0, { call: doing(deed('send')) }).receipt.ok).toBe(true)
  const outcome = beginBlock(narrow, narrow.state()).transaction(prepare(narrow, 0, { call: doing(deed('send')) }))
  expect(outcome).toMatchObject({ ok: true, value: { ok: false, code: 'ARM_CALL_LIMIT' } })
})

test('what crossed in all may pass 64 bits many times', () => {
  const state = chain.state()
  const draft = new Draft(state)
  const kernel = readKernelState(state)
  if (kernel === undefined) throw new Error('no kernel state')
  writeKernelState(draft, { ...kernel, sent: 2n ** 64n - 10n, received: 2n ** 64n - 10n })
  state.apply(draft.writes())
  const full = message({})
  const { kernel: after } = runBlock(chain, state, (execution) => {
    include(execution, 0, { call: doing(deed('send', { motes: 40n })) })
    execution.message(messageCodec.encode(full), full)
  })
  expect(after.sent).toBe(40n + BigInt(GAS.deliver + 5_000) * 101n - 10n)
  expect(after.received).toBe(full.value + full.prepaid - 10n)
})

const anyDeed = fc.record({
  what: fc.constantFrom('set', 'set-shard', 'emit', 'send', 'ask', 'charge', 'throw', 'refuse'),
  times: fc.nat(3),
  vShard: fc.nat(4),
  motes: fc.constantFrom(0n, 1n, 500n, USER_MOTES / 3n, USER_MOTES, 2n ** 64n - 1n),
  bytes: fc.uint8Array({ maxLength: 40 }),
})
const anyInput = fc.oneof(
  fc.record({
    type: fc.constant('tx' as const),
    user: fc.nat(3),
    gasLimit: fc.constantFrom(2_000, 10_000, 60_000),
    deeds: fc.array(anyDeed, { maxLength: 6 }),
  }),
  fc.record({
    type: fc.constant('message' as const),
    expiryHeight: fc.nat(2),
    gasLimit: fc.constantFrom(0, 400, 9_000),
    deeds: fc.option(fc.array(anyDeed, { maxLength: 6 }), { nil: undefined }),
  }),
)

test('whatever calls and messages do, no mote is made or lost, and a failed call changes one account only', () => {
  let failed = 0
  let succeeded = 0
  fc.assert(
    fc.property(fc.array(anyInput, { maxLength: 12 }), (inputs) => {
      const state = chain.state()
      const genesis = supplyOf(state)
      for (const input of inputs) {
        runBlock(chain, state, (execution) => {
          const mark = execution.draft.mark()
          if (input.type === 'message') {
            const { deeds, gasLimit, expiryHeight } = input
            const full = message({ gasLimit, expiryHeight, ...(deeds && { call: probeCall(...deeds) }) })
            execution.message(messageCodec.encode(full), full)
            return
          }
          const { nonce } = execution.draft.account(execution.draft.row((users[input.user] as KeyPair).account))
          const parts = { nonce, gasLimit: input.gasLimit, call: doing(...input.deeds) }
          const outcome = execution.transaction(prepare(chain, input.user, parts))
          if (!outcome.ok) expect(execution.draft.mark()).toBe(mark)
          else if (outcome.value.ok) succeeded++
          else {
            failed++
            const { accounts, entries } = execution.draft.writes()
            expect(accounts).toHaveLength(1)
            expect(entries).toEqual([])
            expect(execution.outgoing).toEqual([])
          }
        })
        expect(supplyOf(state)).toBe(genesis)
      }
    }),
    { numRuns: 200 },
  )
  expect(Math.min(failed, succeeded)).toBeGreaterThan(20)
})
