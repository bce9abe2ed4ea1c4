import type { Account, Row } from '../state/account-table.ts'
import type { StateReader, Writes } from '../state/shard-state.ts'

const ABSENT: Account = { balance: 0n, nonce: 0, keyType: 0 }

/** Writes on top of a reader that is never touched, with marks to roll back to. */
export class Draft {
  readonly #reader: StateReader
  readonly #accounts: Map<Row, Account> = new Map()
  readonly #entries: Map<Row, Map<string, Uint8Array | undefined>> = new Map()
  /** What each write since the start replaced, newest last. */
  readonly #journal: Undo[] = []

  constructor(reader: StateReader) {
    this.#reader = reader
  }

  row(id: Uint8Array, at = 0): Row {
    return this.#reader.row(id, at)
  }

  id(row: Row): Uint8Array {
    return this.#reader.id(row)
  }

  /** The account, or an empty one where there is none. */
  account(row: Row): Account {
    return this.#accounts.get(row) ?? this.#reader.account(row) ?? ABSENT
  }

  setAccount(row: Row, account: Account): void {
    this.#journal.push({ row, account: this.#accounts.get(row) })
    this.#accounts.set(row, account)
  }

  entry(owner: Row, key: string): Uint8Array | undefined {
    const drafted = this.#entries.get(owner)
    return drafted?.has(key) ? drafted.get(key) : this.#reader.entry(owner, key)
  }

  setEntry(owner: Row, key: string, value: Uint8Array | undefined): void {
    let drafted = this.#entries.get(owner)
    if (drafted === undefined) {
      drafted = new Map()
      this.#entries.set(owner, drafted)
    }
    this.#journal.push({ owner, key, drafted: drafted.has(key), value: drafted.get(key) })
    drafted.set(key, value)
  }

  mark(): number {
    return this.#journal.length
  }

  rollback(mark: number): void {
    while (this.#journal.length > mark) {
      const undo = this.#journal.pop() as Undo
      if ('row' in undo) {
        if (undo.account === undefined) this.#accounts.delete(undo.row)
        else this.#accounts.set(undo.row, undo.account)
      } else if (undo.drafted) this.#entries.get(undo.owner)?.set(undo.key, undo.value)
      else this.#entries.get(undo.owner)?.delete(undo.key)
    }
  }

  writes(): Writes {
    const accounts = Array.from(this.#accounts, ([row, account]) => ({ row, account }))
    const entries: { owner: Row; key: string; value: Uint8Array | undefined }[] = []
    for (const [owner, drafted] of this.#entries) {
      for (const [key, value] of drafted) entries.push({ owner, key, value })
    }
    return { accounts, entries }
  }
}

type Undo =
  | { readonly row: Row; readonly account: Account | undefined }
  | { readonly owner: Row; readonly key: string; readonly drafted: boolean; readonly value: Uint8Array | undefined }
