import { ArmError } from '@armchain/core'
import { SEATS_MAX } from './limits.ts'
import type { CertificateScheme } from './schemes/scheme.ts'

/**
 * Who decides in one epoch of one shard.
 *
 * Rules: weights are whole numbers whose sum is at most 2^53 - 1; a validator has one seat, whatever its weight. Under
 * `byzantine` faults less than a third of the weight may do anything at all, and a quorum is more than two thirds, so
 * that two of them share a correct validator. Under `crash` faults less than half may stop, and nobody lies: a quorum
 * is more than half, so that two of them share a validator.
 */
export type Committee = {
  readonly scheme: CertificateScheme
  readonly faults: FaultModel
  /** In the order of their indexes in messages and certificates. */
  readonly seats: readonly Seat[]
  readonly totalWeight: number
  /** Weight that decides. */
  readonly quorumWeight: number
}

export type Seat = {
  /** Public key of the committee's certificate scheme. */
  readonly key: Uint8Array
  readonly weight: number
}

export type FaultModel = 'byzantine' | 'crash'

/** Throws `ARM_ARGUMENT` for seats that are too many, of a weight that is no positive whole number, or too heavy. */
export function createCommittee(
  seats: readonly Seat[],
  { scheme, faults }: { readonly scheme: CertificateScheme; readonly faults: FaultModel },
): Committee {
  if (seats.length > SEATS_MAX)
    throw new ArmError('ARM_ARGUMENT', 'a committee has too many seats', { seats: seats.length, max: SEATS_MAX })
  let totalWeight = 0
  for (const { weight } of seats) {
    if (!Number.isSafeInteger(weight) || weight <= 0 || !Number.isSafeInteger(totalWeight + weight))
      throw new ArmError('ARM_ARGUMENT', 'the weight of a seat is no positive whole number, or the sum is too large', {
        weight,
      })
    totalWeight += weight
  }
  return { scheme, faults, seats, totalWeight, quorumWeight: quorumOf(totalWeight, faults) }
}

/** A committee in which every key has the same weight. */
export function equalWeights(
  keys: readonly Uint8Array[],
  options: { readonly scheme: CertificateScheme; readonly faults: FaultModel },
): Committee {
  return createCommittee(
    keys.map((key) => ({ key, weight: 1 })),
    options,
  )
}

/** Least weight that decides: more than two thirds of the whole, or more than half where validators only crash. */
export function quorumOf(totalWeight: number, faults: FaultModel): number {
  if (faults === 'crash') return Math.floor(totalWeight / 2) + 1
  // As floor(2 w / 3), without leaving the safe integers.
  return totalWeight - Math.ceil(totalWeight / 3) + 1
}

/** Weight of the given seats, each counted once. */
export function weightOf({ seats }: Committee, indexes: Iterable<number>): number {
  let weight = 0
  for (const index of new Set(indexes)) weight += seats[index]?.weight ?? 0
  return weight
}
