import fc from 'fast-check'
import { SHRINK_RUNS_MAX } from './limits.ts'
import type { Fault, Op, Scenario } from './scenario.ts'

/** Whether a scenario still shows the failure that is looked for. */
export type StillFails = (scenario: Scenario) => boolean

export type Shrunk = { readonly scenario: Scenario; readonly runs: number }

/**
 * A smaller scenario that fails in the same way: fewer faults and operations. fast-check does the searching, from the
 * failing plan as its only example. Delays are keyed by link and message, so what stays happens as before.
 */
export function shrinkScenario(scenario: Scenario, stillFails: StillFails, runsMax: number = SHRINK_RUNS_MAX): Shrunk {
  let best = scenario
  let runs = 0
  const plan = fc.tuple(fc.subarray([...scenario.faults]), fc.subarray([...scenario.ops]))
  const passes = ([faults, ops]: [Fault[], Op[]]): boolean => {
    if (runs >= runsMax) return true
    runs++
    const smaller = { ...scenario, faults, ops }
    if (!stillFails(smaller)) return true
    if (sizeOf(smaller) < sizeOf(best)) best = smaller
    return false
  }
  fc.check(fc.property(plan, passes), {
    numRuns: 1,
    seed: scenario.seed,
    examples: [[[[...scenario.faults], [...scenario.ops]]]],
    endOnFailure: false,
  })
  return { scenario: withoutEach(best, stillFails, runsMax, () => runs++), runs }
}

/** Takes faults out one by one until none can be missed: what a subset search may leave when runs are few. */
function withoutEach(scenario: Scenario, stillFails: StillFails, runsMax: number, count: () => number): Scenario {
  let best = scenario
  for (let i = best.faults.length - 1; i >= 0; i--) {
    const faults = best.faults.filter((_, at) => at !== i)
    const smaller = { ...best, faults }
    if (count() >= runsMax) return best
    if (stillFails(smaller)) best = smaller
  }
  return best
}

function sizeOf({ faults, ops }: Scenario): number {
  return faults.length + ops.length
}
