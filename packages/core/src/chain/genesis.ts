import { concatBytes, fromHex, toHex, utf8 } from '../bytes.ts'
import { type Codec, compile } from '../codec/codec.ts'
import { blob, bytes32, list, struct, text, u32, u53, u64 } from '../codec/schema.ts'
import { sha256 } from '../crypto/hash.ts'
import { activeEd25519 } from '../crypto/verify.ts'
import { ArmError } from '../errors.ts'
import { GENESIS_ENTRIES_MAX, SCHEME_BYTES_MAX } from '../limits.ts'
import { VESTING_ENTRY, vestingScheduleCodec } from '../modules/vesting.ts'
import { Draft } from '../runtime/draft.ts'
import { writeKernelState } from '../runtime/kernel-state.ts'
import { moduleAccount } from '../runtime/runtime.ts'
import { ShardState } from '../state/shard-state.ts'
import { MOTES_PER_AC } from './amount.ts'
import { checkScheme, type Scheme, schemeCodec } from './scheme.ts'

/** Where a chain begins: its rules, its first time, and who holds what. */
export type Genesis = {
  readonly scheme: Scheme
  /** Milliseconds since the Unix epoch; also the start of the vesting schedules. */
  readonly timeMs: number
  readonly allocations: readonly Allocation[]
}

/** Motes given to an account on a vShard, free or on the ten-year schedule. */
export type Allocation = {
  readonly purpose: string
  readonly vShard: number
  readonly account: Uint8Array
  readonly motes: bigint
  /** `free` or `vesting`. */
  readonly lock: string
}

/** 10 billion AC, white paper section 5.1. */
export const SUPPLY_MOTES: bigint = 10_000_000_000n * MOTES_PER_AC

/** The paper's table (requirement D10): purpose, percent of the supply, whether it vests. */
export const TOKEN_ALLOCATION: readonly {
  readonly purpose: string
  readonly percent: number
  readonly lock: string
}[] = [
  { purpose: 'early-sales', percent: 15, lock: 'free' },
  { purpose: 'foundation', percent: 25, lock: 'vesting' },
  { purpose: 'team', percent: 10, lock: 'vesting' },
  { purpose: 'pre-mainnet-rewards', percent: 10, lock: 'free' },
  { purpose: 'mining', percent: 40, lock: 'free' },
]

const genesisCodec: Codec<{ scheme: Uint8Array; timeMs: number; allocations: readonly Allocation[] }> = compile(
  struct(
    ['scheme', blob(SCHEME_BYTES_MAX)],
    ['timeMs', u53],
    [
      'allocations',
      list(
        struct(['purpose', text(32)], ['vShard', u32], ['account', bytes32], ['motes', u64], ['lock', text(8)]),
        GENESIS_ENTRIES_MAX,
      ),
    ],
  ),
)

/** Identifies a chain: every signature on it commits to this hash. */
export function genesisHash(genesis: Genesis): Uint8Array {
  return sha256(concatBytes(utf8('armchain/v1/genesis\0'), encodeGenesis(genesis)))
}

export function encodeGenesis({ scheme, timeMs, allocations }: Genesis): Uint8Array {
  return genesisCodec.encode({ scheme: schemeCodec.encode(scheme), timeMs, allocations })
}

/** Reads and checks a genesis. Throws `ARM_GENESIS`, `ARM_SCHEME` or `ARM_CODEC_INPUT`. */
export function decodeGenesis(bytes: Uint8Array): Genesis {
  const { scheme, timeMs, allocations } = genesisCodec.decode(bytes)
  const genesis = { scheme: schemeCodec.decode(scheme), timeMs, allocations }
  checkGenesis(genesis)
  return genesis
}

/** Throws unless the scheme is valid and the allocations add up to the whole supply on its vShards. */
export function checkGenesis({ scheme, allocations }: Genesis): void {
  checkScheme(scheme)
  const shards = new Set(scheme.shards.map((shard) => shard.vShard))
  for (const key of new Set(
    scheme.shards.flatMap(({ validators }) => validators.map(({ publicKey }) => toHex(publicKey))),
  )) {
    if (!activeEd25519().isAccountKey(fromHex(key)))
      throw new ArmError('ARM_GENESIS', 'a validator key is of small or mixed order: anyone could sign for it', { key })
  }
  let total = 0n
  for (const { purpose, vShard, motes, lock } of allocations) {
    total += motes
    if (!shards.has(vShard))
      throw new ArmError('ARM_GENESIS', 'an allocation is on a vShard that the scheme has not', { purpose, vShard })
    if (lock !== 'free' && lock !== 'vesting')
      throw new ArmError('ARM_GENESIS', 'an allocation has an unknown lock', { purpose, lock })
    if (lock === 'vesting' && !scheme.modules.includes('vesting'))
      throw new ArmError('ARM_GENESIS', 'an allocation vests, and the scheme has no vesting', { purpose })
  }
  if (total !== SUPPLY_MOTES) {
    throw new ArmError('ARM_GENESIS', 'the allocations are not the whole supply', {
      totalMotes: total.toString(),
      supplyMotes: SUPPLY_MOTES.toString(),
    })
  }
}

/** The allocations of the paper's table, each on the main shard under an account of its own purpose. */
export function tokenAllocations(holder: (purpose: string) => Uint8Array = moduleAccount): Allocation[] {
  return TOKEN_ALLOCATION.map(({ purpose, percent, lock }) => ({
    purpose,
    vShard: 0,
    account: holder(purpose),
    motes: (SUPPLY_MOTES * BigInt(percent)) / 100n,
    lock,
  }))
}

/**
 * Takes part of an allocation for others, so that the whole stays the whole.
 * Throws `ARM_GENESIS` if the allocation does not cover it.
 */
export function carve(allocations: readonly Allocation[], purpose: string, parts: readonly Allocation[]): Allocation[] {
  const taken = parts.reduce((sum, part) => sum + part.motes, 0n)
  const source = allocations.find((allocation) => allocation.purpose === purpose)
  if (source === undefined || source.motes < taken) {
    throw new ArmError('ARM_GENESIS', 'an allocation does not cover what is carved from it', {
      purpose,
      takenMotes: taken.toString(),
    })
  }
  const rest = allocations.map((allocation) =>
    allocation === source ? { ...source, motes: source.motes - taken } : allocation,
  )
  return [...rest, ...parts]
}

/** The state of one vShard at height 0. */
export function genesisState({ scheme, timeMs, allocations }: Genesis, vShard: number): ShardState {
  const own = allocations.filter((allocation) => allocation.vShard === vShard)
  const state = new ShardState(Math.max(64, own.length))
  const draft = new Draft(state)
  const vestingRow = draft.row(moduleAccount('vesting'))
  let total = 0n
  for (const { account, motes, lock } of own) {
    total += motes
    const row = draft.row(account)
    const holder = lock === 'vesting' ? vestingRow : row
    const before = draft.account(holder)
    draft.setAccount(holder, { ...before, balance: before.balance + motes })
    if (lock !== 'vesting') continue
    draft.setAccount(row, draft.account(row))
    // One schedule an account: all begin at the same time, so their sum vests as they would side by side.
    const stored = draft.entry(row, VESTING_ENTRY)
    const locked = stored === undefined ? 0n : vestingScheduleCodec.decode(stored).totalMotes
    const schedule = { totalMotes: locked + motes, claimedMotes: 0n, startMs: timeMs }
    draft.setEntry(row, VESTING_ENTRY, vestingScheduleCodec.encode(schedule))
  }
  writeKernelState(draft, {
    baseFee: scheme.fees.initialBaseFee,
    sizeLimitBytes: scheme.blocks.initialBytes,
    burnt: 0n,
    sent: 0n,
    received: 0n,
    genesisMotes: total,
    mainHeight: 0,
  })
  state.apply(draft.writes())
  return state
}
