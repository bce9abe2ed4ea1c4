import type { Draw } from './exact.ts'

/**
 * Logarithms of tails, in floating point, for reports and for all decisions that are not close. Error: the table below
 * is summed with compensation, so that each entry is off by about a unit in its last place, which is 2^-32 at 1.5
 * million bits (`POPULATION_MAX` factorial); sums of positive terms add no more than a part in 10^10. `TAIL_ERROR_BITS`
 * bounds the whole with room.
 */
export const TAIL_ERROR_BITS = 1e-6

/** The base-2 logarithm of the probability that a draw holds at least `seats` bad ones; -Infinity where it cannot. */
export function tailLog2(draw: Draw, seats: number): number {
  const { population, faulty, committee } = draw
  const honest = population - faulty
  const from = Math.max(seats, committee - honest, 0)
  const to = Math.min(faulty, committee)
  if (from > to) return Number.NEGATIVE_INFINITY
  const mode = Math.floor(((committee + 1) * (faulty + 1)) / (population + 2))
  const largest = Math.min(Math.max(mode, from), to)
  const sum = sumAround(
    { from, to, largest },
    (x) => ((faulty - x) * (committee - x)) / ((x + 1) * (honest - committee + x + 1)),
  )
  const term = choose(faulty, largest) + choose(honest, committee - largest) - choose(population, committee)
  return Math.min(0, term + Math.log2(sum))
}

/** The same for seats that are each bad with probability `share`, between 0 and 1, independently: the limit of large populations. */
export function independentTailLog2(committee: number, share: number, seats: number): number {
  if (seats > committee) return Number.NEGATIVE_INFINITY
  const from = Math.max(seats, 0)
  const largest = Math.max(Math.min(Math.floor((committee + 1) * share), committee), from)
  const odds = share / (1 - share)
  const sum = sumAround({ from, to: committee, largest }, (x) => ((committee - x) / (x + 1)) * odds)
  const term = choose(committee, largest) + largest * Math.log2(share) + (committee - largest) * Math.log2(1 - share)
  return Math.min(0, term + Math.log2(sum))
}

/** Terms below this part of the largest no longer count: there are fewer than 2^20, and they fall geometrically. */
const NEGLIGIBLE = 2 ** -80

/** The sum of unimodal terms, in units of the largest; `ratio(x)` is term x + 1 over term x. */
function sumAround(
  { from, to, largest }: { readonly from: number; readonly to: number; readonly largest: number },
  ratio: (x: number) => number,
): number {
  let sum = 1
  for (let x = largest, term = 1; x < to && term > NEGLIGIBLE; x++) sum += term *= ratio(x)
  for (let x = largest - 1, term = 1; x >= from && term > NEGLIGIBLE; x--) sum += term /= ratio(x)
  return sum
}

function choose(n: number, k: number): number {
  return factorial(n) - factorial(k) - factorial(n - k)
}

/** log2(n!), as far as it was asked for. */
const factorials: number[] = [0]
let lost = 0

function factorial(n: number): number {
  for (let i = factorials.length; i <= n; i++) {
    // Kahan's summation: `lost` is what the last addition rounded away.
    const before = factorials[i - 1] as number
    const next = Math.log2(i) - lost
    const sum = before + next
    lost = sum - before - next
    factorials.push(sum)
  }
  return factorials[n] as number
}
