/** A draw without replacement: `committee` seats out of `population`, `faulty` of which are bad. */
export type Draw = { readonly population: number; readonly faulty: number; readonly committee: number }

export type Fraction = { readonly numerator: bigint; readonly denominator: bigint }

/**
 * The probability that a draw holds at least `seats` bad ones, as a fraction:
 * sum over x >= seats of C(faulty, x) C(population - faulty, committee - x) / C(population, committee).
 */
export function exactTail({ population, faulty, committee }: Draw, seats: number): Fraction {
  const honest = population - faulty
  const from = Math.max(seats, committee - honest, 0)
  const to = Math.min(faulty, committee)
  const denominator = binomial(population, committee)
  if (from > to) return { numerator: 0n, denominator }
  let bad = binomial(faulty, from)
  let good = binomial(honest, committee - from)
  let numerator = bad * good
  for (let x = from; x < to; x++) {
    bad = (bad * BigInt(faulty - x)) / BigInt(x + 1)
    good = (good * BigInt(committee - x)) / BigInt(honest - committee + x + 1)
    numerator += bad * good
  }
  return { numerator, denominator }
}

/** Whether the fraction is below 2^-bits. */
export function isBelow({ numerator, denominator }: Fraction, bits: number): boolean {
  return numerator << BigInt(bits) < denominator
}

function binomial(n: number, k: number): bigint {
  let value = 1n
  for (let i = 0; i < Math.min(k, n - k); i++) value = (value * BigInt(n - i)) / BigInt(i + 1)
  return value
}
