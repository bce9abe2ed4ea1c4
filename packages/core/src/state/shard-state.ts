import { hashPairs } from '../crypto/hash.ts'
import { type Account, AccountTable, type Row } from './account-table.ts'
import { EntryMap } from './entry-map.ts'
import { hashTwo, SparseTree, type TreeProof } from './sparse-tree.ts'

/** Owner of what belongs to the shard and not to an account: cursors, module globals. */
export const SHARD_OWNER = -1

/** All that a transition may read. A recorder in front of it sees every read, so a block can run from a witness. */
export interface StateReader {
  /** Row of an account id (32 bytes from `at`); reading never makes an account exist. */
  row(id: Uint8Array, at?: number): Row
  account(row: Row): Account | undefined
  /** The id behind a row. */
  id(row: Row): Uint8Array
  /** Value of a module's entry under an account's row, or under `SHARD_OWNER`. */
  entry(owner: Row, key: string): Uint8Array | undefined
  /** Keys of an owner's entries that begin with `prefix`, ascending. */
  entryKeys(owner: Row, prefix: string): readonly string[]
}

/** What a block changes; also the shape of its own undo. */
export type Writes = {
  readonly accounts: readonly { readonly row: Row; readonly account: Account | undefined }[]
  readonly entries: readonly { readonly owner: Row; readonly key: string; readonly value: Uint8Array | undefined }[]
}

/** What shows an account's record, or that there is none, under a state root. */
export type AccountProof = {
  readonly path: TreeProof
  readonly storageRoot: Uint8Array
  /** Root of the shard's own tree, which is hashed beside that of the accounts. */
  readonly shardRoot: Uint8Array
}

/**
 * One shard's state in memory, committed by two trees: accounts by id, each with its entries' root below it (so that
 * a split cuts one subtree), and what belongs to the shard itself. `root = H(accounts root || shard root)`; an
 * account's leaf value is `H(record || entries root)`.
 */
export class ShardState implements StateReader {
  readonly accounts: AccountTable
  readonly #tree: SparseTree
  readonly #entries: Map<Row, EntryMap> = new Map()
  readonly #shard: EntryMap = new EntryMap()

  constructor(capacity = 64) {
    this.accounts = new AccountTable(capacity)
    this.#tree = new SparseTree(this.accounts.ids, capacity)
  }

  row(id: Uint8Array, at = 0): Row {
    return this.accounts.intern(id, at)
  }

  account(row: Row): Account | undefined {
    const accounts = this.accounts
    if (!accounts.exists(row)) return undefined
    return { balance: accounts.balance(row), nonce: accounts.nonce(row), keyType: accounts.keyType(row) }
  }

  id(row: Row): Uint8Array {
    return this.accounts.id(row)
  }

  entry(owner: Row, key: string): Uint8Array | undefined {
    return this.#map(owner)?.get(key)
  }

  entryKeys(owner: Row, prefix: string): readonly string[] {
    return (
      this.#map(owner)
        ?.keys()
        .filter((key) => key.startsWith(prefix)) ?? []
    )
  }

  /** Rows of accounts that have entries. */
  entryOwners(): readonly Row[] {
    return [...this.#entries.keys()]
  }

  /** Applies writes and returns those that take them back. The root follows on the next call of `root`. */
  apply(writes: Writes): Writes {
    const undo = {
      accounts: writes.accounts.map(({ row }) => ({ row, account: this.account(row) })),
      entries: writes.entries.map(({ owner, key }) => ({ owner, key, value: this.entry(owner, key) })).reverse(),
    }
    const touched = new Set<Row>()
    for (const { row, account } of writes.accounts) {
      this.accounts.write(row, account)
      touched.add(row)
    }
    for (const { owner, key, value } of writes.entries) {
      if (owner !== SHARD_OWNER) touched.add(owner)
      this.#writable(owner).set(key, value)
    }
    this.#commit([...touched])
    return undo
  }

  root(): Uint8Array {
    return hashTwo(this.#tree.root(), this.#shard.root())
  }

  proveAccount(id: Uint8Array): AccountProof {
    const path = this.#tree.prove(id, (row) => this.#value(row))
    const row = this.accounts.find(id)
    const storageRoot = this.accounts.exists(row) ? this.#storageRoot(row) : new Uint8Array(32)
    return { path, storageRoot, shardRoot: this.#shard.root() }
  }

  /** Proof of an entry of the shard's own tree, to be checked against the shard root; the accounts root stands beside it. */
  proveShardEntry(key: string): { readonly path: TreeProof; readonly accountsRoot: Uint8Array } {
    return { path: this.#shard.prove(key), accountsRoot: this.#tree.root() }
  }

  #commit(rows: readonly Row[]): void {
    const existing: Row[] = []
    for (const row of rows) {
      if (this.accounts.exists(row)) existing.push(row)
      else this.#tree.delete(row)
    }
    const pairs = new Uint8Array(64 * existing.length)
    const values = new Uint8Array(32 * existing.length)
    for (let i = 0; i < existing.length; i++) {
      const row = existing[i] as Row
      this.accounts.record(row, pairs, 64 * i)
      const entries = this.#entries.size === 0 ? undefined : this.#entries.get(row)
      if (entries !== undefined) pairs.set(entries.root(), 64 * i + 32)
    }
    hashPairs(pairs, values, existing.length)
    this.#tree.setMany(existing, values, existing.length)
  }

  #value(row: Row): Uint8Array {
    const record = new Uint8Array(32)
    this.accounts.record(row, record, 0)
    return hashTwo(record, this.#storageRoot(row))
  }

  #storageRoot(row: Row): Uint8Array {
    return this.#entries.get(row)?.root() ?? new Uint8Array(32)
  }

  #map(owner: Row): EntryMap | undefined {
    return owner === SHARD_OWNER ? this.#shard : this.#entries.get(owner)
  }

  #writable(owner: Row): EntryMap {
    const found = this.#map(owner)
    if (found !== undefined) return found
    const made = new EntryMap()
    this.#entries.set(owner, made)
    return made
  }
}
