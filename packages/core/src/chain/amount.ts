import { ArmError } from '../errors.ts'

/** Amounts are bigints in motes: 1 AC = 10^9 motes. All amounts of a chain fit an unsigned 64-bit integer. */
export const MOTES_PER_AC: bigint = 1_000_000_000n
export const MOTES_MAX: bigint = 2n ** 64n - 1n

/** Reads a decimal amount of AC, such as `12.5`, into motes. Throws `ARM_AMOUNT_RANGE`. */
export function parseAc(amount: string): bigint {
  const parts = /^([0-9]{1,11})(?:\.([0-9]{1,9}))?$/.exec(amount)
  if (!parts)
    throw new ArmError('ARM_AMOUNT_RANGE', 'not a decimal amount of AC with at most 9 places', { amount, hint: HINT })
  const motes = BigInt(parts[1] as string) * MOTES_PER_AC + BigInt((parts[2] ?? '').padEnd(9, '0'))
  if (motes > MOTES_MAX)
    throw new ArmError('ARM_AMOUNT_RANGE', 'amount does not fit 64 bits of motes', { amount, hint: HINT })
  return motes
}

const HINT = 'write amounts like 12.5; at most 18446744073.709551615'

/** Writes motes as AC without trailing zeros. */
export function formatAc(motes: bigint): string {
  const whole = motes / MOTES_PER_AC
  const part = (motes % MOTES_PER_AC).toString().padStart(9, '0').replace(/0+$/, '')
  return part === '' ? whole.toString() : `${whole}.${part}`
}
