import {
  ArmError,
  bytes32,
  type Codec,
  compareShards,
  compile,
  list,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  sameShard,
  struct,
  toHex,
  u53,
} from '@armchain/core'
import { ELECTION_SHARDS_MAX, POOL_SEATS_MAX } from '../limits.ts'
import { cutMandates, type Mandates, type Stake } from './mandates.ts'
import { SeedStream, sample } from './seed-stream.ts'

/**
 * Pools: who holds the state of a shard, and whom its committees are drawn from.
 *
 * Rules:
 * 1. Each mandate holds at most one seat over all pools: dealing is sampling without replacement, and what an owner can hold
 *    in all is bounded by its mandates.
 * 2. A seat lasts `POOL_EPOCHS` epochs, and a quarter of each pool ends with each epoch. The first seats of a pool end in
 *    turn, so that a new pool falls into step.
 * 3. Seats that end, or whose shard is gone, are free, and their mandates are dealt again together with those that have none:
 *    a seeded shuffle maps mandates to free seats. Where there are more mandates than seats, chance leaves some out. So
 *    by induction, over all seeds so far, any seat holds any mandate with the same chance, and a pool is a sample without
 *    replacement. On one chain whose stakes stand still and fill all seats, mandates that end together are dealt together
 *    ever after, each to its quarter of the seats: strata, which spread bad mandates more evenly than that law.
 * 4. If an owner's mandates became fewer than its seats, it keeps them until they end. Otherwise owners could withdraw where
 *    the deal did not suit them and be dealt again elsewhere, until they sit together in one pool. So stake has to stay
 *    bound, and slashable, for `POOL_EPOCHS` + 2 epochs at least after it left the list. Only `removed` owners lose seats.
 * 5. The pools of epoch e + 2 follow from a stake list frozen at the end of epoch e - 1 and from a seed known in epoch e, so
 *    who joins has all of epoch e + 1 to fetch the state.
 *
 * Deviations: none from NEP-509's idea of dealing whole mandates; partial mandates are left out.
 */
export type Seat = {
  readonly owner: Uint8Array
  /** The first epoch in which the seat is no longer held. */
  readonly endsAt: number
}

export type Pool = { readonly shard: ShardKey; readonly seats: readonly Seat[] }

/** All pools of an epoch, in the order of shards. */
export type Pools = { readonly epoch: number; readonly pools: readonly Pool[] }

/** Epochs that a seat lasts. */
export const POOL_EPOCHS = 4

export type DealingRules = {
  /** Seats of each pool, a multiple of `POOL_EPOCHS`: about four committees. */
  readonly poolSeats: number
  /** Mandates that stake is cut into; at least as many as there are seats in all. */
  readonly mandates: number
  /** Most mandates of one owner. */
  readonly ownerMax: number
}

/** What the pools of an epoch follow from, beside those of the epoch before. */
export type PoolElection = {
  /** In ascending order. */
  readonly shards: readonly ShardKey[]
  /** In ascending order of owners. */
  readonly stakes: readonly Stake[]
  /** Owners that lose their seats at once, as jailed ones do. */
  readonly removed: readonly Uint8Array[]
  /** 32 bytes, see `deriveSeed`. */
  readonly seed: Uint8Array
}

export const poolsCodec: Codec<Pools> = compile(
  struct(
    ['epoch', u53],
    [
      'pools',
      list(
        struct(
          ['shard', SHARD_KEY_SCHEMA],
          ['seats', list(struct(['owner', bytes32], ['endsAt', u53]), POOL_SEATS_MAX)],
        ),
        ELECTION_SHARDS_MAX,
      ),
    ],
  ),
)

/** Before the first epoch. */
export function noPools(epoch: number): Pools {
  return { epoch: epoch - 1, pools: [] }
}

/**
 * The pools of the epoch after `previous`.
 *
 * @throws {ArmError} `ARM_ELECTION` if the stake list is out of order or cannot fill the seats, `ARM_ARGUMENT` for rules that
 *   contradict themselves.
 */
export function dealPools(previous: Pools, election: PoolElection, rules: DealingRules): Pools {
  const { shards, stakes, removed, seed } = election
  checkRules(shards, rules)
  const epoch = previous.epoch + 1
  const gone = new Set(removed.map(toHex))
  const kept = shards.map((shard) => {
    const pool = previous.pools.find((each) => sameShard(each.shard, shard))
    return (pool?.seats ?? [])
      .filter(({ owner, endsAt }) => endsAt > epoch && !gone.has(toHex(owner)))
      .slice(0, rules.poolSeats)
  })
  const mandates = cutMandates(stakes, { target: rules.mandates, ownerMax: rules.ownerMax })
  const waiting = unseated(mandates, kept)
  const free = kept.map((seats) => rules.poolSeats - seats.length)
  const dealt = sample(waiting, sum(free), new SeedStream(seed))
  return {
    epoch,
    pools: shards.map((shard, i) => {
      const hand = dealt.slice(sum(free.slice(0, i)), sum(free.slice(0, i + 1)))
      const taken = hand.map((owner, k) => ({ owner, endsAt: endOf(k, epoch, rules) }))
      return { shard, seats: [...(kept[i] as Seat[]), ...taken] }
    }),
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

/** One entry for each mandate without a seat: never fewer than free seats, as there are as many mandates as seats. */
function unseated(mandates: readonly Mandates[], kept: readonly (readonly Seat[])[]): Uint8Array[] {
  const seated = new Map<string, number>()
  for (const { owner } of kept.flat()) {
    const key = toHex(owner)
    seated.set(key, (seated.get(key) ?? 0) + 1)
  }
  return mandates.flatMap(({ owner, count }) =>
    new Array<Uint8Array>(Math.max(0, count - (seated.get(toHex(owner)) ?? 0))).fill(owner),
  )
}

/** A quarter, as is dealt each epoch, lasts its full time; what is dealt beyond it ends earlier, a quarter each epoch. */
function endOf(index: number, epoch: number, { poolSeats }: DealingRules): number {
  return epoch + POOL_EPOCHS - (Math.floor(index / (poolSeats / POOL_EPOCHS)) % POOL_EPOCHS)
}

function checkRules(shards: readonly ShardKey[], { poolSeats, mandates }: DealingRules): void {
  const bad = (why: string, data: Readonly<Record<string, unknown>>) => new ArmError('ARM_ARGUMENT', why, data)
  if (shards.length === 0 || shards.length > ELECTION_SHARDS_MAX)
    throw bad(`an election fills 1 to ${ELECTION_SHARDS_MAX} shards`, { shards: shards.length })
  for (let i = 1; i < shards.length; i++)
    if (compareShards(shards[i - 1] as ShardKey, shards[i] as ShardKey) >= 0)
      throw bad('shards are in ascending order, none twice', { index: i })
  if (!Number.isInteger(poolSeats) || poolSeats < POOL_EPOCHS || poolSeats > POOL_SEATS_MAX || poolSeats % POOL_EPOCHS)
    throw bad(`pool seats are a multiple of ${POOL_EPOCHS} up to ${POOL_SEATS_MAX}`, { poolSeats })
  if (!Number.isInteger(mandates) || mandates < poolSeats * shards.length)
    throw bad('there are fewer mandates than seats', { mandates, seats: poolSeats * shards.length })
}
