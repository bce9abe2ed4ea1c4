/** Outbound peers that are drawn the same way: so many, each honest with a chance that does not depend on the others. */
export type Draws = { readonly count: number; readonly honest: number }

/**
 * Chance that at least `least` outbound peers are honest: the tail of a sum of binomials, by convolution. That is exact
 * for draws from a book much larger than what is drawn; a book's groups and buckets favour whoever is the more dispersed.
 */
export function honestPeersChance(draws: readonly Draws[], least: number): number {
  let below = [1]
  for (const { count, honest } of draws)
    for (let draw = 0; draw < count; draw++) {
      const next = new Array<number>(Math.min(below.length + 1, least)).fill(0)
      below.forEach((chance, peers) => {
        next[peers] = (next[peers] as number) + chance * (1 - honest)
        if (peers + 1 < next.length) next[peers + 1] = (next[peers + 1] as number) + chance * honest
      })
      below = next
    }
  if (least <= 0) return 1
  return Math.max(0, 1 - below.reduce((sum, chance) => sum + chance, 0))
}
