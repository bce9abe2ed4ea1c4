import { type CallDefinition, type PreparedTransaction, type Refusal, ShardState, sha256 } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Dropped, type PoolLimits, TxPool } from './tx-pool.ts'

const at = (height: number, baseFee: bigint) => ({ height, baseFee, rules: 1 })

const BALANCE = 10_000n
const GAS_LIMIT = 10
const accounts = Array.from({ length: 4 }, (_, i) => sha256(Uint8Array.of(i)))
const LIMITS: PoolLimits = { transactions: 8, sizeBytes: 2_000, perAccount: 3 }

function createState(): ShardState {
  const state = new ShardState()
  for (const account of accounts) setAccount(state, account, BALANCE, 0)
  return state
}

function setAccount(state: ShardState, account: Uint8Array, balance: bigint, nonce: number): void {
  state.apply({ accounts: [{ row: state.row(account), account: { balance, nonce, keyType: 1 } }], entries: [] })
}

let made = 0
/** A transaction that no chain would decode: a pool looks at what is prepared, and at the number of bytes. */
function offer(
  account: Uint8Array,
  nonce: number,
  parts: { tip?: bigint; maxFee?: bigint; sizeBytes?: number; spends?: bigint; vShard?: number } = {},
): PreparedTransaction {
  const { tip = 1n, maxFee = 100n, sizeBytes = 100, spends = 0n, vShard = 1 } = parts
  const id = sha256(Uint8Array.of(++made & 255, (made >> 8) & 255, made >> 16))
  const call = { module: 'bank', method: 'transfer', args: new Uint8Array(0) }
  const keyed = { version: 1, chainId: 1, vShard, keyType: 1, senderKey: account, nonce }
  const priced = { gasLimit: GAS_LIMIT, maxFee, tip, expiryHeight: 50, call, signature: new Uint8Array(64) }
  const definition = {} as CallDefinition
  const tx = { ...keyed, ...priced }
  return { bytes: new Uint8Array(sizeBytes), id, account, tx, call: definition, args: {}, intrinsicGas: 1, spends }
}

const costOf = ({ tx, spends }: PreparedTransaction) => BigInt(tx.gasLimit) * tx.maxFee + spends
const tipOf = ({ tx }: PreparedTransaction, baseFee: bigint) =>
  tx.maxFee - baseFee < tx.tip ? tx.maxFee - baseFee : tx.tip

/** The pool as its rules have it: a list an account, in the order in which they came. */
class Model {
  readonly queues: { readonly account: Uint8Array; list: PreparedTransaction[] }[] = []

  all(): PreparedTransaction[] {
    return this.queues.flatMap(({ list }) => list)
  }
  listOf(account: Uint8Array): PreparedTransaction[] {
    return this.queues.find((queue) => queue.account === account)?.list ?? []
  }
  set(account: Uint8Array, list: PreparedTransaction[]): void {
    const at = this.queues.findIndex((queue) => queue.account === account)
    if (at >= 0 && list.length > 0) (this.queues[at] as { list: PreparedTransaction[] }).list = list
    else if (at >= 0) this.queues.splice(at, 1)
    else if (list.length > 0) this.queues.push({ account, list })
  }
  remove(prepared: PreparedTransaction): void {
    this.set(
      prepared.account,
      this.listOf(prepared.account).filter((each) => each !== prepared),
    )
  }
  /** Of those whose predecessors are out: the best tip, then the lowest place in its queue, then the oldest queue. */
  best(baseFee: bigint): PreparedTransaction[] {
    const at = new Map(this.queues.map((queue) => [queue, 0]))
    const order: PreparedTransaction[] = []
    for (;;) {
      const heads = this.queues.flatMap((queue, age) => {
        const index = at.get(queue) as number
        const prepared = queue.list[index]
        return prepared === undefined ? [] : [{ queue, prepared, index, age, tip: tipOf(prepared, baseFee) }]
      })
      heads.sort((a, b) => (a.tip !== b.tip ? (a.tip > b.tip ? -1 : 1) : a.index - b.index || a.age - b.age))
      const first = heads[0]
      if (first === undefined) return order
      order.push(first.prepared)
      at.set(first.queue, first.index + 1)
    }
  }
  /** What an offer must be answered with, room apart. */
  refusal(prepared: PreparedTransaction, state: ShardState, baseFee: bigint): string | undefined {
    const { tx, account } = prepared
    const stored = state.account(state.accounts.find(account))
    if (tx.maxFee < baseFee) return 'ARM_TX_FEE_LOW'
    if (stored === undefined) return 'ARM_TX_FUNDS'
    const list = this.listOf(account)
    if (tx.nonce < stored.nonce) return 'ARM_TX_NONCE_LOW'
    if (tx.nonce > stored.nonce + list.length) return 'ARM_TX_NONCE_GAP'
    const old = list[tx.nonce - stored.nonce]
    if (old === prepared) return 'ARM_TX_DUPLICATE'
    const enough = (now: bigint, before: bigint) => 10n * now >= 11n * before
    if (old !== undefined && !(enough(tx.maxFee, old.tx.maxFee) && enough(tx.tip, old.tx.tip)))
      return 'ARM_TX_UNDERPRICED'
    if (old === undefined && list.length >= LIMITS.perAccount) return 'ARM_POOL_ACCOUNT_FULL'
    const cost = list.reduce((sum, each) => sum + (each === old ? 0n : costOf(each)), costOf(prepared))
    return cost > stored.balance ? 'ARM_TX_FUNDS' : undefined
  }
}

const sizes = (list: readonly PreparedTransaction[]) => list.reduce((sum, { bytes }) => sum + bytes.length, 0)
const fits = (list: readonly PreparedTransaction[]) =>
  list.length <= LIMITS.transactions && sizes(list) <= LIMITS.sizeBytes

/** Adds to pool and model, and checks the answer by the rules. */
function addToBoth(
  pool: TxPool,
  model: Model,
  state: ShardState,
  prepared: PreparedTransaction,
  baseFee: bigint,
): string {
  const { account, tx } = prepared
  const expected = model.refusal(prepared, state, baseFee)
  const before = model.all()
  const outcome = pool.add(prepared, at(10, baseFee))
  const list = model.listOf(account)
  const old = list[tx.nonce - state.accounts.nonce(state.accounts.find(account))]
  const rest = before.filter((each) => each !== old)
  const cheaper = (each: PreparedTransaction) =>
    each.account !== account && tipOf(each, baseFee) < tipOf(prepared, baseFee)
  if (!outcome.ok) {
    expect(outcome.reason.code).toBe(expected ?? 'ARM_POOL_FULL')
    // Full means: not even with every tail gone that pays less would there be room.
    const staying = model.queues.flatMap(({ list: own }) =>
      own.slice(0, own.findLastIndex((each) => !cheaper(each)) + 1),
    )
    if (expected === undefined) expect(fits([...staying.filter((each) => each !== old), prepared])).toBe(false)
    return outcome.reason.code
  }
  expect(expected).toBeUndefined()
  const dropped = outcome.value.dropped.map((each) => each.prepared)
  expect(dropped.filter((each) => each === old)).toEqual(old === undefined ? [] : [old])
  const evicted = dropped.filter((each) => each !== old)
  for (const each of evicted) {
    expect(each).toBe(model.listOf(each.account).at(-1))
    expect(cheaper(each)).toBe(true)
    model.remove(each)
  }
  expect(outcome.value.dropped.every(({ reason }) => reason.code === 'ARM_POOL_EVICTED')).toBe(true)
  if (fits([...rest, prepared])) expect(evicted).toEqual([])
  else expect(fits([...rest.filter((each) => !evicted.slice(0, -1).includes(each)), prepared])).toBe(false)
  const own = model.listOf(account)
  model.set(account, old === undefined ? [...own, prepared] : own.map((each) => (each === old ? prepared : each)))
  return evicted.length > 0 ? 'evicted' : old === undefined ? 'added' : 'replaced'
}

/** A block: the best so many, one of which may be refused, and one of which another transaction may have displaced. */
function settleBoth(
  pool: TxPool,
  model: Model,
  state: ShardState,
  block: { readonly take: number; readonly refuse: number; readonly displace: number },
  baseFee: bigint,
): void {
  const reason: Refusal = { code: 'ARM_TX_EXPIRED', message: 'as the test has it' }
  const chosen = model.best(baseFee).slice(0, block.take)
  const [refused, displaced] = [chosen[block.refuse], chosen[block.displace]]
  const after = (one: PreparedTransaction | undefined, each: PreparedTransaction) =>
    one?.account === each.account && each.tx.nonce >= one.tx.nonce
  const nonces = chosen.filter((each) => each === displaced || !after(refused, each))
  const included = nonces
    .filter((each) => !after(refused, each))
    .map((each) => (each === displaced ? offer(each.account, each.tx.nonce) : each))
  const expected = new Map<PreparedTransaction, string>()
  for (const each of model.all()) {
    if (included.includes(each)) model.remove(each)
    else if (included.some(({ account, tx }) => account === each.account && tx.nonce === each.tx.nonce)) {
      expected.set(each, 'ARM_TX_NONCE_LOW')
      model.remove(each)
    } else if (after(refused, each)) {
      expected.set(each, reason.code)
      model.remove(each)
    }
  }
  for (const { account, tx } of included) {
    const row = state.accounts.find(account)
    setAccount(state, account, state.accounts.balance(row) - 10n, Math.max(state.accounts.nonce(row), tx.nonce + 1))
  }
  const told: Dropped[] = pool.settle(included, refused === undefined ? [] : [{ prepared: refused, reason }])
  expect(new Map(told.map((each) => [each.prepared, each.reason.code]))).toEqual(expected)
}

const fee = fc.constantFrom(5n, 20n, 21n, 22n, 40n, 100n, 300n)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      account: fc.nat(accounts.length),
      /** From the next nonce. */
      ahead: fc.constantFrom(0, 0, 0, 0, -1, -2, 1, -9),
      tip: fc.constantFrom(0n, 1n, 2n, 3n, 10n, 11n, 50n, 2n ** 60n),
      maxFee: fee,
      sizeBytes: fc.constantFrom(50, 100, 250, 600, 1_900, 2_001),
      spends: fc.constantFrom(0n, 0n, 4_000n, 9_000n),
      again: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('block' as const),
      take: fc.nat(5),
      refuse: fc.nat(12),
      displace: fc.nat(12),
    }),
  },
)

test('any sequence of offers and blocks is answered by the rules, and leaves what a plain model holds', () => {
  const answers = new Map<string, number>()
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), fc.constantFrom(5n, 20n), (steps, baseFee) => {
      const state = createState()
      const pool = new TxPool(state, 1, LIMITS)
      const model = new Model()
      for (const each of steps) {
        if (each.type === 'add') {
          const account = accounts[each.account] ?? sha256(Uint8Array.of(99))
          const stored = state.accounts.nonce(state.accounts.find(account))
          const next = stored + model.listOf(account).length
          expect(pool.nextNonce(account)).toBe(next)
          const known = model.listOf(account).at(-1)
          const repeated = each.again && each.ahead === -1 ? known : undefined
          const prepared = repeated ?? offer(account, Math.max(0, next + each.ahead), each)
          const answer = addToBoth(pool, model, state, prepared, baseFee)
          answers.set(answer, (answers.get(answer) ?? 0) + 1)
        } else settleBoth(pool, model, state, each, baseFee)
        expect([...pool.best(baseFee)]).toEqual(model.best(baseFee))
        expect([...pool.best(30n)]).toEqual(model.best(30n))
        expect(pool.size).toBe(model.all().length)
        expect(pool.sizeBytes).toBe(sizes(model.all()))
        expect(pool.accounts).toBe(model.queues.length)
        expect(fits(model.all())).toBe(true)
      }
    }),
    { numRuns: 400 },
  )
  const seen = ['added', 'replaced', 'evicted', 'ARM_TX_DUPLICATE', 'ARM_TX_UNDERPRICED', 'ARM_TX_NONCE_LOW']
  const refusals = ['ARM_TX_NONCE_GAP', 'ARM_TX_FUNDS', 'ARM_TX_FEE_LOW', 'ARM_POOL_FULL', 'ARM_POOL_ACCOUNT_FULL']
  for (const answer of [...seen, ...refusals]) expect(answers.get(answer) ?? 0, answer).toBeGreaterThan(0)
}, 120_000)

const [alice, bob, carol] = accounts as [Uint8Array, Uint8Array, Uint8Array]

test('what a block of others holds moves the nonce on, past those that wait and beyond', () => {
  const state = createState()
  const pool = new TxPool(state, 1)
  const own = [0, 1, 2].map((nonce) => offer(alice, nonce))
  for (const each of own) expect(pool.add(each, at(1, 1n)).ok).toBe(true)
  setAccount(state, alice, BALANCE, 2)
  const dropped = pool.settle([own[0] as PreparedTransaction, offer(alice, 1)], [])
  expect(dropped.map(({ prepared, reason }) => [prepared, reason.code])).toEqual([[own[1], 'ARM_TX_NONCE_LOW']])
  expect([...pool.best(1n)]).toEqual([own[2]])
  setAccount(state, alice, BALANCE, 7)
  pool.settle([offer(alice, 6)], [])
  expect(pool.size).toBe(0)
  expect(pool.nextNonce(alice)).toBe(7)
})

test('a transaction that a block holds is not dropped, though it was decoded anew', () => {
  const state = createState()
  const pool = new TxPool(state, 1)
  const own = offer(alice, 0)
  pool.add(own, at(1, 1n))
  setAccount(state, alice, BALANCE, 1)
  expect(pool.settle([{ ...own, id: own.id.slice() }], [])).toEqual([])
})

test('a tip that the max fee leaves no room for evicts nobody', () => {
  const state = createState()
  const pool = new TxPool(state, 1, { transactions: 1, sizeBytes: 1_000, perAccount: 4 })
  expect(pool.add(offer(alice, 0, { tip: 5n, maxFee: 100n }), at(1, 20n)).ok).toBe(true)
  const boast = pool.add(offer(bob, 0, { tip: 2n ** 63n, maxFee: 20n }), at(1, 20n))
  expect(boast).toMatchObject({ ok: false, reason: { code: 'ARM_POOL_FULL' } })
  expect(pool.add(offer(bob, 0, { tip: 2n ** 63n, maxFee: 26n }), at(1, 20n)).ok).toBe(true)
})

test('neither a replacement nor an eviction takes the pool beyond its bytes', () => {
  const state = createState()
  const pool = new TxPool(state, 1, { transactions: 10, sizeBytes: 1_000, perAccount: 4 })
  pool.add(offer(alice, 0, { sizeBytes: 400 }), at(1, 1n))
  pool.add(offer(bob, 0, { sizeBytes: 400, tip: 3n }), at(1, 1n))
  const larger = { sizeBytes: 700, tip: 2n, maxFee: 200n }
  expect(pool.add(offer(alice, 0, larger), at(1, 1n))).toMatchObject({ ok: false, reason: { code: 'ARM_POOL_FULL' } })
  expect(pool.sizeBytes).toBe(800)
  const outcome = pool.add(offer(carol, 0, { sizeBytes: 900, tip: 9n }), at(1, 1n))
  expect(outcome.ok && outcome.value.dropped).toHaveLength(2)
  expect(pool.sizeBytes).toBe(900)
})

test('a part of a full pool goes at once, the newest accounts first among equals', () => {
  const state = new ShardState()
  const many = Array.from({ length: 200 }, (_, i) => sha256(Uint8Array.of(i, 1)))
  for (const account of many) setAccount(state, account, BALANCE, 0)
  setAccount(state, alice, BALANCE, 0)
  const pool = new TxPool(state, 1, { transactions: 200, sizeBytes: 1_000_000, perAccount: 4 })
  for (const account of many) pool.add(offer(account, 0), at(1, 1n))
  const outcome = pool.add(offer(alice, 0, { tip: 2n }), at(1, 1n))
  if (!outcome.ok) throw new Error(outcome.reason.message)
  expect(outcome.value.dropped.map(({ prepared }) => prepared.account)).toEqual(many.slice(-4).reverse())
  expect(pool.size).toBe(197)
})

test('refuses what is not for this vShard, expired, or without an account', () => {
  const pool = new TxPool(createState(), 1)
  const code = (prepared: PreparedTransaction, height = 10) => {
    const outcome = pool.add(prepared, at(height, 1n))
    return outcome.ok ? undefined : outcome.reason.code
  }
  expect(code(offer(alice, 0, { vShard: 2 }))).toBe('ARM_TX_SHARD')
  expect(code(offer(alice, 0), 51)).toBe('ARM_TX_EXPIRED')
  expect(code(offer(sha256(Uint8Array.of(77)), 0))).toBe('ARM_TX_FUNDS')
  expect(pool.size).toBe(0)
})

test('cleared, it is empty and says what it held', () => {
  const pool = new TxPool(createState(), 1)
  const held = [offer(alice, 0), offer(alice, 1), offer(bob, 0)]
  for (const each of held) pool.add(each, at(1, 1n))
  const dropped = pool.clear({ code: 'ARM_POOL_EVICTED', message: 'reverted' })
  expect(dropped.map(({ prepared }) => prepared)).toEqual(held)
  expect([pool.size, pool.sizeBytes, pool.accounts, [...pool.best(1n)].length]).toEqual([0, 0, 0, 0])
  expect(pool.nextNonce(alice)).toBe(0)
})
