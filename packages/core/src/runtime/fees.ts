import { MOTES_MAX } from '../chain/amount.ts'
import type { BlockPolicy, FeePolicy } from '../chain/scheme.ts'

/**
 * The base fee after a block that used `gasUsed`: up with more than the target, down with less, by one mote at least
 * and by 1/denominator at most; within the floor and what an amount can hold.
 */
export function nextBaseFee(baseFee: bigint, gasUsed: number, policy: FeePolicy): bigint {
  const target = BigInt(policy.targetGas)
  const used = BigInt(gasUsed)
  const distance = used > target ? used - target : target - used
  // At most twice the target counts, so that one block moves the fee by at most 1/denominator either way.
  const bounded = distance > target ? target : distance
  if (distance === 0n) return baseFee
  const part = (baseFee * bounded) / target / BigInt(policy.changeDenominator)
  const step = part === 0n ? 1n : part
  const next = used > target ? baseFee + step : baseFee - step
  if (next < policy.minBaseFee) return policy.minBaseFee
  return next > MOTES_MAX ? MOTES_MAX : next
}

/** The elastic size limit after a block of `sizeBytes`. */
export function nextSizeLimit(limit: number, sizeBytes: number, policy: BlockPolicy): number {
  if (sizeBytes * 4 > limit * 3) return Math.min(policy.maxBytes, limit + (limit >> 3))
  if (sizeBytes * 4 < limit) return Math.max(policy.minBytes, limit - (limit >> 3))
  return limit
}

export type FeeSplit = { readonly burnt: bigint; readonly kept: bigint }

/** What is burnt and what the shard's fee account keeps of `gasUsed` paid at `price`, of which `baseFee` is the base. */
export function splitFee(gasUsed: number, price: bigint, baseFee: bigint, burnPercent: number): FeeSplit {
  const gas = BigInt(gasUsed)
  const burnt = (gas * (baseFee < price ? baseFee : price) * BigInt(burnPercent)) / 100n
  return { burnt, kept: gas * price - burnt }
}
