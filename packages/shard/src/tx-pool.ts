import {
  type Account,
  checkAgainstBlock,
  type NextBlock,
  nonceRefusal,
  type Outcome,
  type PreparedTransaction,
  type Refusal,
  type Row,
  refuse,
  type ShardState,
} from '@armchain/core'
import { POOL_ACCOUNT_TXS_MAX, POOL_BYTES_MAX, POOL_EVICT_PART, POOL_REPLACE_PERCENT, POOL_TXS_MAX } from './limits.ts'

/**
 * Transactions that wait for one shard.
 *
 * Rules: an account's transactions are contiguous by nonce and together covered by its balance, so that whatever is
 * taken can be included; best tip first, older first among equals; a full pool gives up its cheapest tails for a better
 * offer; a replacement pays 10 % more.
 */
export type PoolLimits = { readonly transactions: number; readonly sizeBytes: number; readonly perAccount: number }

export type Dropped = { readonly prepared: PreparedTransaction; readonly reason: Refusal }

type Queue = {
  readonly row: Row
  /** Nonce of the first transaction. */
  first: number
  transactions: PreparedTransaction[]
  /** Most that they can cost together, in motes. */
  cost: bigint
  arrival: number
}

const DEFAULT_LIMITS: PoolLimits = {
  transactions: POOL_TXS_MAX,
  sizeBytes: POOL_BYTES_MAX,
  perAccount: POOL_ACCOUNT_TXS_MAX,
}

export class TxPool {
  readonly #state: ShardState
  readonly #vShard: number
  readonly #limits: PoolLimits
  readonly #queues: Map<Row, Queue> = new Map()
  #count = 0
  #sizeBytes = 0
  #arrivals = 0

  constructor(state: ShardState, vShard: number, limits: PoolLimits = DEFAULT_LIMITS) {
    this.#state = state
    this.#vShard = vShard
    this.#limits = limits
  }

  get size(): number {
    return this.#count
  }
  get sizeBytes(): number {
    return this.#sizeBytes
  }
  get accounts(): number {
    return this.#queues.size
  }
  get limits(): PoolLimits {
    return this.#limits
  }

  /** The nonce that an account's next transaction needs, those that wait included. */
  nextNonce(account: Uint8Array): number {
    const row = this.#state.accounts.find(account)
    const queue = this.#queues.get(row)
    return queue === undefined ? this.#state.accounts.nonce(row) : queue.first + queue.transactions.length
  }

  /** Takes a transaction whose signature has been checked; `dropped` are those that had to make room. */
  add(
    prepared: PreparedTransaction,
    next: Omit<NextBlock, 'vShard'>,
  ): Outcome<{ readonly dropped: readonly Dropped[] }> {
    const { tx, account } = prepared
    const refusal = checkAgainstBlock(tx, { ...next, vShard: this.#vShard })
    if (refusal !== undefined) return { ok: false, reason: refusal }
    const row = this.#state.accounts.find(account)
    const stored = this.#state.account(row)
    if (row < 0 || stored === undefined)
      return refuse('ARM_TX_FUNDS', 'the sender has no account on this vShard', { balanceMotes: '0' })
    const queue = this.#queues.get(row)
    const first = queue?.first ?? stored.nonce
    const expected = first + (queue?.transactions.length ?? 0)
    if (tx.nonce < first || tx.nonce > expected) return { ok: false, reason: nonceRefusal(tx.nonce, expected) }
    if (queue !== undefined && tx.nonce < expected) return this.#replace(queue, prepared, stored)
    return this.#append(queue, row, prepared, stored)
  }

  /** Best first, those of one account in order; lazily, so that a block takes only what fits. */
  *best(baseFee: bigint): Generator<PreparedTransaction> {
    const heap = new Heap()
    for (const queue of this.#queues.values())
      heap.push({ queue, index: 0, tip: tipOf(queue.transactions[0] as PreparedTransaction, baseFee) })
    for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
      const { queue, index } = top
      yield queue.transactions[index] as PreparedTransaction
      const following = queue.transactions[index + 1]
      if (following !== undefined) heap.push({ queue, index: index + 1, tip: tipOf(following, baseFee) })
    }
  }

  /** A block has been made: takes out what it holds, what it refused, and what its refusals left without a base. */
  settle(included: readonly PreparedTransaction[], refused: readonly Dropped[]): Dropped[] {
    const touched = new Set<Row>()
    for (const { account } of included) touched.add(this.#state.accounts.find(account))
    for (const { prepared } of refused) touched.add(this.#state.accounts.find(prepared.account))
    const reasons = new Map(refused.map(({ prepared, reason }) => [prepared, reason]))
    const dropped: Dropped[] = []
    for (const row of touched) {
      const queue = this.#queues.get(row)
      if (queue !== undefined) this.#settleQueue(queue, reasons, dropped)
    }
    return dropped
  }

  /** Empties the pool, as after a revert of the chain below it. */
  clear(reason: Refusal): Dropped[] {
    const dropped = [...this.#queues.values()].flatMap((queue) =>
      queue.transactions.map((prepared) => ({ prepared, reason })),
    )
    this.#queues.clear()
    this.#count = 0
    this.#sizeBytes = 0
    return dropped
  }

  #append(
    queue: Queue | undefined,
    row: Row,
    prepared: PreparedTransaction,
    account: Account,
  ): Outcome<{ dropped: readonly Dropped[] }> {
    if ((queue?.transactions.length ?? 0) >= this.#limits.perAccount) {
      return refuse('ARM_POOL_ACCOUNT_FULL', `an account may have ${this.#limits.perAccount} transactions waiting`, {
        limit: this.#limits.perAccount,
      })
    }
    const cost = (queue?.cost ?? 0n) + costOf(prepared)
    if (cost > account.balance) return fundsRefusal(account, cost)
    const dropped: Dropped[] = []
    if (this.#count >= this.#limits.transactions || this.#sizeBytes + prepared.bytes.length > this.#limits.sizeBytes) {
      dropped.push(...this.#evict(prepared, row))
      if (dropped.length === 0)
        return refuse('ARM_POOL_FULL', 'the pool is full of better offers', { limit: this.#limits.transactions })
    }
    const own = this.#queues.get(row) ?? {
      row,
      first: prepared.tx.nonce,
      transactions: [],
      cost: 0n,
      arrival: this.#arrivals++,
    }
    this.#queues.set(row, own)
    own.transactions.push(prepared)
    own.cost = cost
    this.#count++
    this.#sizeBytes += prepared.bytes.length
    return { ok: true, value: { dropped } }
  }

  #replace(queue: Queue, prepared: PreparedTransaction, account: Account): Outcome<{ dropped: readonly Dropped[] }> {
    const index = prepared.tx.nonce - queue.first
    const old = queue.transactions[index] as PreparedTransaction
    if (sameId(old.id, prepared.id)) return refuse('ARM_TX_DUPLICATE', 'this transaction waits already')
    const needed = (fee: bigint): bigint => fee + (fee * POOL_REPLACE_PERCENT + 99n) / 100n
    if (prepared.tx.maxFee < needed(old.tx.maxFee) || prepared.tx.tip < needed(old.tx.tip)) {
      return refuse('ARM_TX_UNDERPRICED', `a replacement pays ${POOL_REPLACE_PERCENT} % more, in max fee and in tip`, {
        maxFeeMotes: needed(old.tx.maxFee).toString(),
        tipMotes: needed(old.tx.tip).toString(),
      })
    }
    const cost = queue.cost - costOf(old) + costOf(prepared)
    if (cost > account.balance) return fundsRefusal(account, cost)
    if (this.#sizeBytes - old.bytes.length + prepared.bytes.length > this.#limits.sizeBytes)
      return refuse('ARM_POOL_FULL', 'the pool has no room for a larger replacement', {
        limitBytes: this.#limits.sizeBytes,
      })
    queue.transactions[index] = prepared
    queue.cost = cost
    this.#sizeBytes += prepared.bytes.length - old.bytes.length
    return {
      ok: true,
      value: {
        dropped: [{ prepared: old, reason: { code: 'ARM_POOL_EVICTED', message: 'replaced by a better offer' } }],
      },
    }
  }

  /**
   * Drops the cheapest tails that pay less than `better`, a part of the pool at once, and as many more as its bytes need;
   * its own sender's never, and none at all where that would not make room.
   */
  #evict(better: PreparedTransaction, ownRow: Row): Dropped[] {
    const wanted = Math.max(1, Math.floor(this.#limits.transactions * POOL_EVICT_PART))
    let neededBytes = this.#sizeBytes + better.bytes.length - this.#limits.sizeBytes
    const victims: Queue[] = []
    let queues = [...this.#queues.values()].filter(({ row }) => row !== ownRow)
    // Each round takes at most one more of a sender, from the end of its queue, so that none of them loses its base.
    for (let depth = 1; queues.length > 0 && (depth === 1 || neededBytes > 0); depth++) {
      const round = cheaperTails(queues, depth, better.tx.tip)
      let taken = 0
      for (const { queue, sizeBytes } of round) {
        if (victims.length >= wanted && neededBytes <= 0) break
        victims.push(queue)
        neededBytes -= sizeBytes
        taken++
      }
      queues = round.slice(0, taken).map(({ queue }) => queue)
    }
    if (neededBytes > 0) return []
    const reason: Refusal = { code: 'ARM_POOL_EVICTED', message: 'evicted from a full pool by a better offer' }
    return victims.map((queue) => {
      const prepared = queue.transactions.pop() as PreparedTransaction
      this.#forget(queue, prepared)
      return { prepared, reason }
    })
  }

  #settleQueue(queue: Queue, reasons: ReadonlyMap<PreparedTransaction, Refusal>, dropped: Dropped[]): void {
    const nonce = this.#state.accounts.nonce(queue.row)
    let gone = 0
    for (const prepared of queue.transactions) {
      if (prepared.tx.nonce >= nonce) break
      this.#forget(queue, prepared)
      gone++
    }
    queue.transactions.splice(0, gone)
    queue.first = nonce
    const at = queue.transactions.findIndex((prepared) => reasons.has(prepared))
    if (at >= 0) {
      const reason = reasons.get(queue.transactions[at] as PreparedTransaction) as Refusal
      for (const prepared of queue.transactions.splice(at)) {
        this.#forget(queue, prepared)
        dropped.push({ prepared, reason })
      }
    }
    if (queue.transactions.length === 0) this.#queues.delete(queue.row)
  }

  #forget(queue: Queue, prepared: PreparedTransaction): void {
    queue.cost -= costOf(prepared)
    this.#count--
    this.#sizeBytes -= prepared.bytes.length
    if (queue.transactions.length === 0) this.#queues.delete(queue.row)
  }
}

type Tail = { readonly queue: Queue; readonly tip: bigint; readonly sizeBytes: number }

/** The `depth`-th transactions from the end that offer less than `tip`, cheapest first, then youngest sender first. */
function cheaperTails(queues: readonly Queue[], depth: number, tip: bigint): Tail[] {
  return queues
    .flatMap((queue): Tail[] => {
      const prepared = queue.transactions.at(-depth)
      if (prepared === undefined || prepared.tx.tip >= tip) return []
      return [{ queue, tip: prepared.tx.tip, sizeBytes: prepared.bytes.length }]
    })
    .sort((a, b) => (a.tip < b.tip ? -1 : a.tip > b.tip ? 1 : b.queue.arrival - a.queue.arrival))
}

function costOf({ tx, spends }: PreparedTransaction): bigint {
  return BigInt(tx.gasLimit) * tx.maxFee + spends
}

function tipOf({ tx }: PreparedTransaction, baseFee: bigint): bigint {
  const room = tx.maxFee - baseFee
  return room < tx.tip ? room : tx.tip
}

function fundsRefusal(account: Account, cost: bigint): { readonly ok: false; readonly reason: Refusal } {
  return refuse('ARM_TX_FUNDS', 'balance does not cover amount and fee of what waits', {
    balanceMotes: account.balance.toString(),
    neededMotes: cost.toString(),
  })
}

function sameId(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i])
}

type Candidate = { readonly queue: Queue; readonly index: number; readonly tip: bigint }

/** A binary heap: highest tip first, then the account that came first. */
class Heap {
  readonly #items: Candidate[] = []

  push(item: Candidate): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(item, items[parent] as Candidate)) break
      items[at] = items[parent] as Candidate
      at = parent
    }
    items[at] = item
  }

  pop(): Candidate | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (top === undefined || last === undefined || items.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && before(items[child + 1] as Candidate, items[child] as Candidate)) child++
      if (!before(items[child] as Candidate, last)) break
      items[at] = items[child] as Candidate
      at = child
    }
    items[at] = last
    return top
  }
}

function before(a: Candidate, b: Candidate): boolean {
  if (a.tip !== b.tip) return a.tip > b.tip
  return a.index !== b.index ? a.index < b.index : a.queue.arrival < b.queue.arrival
}
