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

  /** Rows handed out, existing or not. */
  get rows(): number {
    return this.#rows
  }

  /** Sum of all balances, kept from every write: what the supply auditor is told. */
  get totalBalance(): bigint {
    return this.#total
  }

  /** The row of an id (32 bytes from `at`), or -1. */
  find(id: Uint8Array, at = 0): Row {
    const index = this.#index
    const mask = index.length - 1
    for (let i = slotOf(id, at) & mask; ; i = (i + 1) & mask) {
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
    return this.ids.bytes.slice(32 * row, 32 * row + 32)
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
    let i = slotOf(this.ids.bytes, 32 * row) & mask
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

/** Ids are hashes, so any of their bytes spread evenly; an owner of many keys can at worst slow their own look-ups. */
function slotOf(ids: Uint8Array, at: number): number {
  return (
    ((ids[at + 28] as number) << 24) |
    ((ids[at + 29] as number) << 16) |
    ((ids[at + 30] as number) << 8) |
    (ids[at + 31] as number)
  )
}

/** At most two thirds full, a power of two. */
function indexSize(capacity: number): number {
  let size = 16
  while (size * 2 < capacity * 3) size *= 2
  return size
}
