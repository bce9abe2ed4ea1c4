import { carveBytes, copy32 } from '../bytes.ts'
import { grownCapacity, type KeyStore } from './sparse-tree.ts'

/** Balance, nonce and key type of an account; the key type is 0 until its key has signed a transaction. */
export type Account = { readonly balance: bigint; readonly nonce: number; readonly keyType: number }

/**
 * A process-local number for an account id: stable while the table lives, meaningless outside the process.
 * A row may stand for an account that does not exist (yet).
 */
export type Row = number

/** Accounts in typed columns, found by id through an open-addressed index. */
export class AccountTable {
  readonly ids: KeyStore
  #balance: BigUint64Array
  #nonce: Float64Array
  /** 0 absent, else 1 + key type, which is a byte: so the sum needs more. */
  #kind: Uint16Array
  #index: Int32Array
  readonly #key: Uint32Array = indexKey
  #rows = 0
  #existing = 0
  #total = 0n

  constructor(capacity = 64) {
    this.ids = { bytes: new Uint8Array(32 * capacity) }
    this.#balance = new BigUint64Array(capacity)
    this.#nonce = new Float64Array(capacity)
    this.#kind = new Uint16Array(capacity)
    this.#index = new Int32Array(indexSize(capacity))
  }

  /** Accounts that exist. */
  get count(): number {
    return this.#existing
  }

  /** Rows that there is room for without growing. */
  get capacity(): number {
    return this.#nonce.length
  }

  /** Rows handed out, existing or not. */
  get rows(): number {
    return this.#rows
  }

  /** Slots that the worst look-up of a row in this table reads: what says that the index is not under attack. */
  get longestProbe(): number {
    const mask = this.#index.length - 1
    let longest = 0
    for (let row = 0; row < this.#rows; row++) {
      let length = 1
      for (let i = slotOf(this.ids.bytes, 32 * row, this.#key) & mask; this.#index[i] !== row + 1; i = (i + 1) & mask)
        length++
      longest = Math.max(longest, length)
    }
    return longest
  }

  /** Sum of all balances, kept from every write: what the supply auditor is told. */
  get totalBalance(): bigint {
    return this.#total
  }

  /** The row of an id (32 bytes from `at`), or -1. */
  find(id: Uint8Array, at = 0): Row {
    const index = this.#index
    const mask = index.length - 1
    for (let i = slotOf(id, at, this.#key) & mask; ; i = (i + 1) & mask) {
      const row = (index[i] as number) - 1
      if (row < 0 || this.#matches(row, id, at)) return row
    }
  }

  /** The row of an id, made if there is none; the account still does not exist until it is written. */
  intern(id: Uint8Array, at = 0): Row {
    const found = this.find(id, at)
    if (found >= 0) return found
    if (this.#rows === this.#nonce.length) this.#grow()
    const row = this.#rows++
    this.ids.bytes.set(id.subarray(at, at + 32), 32 * row)
    this.#place(row)
    return row
  }

  exists(row: Row): boolean {
    return row >= 0 && (this.#kind[row] as number) !== 0
  }

  balance(row: Row): bigint {
    return row < 0 ? 0n : (this.#balance[row] as bigint)
  }

  nonce(row: Row): number {
    return row < 0 ? 0 : (this.#nonce[row] as number)
  }

  keyType(row: Row): number {
    return row < 0 ? 0 : Math.max(0, (this.#kind[row] as number) - 1)
  }

  id(row: Row): Uint8Array {
    const id = carveBytes(32)
    copy32(this.ids.bytes, 32 * row, id, 0)
    return id
  }

  /** Writes an account; `undefined` takes it out (only to undo its creation). */
  write(row: Row, account: Account | undefined): void {
    const existed = this.#kind[row] !== 0
    this.#total += (account?.balance ?? 0n) - (this.#balance[row] as bigint)
    this.#existing += (account === undefined ? 0 : 1) - (existed ? 1 : 0)
    this.#balance[row] = account?.balance ?? 0n
    this.#nonce[row] = account?.nonce ?? 0
    this.#kind[row] = account === undefined ? 0 : 1 + account.keyType
  }

  /** Writes the 32-byte record that the tree commits to: balance, nonce, key type, zeros. */
  record(row: Row, out: Uint8Array, at: number): void {
    const view = new DataView(out.buffer, out.byteOffset + at, 32)
    view.setBigUint64(0, this.#balance[row] as bigint)
    const nonce = this.#nonce[row] as number
    view.setUint32(8, Math.floor(nonce / 0x1_0000_0000))
    view.setUint32(12, nonce >>> 0)
    view.setUint32(16, this.keyType(row) << 24)
    view.setUint32(20, 0)
    view.setUint32(24, 0)
    view.setUint32(28, 0)
  }

  #matches(row: Row, id: Uint8Array, at: number): boolean {
    const ids = this.ids.bytes
    const start = 32 * row
    for (let i = 0; i < 32; i++) if (ids[start + i] !== id[at + i]) return false
    return true
  }

  #place(row: Row): void {
    const mask = this.#index.length - 1
    let i = slotOf(this.ids.bytes, 32 * row, this.#key) & mask
    while (this.#index[i] !== 0) i = (i + 1) & mask
    this.#index[i] = row + 1
  }

  #grow(): void {
    const capacity = grownCapacity(this.#nonce.length)
    const ids = new Uint8Array(32 * capacity)
    ids.set(this.ids.bytes)
    this.ids.bytes = ids
    const balance = new BigUint64Array(capacity)
    balance.set(this.#balance)
    this.#balance = balance
    const nonce = new Float64Array(capacity)
    nonce.set(this.#nonce)
    this.#nonce = nonce
    const kind = new Uint16Array(capacity)
    kind.set(this.#kind)
    this.#kind = kind
    if (indexSize(capacity) > this.#index.length) {
      this.#index = new Int32Array(indexSize(capacity))
      for (let row = 0; row < this.#rows; row++) this.#place(row)
    }
  }
}

/**
 * Anyone may pay to any 32 bytes, so ids can be chosen to collide under a hash that is known: this one is keyed
 * (two keyed multiplications a word, so that no difference between ids has an outcome that holds for every key). The
 * key changes where a row stands in the index and nothing else: no order, root or result depends on it.
 */
const INDEX_KEY_WORDS = 16
let indexKey: Uint32Array = Uint32Array.from({ length: INDEX_KEY_WORDS }, (_, i) => Math.imul(2 * i + 1, 0x9e37_79b1))

/** Bytes of chance that `keyAccountIndex` takes. */
export const INDEX_KEY_BYTES: number = 4 * INDEX_KEY_WORDS

/** Keys the index of every table that is made from now on: what a node does before it makes any. */
export function keyAccountIndex(chance: Uint8Array): void {
  const view = new DataView(chance.buffer, chance.byteOffset, INDEX_KEY_BYTES)
  // Odd, so that a multiplication loses nothing.
  indexKey = Uint32Array.from({ length: INDEX_KEY_WORDS }, (_, i) => view.getUint32(4 * i) | 1)
}

function slotOf(ids: Uint8Array, at: number, key: Uint32Array): number {
  let hash = 0
  for (let i = 0; i < 8; i++) {
    const start = at + 4 * i
    const word =
      ((ids[start] as number) << 24) |
      ((ids[start + 1] as number) << 16) |
      ((ids[start + 2] as number) << 8) |
      (ids[start + 3] as number)
    hash = Math.imul(hash ^ word, key[2 * i] as number)
    hash = Math.imul(hash ^ (hash >>> 15), key[2 * i + 1] as number)
    hash ^= hash >>> 13
  }
  return hash
}

/** At most two thirds full, a power of two. */
function indexSize(capacity: number): number {
  let size = 16
  while (size * 2 < capacity * 3) size *= 2
  return size
}
