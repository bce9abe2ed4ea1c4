import { hashPairs } from '../crypto/hash.ts'
import { type Account, AccountTable, type Row } from './account-table.ts'
import { EntryMap } from './entry-map.ts'
import { hashTwo, type KeyStore, SparseTree, type TreeProof } from './sparse-tree.ts'

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
 * One shard's state in memory, committed by two trees: accounts by path, each with its entries' root below it (so that
 * a split cuts one subtree), and what belongs to the shard itself. `root = H(accounts root || shard root)`; an
 * account's leaf value is `H(record || entries root)`.
 *
 * An account's path is the hash of its id, because anyone may pay to any 32 bytes: ids that are chosen to agree in
 * their first 255 bits would make a tree over the ids itself as deep.
 */
export class ShardState implements StateReader {
  readonly accounts: AccountTable
  readonly #tree: SparseTree
  readonly #paths: KeyStore
  /** 1 where the path of a row stands in `#paths`. */
  #placed: Uint8Array
  readonly #entries: Map<Row, EntryMap> = new Map()
  readonly #shard: EntryMap = new EntryMap()
  readonly #watchers: Set<(replaced: Writes) => void> = new Set()

  constructor(capacity = 64) {
    this.accounts = new AccountTable(capacity)
    this.#paths = { bytes: new Uint8Array(32 * capacity) }
    this.#placed = new Uint8Array(capacity)
    this.#tree = new SparseTree(this.#paths, capacity)
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

  /** Keys of an owner's entries that begin with `prefix`, ascending: for queries and exports, which need no witness. */
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
    for (const watcher of this.#watchers) watcher(undo)
    return undo
  }

  /** Has `watcher` told what each later `apply` replaces, until the function that it returns is called. */
  watch(watcher: (replaced: Writes) => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  root(): Uint8Array {
    return hashTwo(this.#tree.root(), this.#shard.root())
  }

  proveAccount(id: Uint8Array): AccountProof {
    const path = this.#tree.prove(accountPath(id), (row) => this.#value(row))
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
    this.#place(existing)
    this.#tree.setMany(existing, values, existing.length)
  }

  /** Gives each row that has none its path, all in one pass. */
  #place(rows: readonly Row[]): void {
    const fresh = rows.filter((row) => this.#placed[row] !== 1)
    if (fresh.length === 0) return
    if (this.accounts.rows > this.#placed.length) this.#grow(this.accounts.capacity)
    const pairs = new Uint8Array(64 * fresh.length)
    const paths = new Uint8Array(32 * fresh.length)
    fresh.forEach((row, i) => {
      pairs.set(this.accounts.ids.bytes.subarray(32 * row, 32 * row + 32), 64 * i)
    })
    hashPairs(pairs, paths, fresh.length)
    fresh.forEach((row, i) => {
      this.#paths.bytes.set(paths.subarray(32 * i, 32 * i + 32), 32 * row)
      this.#placed[row] = 1
    })
  }

  #grow(capacity: number): void {
    const paths = new Uint8Array(32 * capacity)
    paths.set(this.#paths.bytes)
    this.#paths.bytes = paths
    const placed = new Uint8Array(capacity)
    placed.set(this.#placed)
    this.#placed = placed
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

/** Where an account stands in the tree, and what a shard's prefix is compared with: `SHA-256(id || 32 zero bytes)`. */
export function accountPath(id: Uint8Array): Uint8Array {
  return hashTwo(id, NOTHING)
}

const NOTHING = new Uint8Array(32)
