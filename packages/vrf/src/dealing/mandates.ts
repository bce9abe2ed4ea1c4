import { ArmError, bytes32, type Codec, compareBytes, compile, list, type Schema, struct, u64 } from '@armchain/core'
import { MANDATES_MAX, STAKES_MAX } from '../limits.ts'

/** What one owner has at stake when the list is frozen: its own motes and those delegated to it. */
export type Stake = {
  /** Account id, 32 bytes. */
  readonly owner: Uint8Array
  /** 1 to 2^64 - 1. */
  readonly stakeMotes: bigint
}

/** An owner's mandates: each is one seat somewhere, worth the same. */
export type Mandates = { readonly owner: Uint8Array; readonly count: number }

export const STAKE_LIST_SCHEMA: Schema = list(struct(['owner', bytes32], ['stakeMotes', u64]), STAKES_MAX)
export const stakeListCodec: Codec<readonly Stake[]> = compile(STAKE_LIST_SCHEMA)

/**
 * Cuts stake into equal mandates.
 *
 * Rules: an owner has one mandate for each full price that its stake holds, and at most `ownerMax`. The price is the highest
 * whole number of motes at which there are `target` mandates or more; where equal stakes step together that is a few
 * more, and chance decides in the dealing which of them go without a seat. Splitting stake among owners never gives more
 * mandates, other than beyond `ownerMax`: a limit by identity, which costs no more than an identity to get around.
 *
 * @param stakes in ascending order of owners, no owner twice: a frozen list has one order, so that all deal alike.
 * @returns in the same order, owners without a mandate left out.
 * @throws {ArmError} `ARM_ELECTION` if even at a price of one mote there are fewer than `target`.
 */
export function cutMandates(
  stakes: readonly Stake[],
  { target, ownerMax }: { readonly target: number; readonly ownerMax: number },
): Mandates[] {
  checkStakes(stakes)
  for (const [name, value] of Object.entries({ target, ownerMax }))
    if (!Number.isInteger(value) || value < 1 || value > MANDATES_MAX)
      throw new ArmError('ARM_ARGUMENT', `${name} is outside [1, ${MANDATES_MAX}]`, { [name]: value })
  const price = mandatePrice(stakes, target, ownerMax)
  return stakes
    .map(({ owner, stakeMotes }) => ({ owner, count: mandatesAt(price, stakeMotes, ownerMax) }))
    .filter(({ count }) => count > 0)
}

/** The highest price that leaves `target` mandates, by bisection: the number of mandates falls with the price. */
export function mandatePrice(stakes: readonly Stake[], target: number, ownerMax: number): bigint {
  const enough = (price: bigint): boolean =>
    stakes.reduce((sum, { stakeMotes }) => sum + mandatesAt(price, stakeMotes, ownerMax), 0) >= target
  if (!enough(1n))
    throw new ArmError('ARM_ELECTION', 'the stake list is too short for so many mandates', {
      owners: stakes.length,
      target,
      ownerMax,
      hint: 'Have more owners stake, allow each more mandates, or fill fewer seats.',
    })
  let good = 1n
  let bad = 2n ** 64n
  while (bad - good > 1n) {
    const middle = (good + bad) / 2n
    if (enough(middle)) good = middle
    else bad = middle
  }
  return good
}

function mandatesAt(price: bigint, stakeMotes: bigint, ownerMax: number): number {
  const count = stakeMotes / price
  return count > BigInt(ownerMax) ? ownerMax : Number(count)
}

function checkStakes(stakes: readonly Stake[]): void {
  if (stakes.length > STAKES_MAX)
    throw new ArmError('ARM_ELECTION', `a stake list has at most ${STAKES_MAX} owners`, { owners: stakes.length })
  stakes.forEach(({ owner, stakeMotes }, i) => {
    if (owner.length !== 32 || stakeMotes < 1n || stakeMotes >= 2n ** 64n)
      throw new ArmError('ARM_ELECTION', 'a stake has an owner of 32 bytes and a positive 64-bit amount', { index: i })
    if (i > 0 && compareBytes((stakes[i - 1] as Stake).owner, owner) >= 0)
      throw new ArmError('ARM_ELECTION', 'a stake list is in ascending order, no owner twice', { index: i })
  })
}
