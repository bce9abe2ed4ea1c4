import { UNREACHABLE_RISK_MAX } from './limits.ts'

/**
 * How sure the overlay's promises are, computed. All are upper bounds on what goes wrong, for failures that do not
 * depend on who is linked to whom: chance, or an adversary that chose before the seed was known.
 */

/** Chance that all super nodes of a node fail at once, when each does with `failure`, independently. */
export function isolationRisk({ superNodes, failure }: { superNodes: number; failure: number }): number {
  return failure ** superNodes
}

/** Chance that at least one of `nodes` is so cut off: `1 - (1 - p^m)^n`, without loss of digits where it is small. */
export function unreachableRisk(given: { nodes: number; superNodes: number; failure: number }): number {
  return -Math.expm1(given.nodes * Math.log1p(-isolationRisk(given)))
}

/** What an operator should read: undefined while the risk is at most `UNREACHABLE_RISK_MAX`. */
export function reachabilityWarning(given: { nodes: number; superNodes: number; failure: number }): string | undefined {
  const risk = unreachableRisk(given)
  if (risk <= UNREACHABLE_RISK_MAX) return undefined
  let enough = given.superNodes
  while (enough < ENOUGH_MAX && unreachableRisk({ ...given, superNodes: enough }) > UNREACHABLE_RISK_MAX) enough++
  const advice = enough < ENOUGH_MAX ? `keep ${enough} a node` : 'no number of them is enough'
  return (
    `with ${given.superNodes} super nodes a node, of which each fails with ${given.failure}, ` +
    `the chance that one of ${given.nodes} nodes is cut off is ${risk.toPrecision(2)}: ${advice}`
  )
}

/** Beyond this many super nodes a node there is no advice left to give. */
const ENOUGH_MAX = 64

/** `P[X >= least]` of a binomial: that many of `trials` happen, each with `chance`, independently. */
export function binomialTail(trials: number, least: number, chance: number): number {
  if (least <= 0) return 1
  if (least > trials || chance <= 0) return 0
  if (chance >= 1) return 1
  let sum = 0
  for (let k = trials; k >= least; k--)
    sum += Math.exp(logChoose(trials, k) + k * Math.log(chance) + (trials - k) * Math.log1p(-chance))
  return Math.min(1, sum)
}

/**
 * Chance that failing super nodes cut the backbone: fewer than `connectivity` cannot (Menger), so at most that of as
 * many failing. Far above the truth for many super nodes, where what matters is that the failed ones stand together.
 */
export function backboneCutRisk(given: { superNodes: number; connectivity: number; failure: number }): number {
  return binomialTail(given.superNodes, given.connectivity, given.failure)
}

export type MeshParts = {
  readonly members: number
  /** Peers that each member has chosen at random itself; those that chose it come on top. */
  readonly chosen: number
  /** Members that have failed since, before anyone chose anew. */
  readonly failed: number
}

/**
 * Chance that a mesh is not connected in which each member chose `chosen` others uniformly, and then `failed` of them
 * are gone: the union bound over all sets of s survivors that may be cut off. Such a set chose only within itself and
 * among the failed, and the other survivors never chose from it:
 *
 *     sum over s = 1 .. floor(n / 2) of C(n, s) (C(s - 1 + f, d) / C(N - 1, d))^s (C(N - 1 - s, d) / C(N - 1, d))^(n - s)
 *
 * with N members, d chosen, f failed and n = N - f survivors. Without failures this is the model of T. Fenner and
 * A. Frieze ("On the connectivity of random m-orientable graphs and digraphs", 1982), connected with high probability
 * for d of at least 2.
 */
export function meshSplitRisk({ members, chosen, failed }: MeshParts): number {
  const survivors = members - failed
  if (survivors <= 1) return 0
  const degree = Math.min(chosen, members - 1)
  const all = logChoose(members - 1, degree)
  let sum = 0
  for (let s = 1; s <= Math.floor(survivors / 2); s++) {
    const within = logChoose(s - 1 + failed, degree) - all
    const without = logChoose(members - 1 - s, degree) - all
    const term = logChoose(survivors, s) + s * within + (survivors - s) * without
    if (term > Number.NEGATIVE_INFINITY) sum += Math.exp(term)
  }
  return Math.min(1, sum)
}

/** The fewest peers that each member must choose for the mesh to stay whole but for the chance `risk`. */
export function chosenForRisk(parts: Omit<MeshParts, 'chosen'>, risk: number): number {
  for (let chosen = 1; chosen < parts.members - 1; chosen++)
    if (meshSplitRisk({ ...parts, chosen }) <= risk) return chosen
  return Math.max(0, parts.members - 1)
}

/** `ln C(n, k)`; minus infinity where there is no such choice. */
function logChoose(n: number, k: number): number {
  if (k < 0 || k > n) return Number.NEGATIVE_INFINITY
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/** `ln n!` at index n, as far as it was needed. */
const logFactorials: number[] = [0]

function logFactorial(n: number): number {
  for (let next = logFactorials.length; next <= n; next++)
    logFactorials.push((logFactorials[next - 1] as number) + Math.log(next))
  return logFactorials[n] as number
}
