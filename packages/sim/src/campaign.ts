import { generateScenario } from './generate.ts'
import type { Violation } from './oracle.ts'
import { mix } from './random.ts'
import type { SimEngine } from './run.ts'
import type { Scenario } from './scenario.ts'
import type { StillFails } from './shrink.ts'
import type { RunResult } from './world.ts'

/** Runs a scenario, of engine or whole nodes. */
export type Runner = (scenario: Scenario) => RunResult

export type CampaignOptions = {
  readonly engine: string
  readonly nodes: number
  readonly firstSeed: number
  readonly seeds: number
  readonly whole: boolean
  readonly extraTwins?: number
  /** Stops at so many violations. */
  readonly violationsMax?: number
  readonly run: Runner
  readonly model: SimEngine['model']
  /** CPU time used so far, in milliseconds: the figures are per CPU time, as machines are shared. */
  readonly cpuMs: () => number
  readonly onSeed?: (done: CampaignReport) => void
}

export type CampaignReport = {
  readonly seeds: number
  readonly violations: readonly Violation[]
  readonly simulatedMs: number
  readonly cpuMs: number
  readonly events: number
  readonly simHoursPerCpuHour: number
  /** Digest of all runs, in order of seeds. */
  readonly auditHash: string
}

/** One seed in so many is run twice, and must give the same audit hash. */
const REPEAT_EVERY = 25

/** Runs the scenarios of consecutive seeds. */
export function runCampaign(options: CampaignOptions): CampaignReport {
  const { engine, nodes, model, whole, extraTwins = 0, run, cpuMs, violationsMax = 10 } = options
  const startMs = cpuMs()
  const violations: Violation[] = []
  let [audit, simulatedMs, events, seeds] = [0, 0, 0, 0]
  const report = (): CampaignReport => {
    const usedMs = Math.max(1, cpuMs() - startMs)
    const auditHash = (audit >>> 0).toString(16).padStart(8, '0')
    return {
      seeds,
      violations,
      simulatedMs,
      cpuMs: usedMs,
      events,
      simHoursPerCpuHour: Math.round(simulatedMs / usedMs),
      auditHash,
    }
  }
  for (let seed = options.firstSeed; seed < options.firstSeed + options.seeds; seed++) {
    const scenario = generateScenario({ seed, engine, nodes, model, whole, extraTwins })
    const results = [run(scenario), ...(seed % REPEAT_EVERY === 0 ? [run(scenario)] : [])]
    for (const each of results) {
      simulatedMs += each.simulatedMs
      events += each.events
    }
    const [result, again] = results as [RunResult, RunResult?]
    audit = mix(audit ^ result.auditHash)
    seeds++
    if (again !== undefined && again.auditHash !== result.auditHash)
      violations.push({ oracle: 'determinism', message: 'two runs of one scenario differ', atMs: 0, seed })
    if (result.violation !== undefined) violations.push(result.violation)
    options.onSeed?.(report())
    if (violations.length >= violationsMax) break
  }
  return report()
}

/** The same oracle objects: what shrinking keeps. */
export function failsLike(violation: Violation, run: Runner): StillFails {
  return (scenario) => run(scenario).violation?.oracle === violation.oracle
}
