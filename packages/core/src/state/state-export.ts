import { type Codec, compile } from '../codec/codec.ts'
import { blob, bytes32, list, option, struct, text, u8, u53, u64 } from '../codec/schema.ts'
import { ENTRY_KEY_BYTES_MAX, ENTRY_VALUE_BYTES_MAX } from '../limits.ts'
import type { Account, Row } from './account-table.ts'
import { SHARD_OWNER, type ShardState } from './shard-state.ts'

/** A part of a state, as a snapshot stores it; importing all parts in order gives the state back. */
export type StatePart = {
  readonly accounts: readonly {
    readonly id: Uint8Array
    readonly balance: bigint
    readonly nonce: number
    readonly keyType: number
  }[]
  /** `owner` is an account id; absent for the shard's own. */
  readonly entries: readonly {
    readonly owner?: Uint8Array | undefined
    readonly key: string
    readonly value: Uint8Array
  }[]
}

/** Accounts that a part may hold, and rows that one is made of: about ten milliseconds' work. */
const PART_ACCOUNTS = 50_000
const PART_ROWS = 8_192
const PART_ENTRIES = 1_000
/** Values of one part, in bytes: a reader holds a part at once, and entries may be large. */
const PART_VALUE_BYTES = 4 * 1024 * 1024

const partCodec: Codec<StatePart> = compile(
  struct(
    ['accounts', list(struct(['id', bytes32], ['balance', u64], ['nonce', u53], ['keyType', u8]), PART_ACCOUNTS)],
    [
      'entries',
      list(
        struct(['owner', option(bytes32)], ['key', text(ENTRY_KEY_BYTES_MAX)], ['value', blob(ENTRY_VALUE_BYTES_MAX)]),
        PART_ENTRIES,
      ),
    ],
  ),
)

/** Encodes a state as it is now, in parts of bounded size. */
export function* exportState(state: ShardState): Generator<Uint8Array> {
  using running = new StateExport(state)
  yield* running.parts()
}

type ExportedEntry = StatePart['entries'][number]

/**
 * The state as it was when the export began, whatever is applied to it while the parts are made: an account that changes
 * before its part is made is remembered as it was. So a large state is exported between blocks, not instead of them.
 * Costs memory for what changes meanwhile, until it is disposed of.
 */
export class StateExport implements Disposable {
  readonly #state: ShardState
  /** Rows that there were at the beginning. */
  readonly #rows: number
  readonly #entries: readonly (readonly ExportedEntry[])[]
  /** Accounts of rows that are still to come, before the first change since the beginning. */
  readonly #before: Map<Row, Account | undefined> = new Map()
  readonly #unwatch: () => void
  #nextRow = 0

  constructor(state: ShardState) {
    this.#state = state
    this.#rows = state.accounts.rows
    this.#entries = entryParts(state)
    this.#unwatch = state.watch((replaced) => {
      for (const { row, account } of replaced.accounts)
        if (row >= this.#nextRow && row < this.#rows && !this.#before.has(row)) this.#before.set(row, account)
    })
  }

  get partCount(): number {
    return Math.max(1, Math.ceil(this.#rows / PART_ROWS)) + this.#entries.length
  }

  /** To be called once. */
  *parts(): Generator<Uint8Array, void> {
    do yield this.#accounts()
    while (this.#nextRow < this.#rows)
    for (const entries of this.#entries) yield partCodec.encode({ accounts: [], entries })
  }

  [Symbol.dispose](): void {
    this.#unwatch()
  }

  #accounts(): Uint8Array {
    const state = this.#state
    const accounts: StatePart['accounts'][number][] = []
    const end = Math.min(this.#rows, this.#nextRow + PART_ROWS)
    for (let row = this.#nextRow; row < end; row++) {
      const account = this.#before.has(row) ? this.#before.get(row) : state.account(row)
      if (account !== undefined) accounts.push({ id: state.id(row), ...account })
      this.#before.delete(row)
    }
    this.#nextRow = end
    return partCodec.encode({ accounts, entries: [] })
  }
}

function entryParts(state: ShardState): ExportedEntry[][] {
  const parts: ExportedEntry[][] = []
  let entries: ExportedEntry[] = []
  let valueBytes = 0
  for (const owner of [SHARD_OWNER, ...state.entryOwners()]) {
    for (const key of state.entryKeys(owner, '')) {
      const value = state.entry(owner, key) as Uint8Array
      entries.push(owner === SHARD_OWNER ? { key, value } : { owner: state.id(owner), key, value })
      valueBytes += value.length
      if (entries.length < PART_ENTRIES && valueBytes < PART_VALUE_BYTES) continue
      parts.push(entries)
      entries = []
      valueBytes = 0
    }
  }
  return [...parts, entries]
}

/** Adds a part to a state. Throws `ARM_CODEC_INPUT` if it is none. */
export function importState(state: ShardState, part: Uint8Array): void {
  const { accounts, entries } = partCodec.decode(part)
  state.apply({
    accounts: accounts.map(({ id, balance, nonce, keyType }) => ({
      row: state.row(id),
      account: { balance, nonce, keyType },
    })),
    entries: entries.map(({ owner, key, value }) => ({
      owner: owner === undefined ? SHARD_OWNER : state.row(owner),
      key,
      value: value.slice(),
    })),
  })
}
