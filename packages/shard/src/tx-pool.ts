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
  toHex,
} from '@armchain/core'
import { POOL_ACCOUNT_TXS_MAX, POOL_BYTES_MAX, POOL_EVICT_PART, POOL_REPLACE_PERCENT, POOL_TXS_MAX } from './limits.ts'

/**
 * Transactions that wait for one shard.
 *
 * Rules: an account's transactions are contiguous by nonce and together covered by its balance, so that whatever is
 * taken can be included; best tip first, and among equals every account's first before anyone's second, older accounts
 * first; a full pool gives up its cheapest tails for a better offer; a replacement pays 10 % more. A tip counts as far
 * as the max fee leaves room for it above the base fee.
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

  /** True if this very transaction waits here: then its signature has been checked. */
  holds({ tx, account, id }: PreparedTransaction): boolean {
    const queue = this.#queues.get(this.#state.accounts.find(account))
    const waiting = queue?.transactions[tx.nonce - queue.first]
    return waiting !== undefined && sameId(waiting.id, id)
  }

  /** All that wait, accounts in order of arrival and those of one in order. */
  *waiting(): Generator<PreparedTransaction> {
    for (const { transactions } of this.#queues.values()) yield* transactions
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
    if (queue !== undefined && tx.nonce < expected) return this.#replace(queue, prepared, stored, next.baseFee)
    return this.#append(queue, row, prepared, stored, next.baseFee)
  }

  /** Best first, those of one account in order; lazily, so that a block takes only what fits. */
  *best(baseFee: bigint): Generator<PreparedTransaction> {
    const heap = new Heap()
    for (const queue of this.#queues.values()) heap.push(candidate(queue, 0, baseFee))
    for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
      const { queue, index } = top
      yield queue.transactions[index] as PreparedTransaction
      if (index + 1 < queue.transactions.length) heap.push(candidate(queue, index + 1, baseFee))
    }
  }

  /**
   * A block has been made: takes out what it holds, what it refused, and what its refusals left without a base. Told as
   * dropped is also what lost its nonce to another transaction of the block.
   */
  settle(included: readonly PreparedTransaction[], refused: readonly Dropped[]): Dropped[] {
    const touched = new Set<Row>()
    for (const { account } of included) touched.add(this.#state.accounts.find(account))
    for (const { prepared } of refused) touched.add(this.#state.accounts.find(prepared.account))
    const reasons = new Map(refused.map(({ prepared, reason }) => [prepared, reason]))
    const isIncluded = membership(included)
    const dropped: Dropped[] = []
    for (const row of touched) {
      const queue = this.#queues.get(row)
      if (queue !== undefined) this.#settleQueue(queue, isIncluded, reasons, dropped)
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
    baseFee: bigint,
  ): Outcome<{ dropped: readonly Dropped[] }> {
    if ((queue?.transactions.length ?? 0) >= this.#limits.perAccount) {
      return refuse('ARM_POOL_ACCOUNT_FULL', `an account may have ${this.#limits.perAccount} transactions waiting`, {
        limit: this.#limits.perAccount,
      })
    }
    const cost = (queue?.cost ?? 0n) + costOf(prepared)
    if (cost > account.balance) return fundsRefusal(account, cost)
    const dropped = this.#makeRoom(
      row,
      { transactions: 1, sizeBytes: prepared.bytes.length },
      tipOf(prepared, baseFee),
      baseFee,
    )
    if (dropped === undefined) return this.#full()
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

  #replace(
    queue: Queue,
    prepared: PreparedTransaction,
    account: Account,
    baseFee: bigint,
  ): Outcome<{ dropped: readonly Dropped[] }> {
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
    const sizeBytes = prepared.bytes.length - old.bytes.length
    const dropped = this.#makeRoom(queue.row, { transactions: 0, sizeBytes }, tipOf(prepared, baseFee), baseFee)
    if (dropped === undefined) return this.#full()
    queue.transactions[index] = prepared
    queue.cost = cost
    this.#sizeBytes += sizeBytes
    dropped.push({ prepared: old, reason: { code: 'ARM_POOL_EVICTED', message: 'replaced by a better offer' } })
    return { ok: true, value: { dropped } }
  }

  #full(): { readonly ok: false; readonly reason: Refusal } {
    const { transactions, sizeBytes } = this.#limits
    return refuse('ARM_POOL_FULL', 'the pool is full of better offers', { limit: transactions, limitBytes: sizeBytes })
  }

  /**
   * Drops the cheapest tails that pay less than `tip` until there is room, and a part of the pool at once; the sender's
   * own never. Undefined, and nothing dropped, where that does not make room.
   */
  #makeRoom(sender: Row, needed: Room, tip: bigint, baseFee: bigint): Dropped[] | undefined {
    const room = {
      transactions: this.#limits.transactions - this.#count - needed.transactions,
      sizeBytes: this.#limits.sizeBytes - this.#sizeBytes - needed.sizeBytes,
    }
    return room.transactions >= 0 && room.sizeBytes >= 0 ? [] : this.#evict(sender, room, tip, baseFee)
  }

  /** `room` is what there is too little of, and counts up. */
  #evict(sender: Row, room: Room, tip: bigint, baseFee: bigint): Dropped[] | undefined {
    const fits = (): boolean => room.transactions >= 0 && room.sizeBytes >= 0
    const wanted = Math.max(1, Math.floor(this.#limits.transactions * POOL_EVICT_PART))
    const victims: Candidate[] = []
    let tails = [...this.#queues.values()]
      .filter(({ row }) => row !== sender)
      .map((queue) => candidate(queue, queue.transactions.length - 1, baseFee))
    for (let pass = 0; tails.length > 0; pass++) {
      const taken: Candidate[] = []
      for (const tail of tails.filter((each) => each.tip < tip).sort(cheaper)) {
        if (fits() && (pass > 0 || taken.length >= wanted)) break
        taken.push(tail)
        room.transactions++
        room.sizeBytes += (tail.queue.transactions[tail.index] as PreparedTransaction).bytes.length
      }
      victims.push(...taken)
      if (fits()) break
      // Behind a tail that goes, the one before it is the next tail.
      tails = taken.filter(({ index }) => index > 0).map(({ queue, index }) => candidate(queue, index - 1, baseFee))
    }
    if (!fits()) return undefined
    const reason: Refusal = { code: 'ARM_POOL_EVICTED', message: 'evicted from a full pool by a better offer' }
    return victims.map(({ queue }) => {
      const prepared = queue.transactions.pop() as PreparedTransaction
      this.#forget(queue, prepared)
      return { prepared, reason }
    })
  }

  #settleQueue(
    queue: Queue,
    isIncluded: (prepared: PreparedTransaction) => boolean,
    reasons: ReadonlyMap<PreparedTransaction, Refusal>,
    dropped: Dropped[],
  ): void {
    const nonce = this.#state.accounts.nonce(queue.row)
    let gone = 0
    for (const prepared of queue.transactions) {
      if (prepared.tx.nonce >= nonce) break
      this.#forget(queue, prepared)
      if (!isIncluded(prepared)) dropped.push({ prepared, reason: nonceRefusal(prepared.tx.nonce, nonce) })
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

function costOf({ tx, spends }: PreparedTransaction): bigint {
  return BigInt(tx.gasLimit) * tx.maxFee + spends
}

function tipOf({ tx }: PreparedTransaction, baseFee: bigint): bigint {
  const room = tx.maxFee - baseFee
  return room < tx.tip ? room : tx.tip
}

function candidate(queue: Queue, index: number, baseFee: bigint): Candidate {
  return { queue, index, tip: tipOf(queue.transactions[index] as PreparedTransaction, baseFee) }
}

/** Cheapest first, and the newest account first among equals. */
function cheaper(a: Candidate, b: Candidate): number {
  if (a.tip !== b.tip) return a.tip < b.tip ? -1 : 1
  return b.queue.arrival - a.queue.arrival
}

/** Usually these very objects; by their ids where a block came from elsewhere. */
function membership(included: readonly PreparedTransaction[]): (prepared: PreparedTransaction) => boolean {
  const objects = new Set(included)
  let ids: Set<string> | undefined
  return (prepared) => {
    if (objects.has(prepared)) return true
    ids ??= new Set(included.map(({ id }) => toHex(id)))
    return ids.has(toHex(prepared.id))
  }
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

type Room = { transactions: number; sizeBytes: number }
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
