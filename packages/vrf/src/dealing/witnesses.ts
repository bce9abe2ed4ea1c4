import {
  ArmError,
  bytes32,
  type Codec,
  compareBytes,
  compile,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  struct,
  toHex,
  u53,
} from '@armchain/core'
import type { ChainDomain } from '../ecvrf/alpha.ts'
import type { Pool, Seat } from './pools.ts'
import { deriveSeed, SeedStream, sample } from './seed-stream.ts'

/** Which committee of a shard. */
export type Term = {
  readonly shard: ShardKey
  readonly epoch: number
  /** Counts from 0 within the epoch. */
  readonly term: number
  /** How often the main shard has had this term's committee drawn anew, because it was silent. */
  readonly redraw: number
  /** 32 bytes that nobody knew when the pool was dealt: the hash of the beacon's output in the main block that opens the term. */
  readonly entropy: Uint8Array
}

/** A signer of a committee: one for all the seats of an owner. */
export type Witness = { readonly owner: Uint8Array; readonly weight: number }

const termCodec: Codec<Term> = compile(
  struct(['shard', SHARD_KEY_SCHEMA], ['epoch', u53], ['term', u53], ['redraw', u53], ['entropy', bytes32]),
)

export function termSeed(domain: ChainDomain, term: Term): Uint8Array {
  return deriveSeed(domain, 'term', termCodec.encode(term))
}

/**
 * The committee of a term: `seats` of the pool's seats, without replacement, each set of seats with the same chance. In
 * ascending order of owners, with as much weight as seats.
 *
 * @throws {ArmError} `ARM_ELECTION` if the pool has fewer seats.
 */
export function drawWitnesses(pool: Pool, seats: number, seed: Uint8Array): Witness[] {
  if (!Number.isInteger(seats) || seats < 1 || seats > pool.seats.length)
    throw new ArmError('ARM_ELECTION', 'a committee is no larger than the pool that it is drawn from', {
      seats,
      pool: pool.seats.length,
    })
  return asWitnesses(sample(pool.seats, seats, new SeedStream(seed)))
}

/** The whole pool as a committee, for chains that draw none out of it. */
export function asWitnesses(seats: readonly Seat[]): Witness[] {
  const byOwner = new Map<string, { readonly owner: Uint8Array; weight: number }>()
  for (const { owner } of seats) {
    const known = byOwner.get(toHex(owner))
    if (known === undefined) byOwner.set(toHex(owner), { owner, weight: 1 })
    else known.weight++
  }
  return [...byOwner.values()].sort((a, b) => compareBytes(a.owner, b.owner))
}
