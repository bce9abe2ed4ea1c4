/**
 * How many bad seats make a committee fail, as a share of its seats:
 * - `third`: they can stop it, and if they sign two ways, fork it. What a committee that stands alone must not hold.
 * - `half`: they are the majority.
 * - `two-thirds`: they can certify whatever they like, without any honest seat. What a shard's committee must not hold whose
 *   blocks count only once the main shard has anchored them.
 */
export type Threshold = 'third' | 'half' | 'two-thirds'

const SHARES: Readonly<Record<Threshold, readonly [numerator: number, denominator: number]>> = {
  third: [1, 3],
  half: [1, 2],
  'two-thirds': [2, 3],
}

export const THRESHOLDS: readonly Threshold[] = ['third', 'half', 'two-thirds']

/** The fewest bad seats with which a committee of `committee` seats fails: ceil(n/3), ceil(n/2) or ceil(2n/3). */
export function failingSeats(threshold: Threshold, committee: number): number {
  const [numerator, denominator] = SHARES[threshold]
  return Math.ceil((committee * numerator) / denominator)
}
