/**
 * How far counts are from the weights that they should follow, by Pearson's test: the statistic's distance from its
 * mean, in standard deviations. With a fixed seed the answer stands for good; for a right law it is above 5 for about
 * one seed in a million, and a law that is off by a part in a hundred is far above at a million draws.
 */
export function lawDeviation(counts: readonly number[], weights: readonly number[]): number {
  const draws = counts.reduce((sum, count) => sum + count, 0)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  // Cells with few expected draws do not follow the distribution of the test: they are put together.
  const cells: { count: number; expected: number }[] = []
  const rest = { count: 0, expected: 0 }
  counts.forEach((count, i) => {
    const expected = (draws * (weights[i] as number)) / total
    if (expected >= 10) cells.push({ count, expected })
    else {
      rest.count += count
      rest.expected += expected
    }
  })
  if (rest.expected >= 1) cells.push(rest)
  else if (rest.count >= 10) return Number.POSITIVE_INFINITY
  const statistic = cells.reduce((sum, { count, expected }) => sum + (count - expected) ** 2 / expected, 0)
  const freedom = cells.length - 1
  return Math.abs(statistic - freedom) / Math.sqrt(2 * freedom)
}
