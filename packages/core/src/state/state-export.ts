import { type Codec, compile } from '../codec/codec.ts'
import { blob, bytes32, list, option, struct, text, u8, u53, u64 } from '../codec/schema.ts'
import { ENTRY_KEY_BYTES_MAX, ENTRY_VALUE_BYTES_MAX } from '../limits.ts'
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

const PART_ACCOUNTS = 50_000
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
  let accounts: StatePart['accounts'][number][] = []
  for (let row = 0; row < state.accounts.rows; row++) {
    const account = state.account(row)
    if (account === undefined) continue
    accounts.push({ id: state.id(row), ...account })
    if (accounts.length < PART_ACCOUNTS) continue
    yield partCodec.encode({ accounts, entries: [] })
    accounts = []
  }
  yield partCodec.encode({ accounts, entries: [] })
  let entries: StatePart['entries'][number][] = []
  let valueBytes = 0
  for (const owner of [SHARD_OWNER, ...state.entryOwners()]) {
    for (const key of state.entryKeys(owner, '')) {
      const value = state.entry(owner, key) as Uint8Array
      entries.push(owner === SHARD_OWNER ? { key, value } : { owner: state.id(owner), key, value })
      valueBytes += value.length
      if (entries.length < PART_ENTRIES && valueBytes < PART_VALUE_BYTES) continue
      yield partCodec.encode({ accounts: [], entries })
      entries = []
      valueBytes = 0
    }
  }
  yield partCodec.encode({ accounts: [], entries })
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
