import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuUsage } from 'node:process'
import { parseArgs } from 'node:util'
import { ArmError } from '@armchain/core'
import { attackScenario, isAttack } from '../attacks.ts'
import { type CampaignReport, failsLike, type Runner, runCampaign } from '../campaign.ts'
import { ENGINES } from '../engines.ts'
import { generateScenario } from '../generate.ts'
import type { Violation } from '../oracle.ts'
import { readPlan, writePlan } from '../plan.ts'
import { runEngine, runWhole, type SimEngine, traceEngine, traceWhole } from '../run.ts'
import { ATTACKS, type Scenario } from '../scenario.ts'
import { shrinkScenario } from '../shrink.ts'
import { timeline } from '../timeline.ts'

const USAGE = `npm run sim -- [options]
  --engine NAME   ${Object.keys(ENGINES).join(', ')} (default simplex)
  --nodes N       validators (default 4)
  --seed FIRST    the first seed (default 1); alone, only this one
  --seeds COUNT   how many (default 100, or 1 with --seed)
  --whole         whole nodes: shards, pools and messages between shards
  --twins N       so many seats have twins, however many the protocol tolerates
  --plan FILE     run the scenario of a file instead
  --attack NAME   run a named attack instead: ${ATTACKS.join(', ')}
  --json FILE     write the report there
  --out DIR       where plan and trace of a failure go (default sim-failures)
  --max N         stop at so many violations (default 1)
  --no-shrink     leave a failing scenario as it is`

const OPTIONS = {
  engine: { type: 'string', default: 'simplex' },
  nodes: { type: 'string', default: '4' },
  seed: { type: 'string' },
  seeds: { type: 'string' },
  whole: { type: 'boolean', default: false },
  twins: { type: 'string', default: '0' },
  plan: { type: 'string' },
  attack: { type: 'string' },
  json: { type: 'string' },
  out: { type: 'string', default: 'sim-failures' },
  max: { type: 'string', default: '1' },
  'no-shrink': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

/** Exit status: 0 if nothing was violated, 1 otherwise. Throws `ARM_CLI_USAGE` and `ARM_FILE`. */
export function runCommandLine(argv: readonly string[]): number {
  const values = parse(argv)
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const plan = planOf(values)
  const engine = engineOf(plan?.engine ?? values.engine)
  const isWhole = plan?.whole ?? values.whole
  const nodes = plan?.nodes ?? whole(values.nodes, '--nodes')
  if (nodes < 1) throw usage('--nodes is at least 1')
  if (engine.model === 'alone' && nodes !== 1)
    throw usage(`${plan?.engine ?? values.engine} decides alone: pass --nodes 1`)
  const run: Runner = (scenario) => (isWhole ? runWhole(scenario, engine) : runEngine(scenario, engine))
  const options = { ...values, shrink: !values['no-shrink'], engine, run }
  const report = plan === undefined ? campaign(values, engine, run) : single(plan, run)
  if (values.json !== undefined) writeText(values.json, `${JSON.stringify(report, null, 2)}\n`)
  const { seeds, violations, simHoursPerCpuHour, auditHash } = report
  console.error(
    `${seeds} seeds, ${violations.length} violations, ${simHoursPerCpuHour} simulated hours per CPU hour, audit hash ${auditHash}`,
  )
  for (const violation of violations) explain(violation, plan ?? scenarioOf(values, engine, violation.seed), options)
  return violations.length === 0 ? 0 : 1
}

type Values = ReturnType<typeof parse>

/** The one scenario that is asked for; undefined for a campaign. */
function planOf({ plan, attack, seed = '1' }: Values): Scenario | undefined {
  if (attack === undefined) return plan === undefined ? undefined : readPlan(readText(plan))
  if (plan !== undefined) throw usage('pass --plan or --attack, not both')
  if (!isAttack(attack)) throw usage(`there is no attack "${attack}"; there are ${ATTACKS.join(', ')}`)
  return attackScenario(attack, whole(seed, '--seed'))
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true }).values
  } catch (cause) {
    throw usage((cause as Error).message)
  }
}

function campaign(values: Values, engine: SimEngine, run: Runner): CampaignReport {
  let shownMs = 0
  const count = whole(values.seeds ?? (values.seed === undefined ? '100' : '1'), '--seeds')
  return runCampaign({
    engine: values.engine,
    nodes: whole(values.nodes, '--nodes'),
    firstSeed: whole(values.seed ?? '1', '--seed'),
    seeds: count,
    whole: values.whole,
    extraTwins: whole(values.twins, '--twins'),
    violationsMax: whole(values.max, '--max'),
    model: engine.model,
    run,
    cpuMs,
    onSeed(report) {
      if (report.cpuMs - shownMs < 5_000) return
      shownMs = report.cpuMs
      console.error(
        `${report.seeds} of ${count} seeds, ${report.violations.length} violations, ${report.simHoursPerCpuHour} simulated hours per CPU hour`,
      )
    },
  })
}

function single(plan: Scenario, run: Runner): CampaignReport {
  const startMs = cpuMs()
  const { violation, simulatedMs, events, auditHash } = run(plan)
  const usedMs = Math.max(1, cpuMs() - startMs)
  return {
    seeds: 1,
    violations: violation === undefined ? [] : [violation],
    simulatedMs,
    cpuMs: usedMs,
    events,
    simHoursPerCpuHour: Math.round(simulatedMs / usedMs),
    auditHash: auditHash.toString(16).padStart(8, '0'),
  }
}

function scenarioOf(values: Values, { model }: SimEngine, seed: number): Scenario {
  const nodes = whole(values.nodes, '--nodes')
  const extraTwins = whole(values.twins, '--twins')
  return generateScenario({ seed, engine: values.engine, nodes, model, whole: values.whole, extraTwins })
}

/** Prints what went wrong and how to see it again; leaves a plan, made small, and a trace of it. */
function explain(
  violation: Violation,
  scenario: Scenario,
  options: { readonly shrink: boolean; readonly out: string; readonly engine: SimEngine; readonly run: Runner },
): void {
  const { out, engine, run } = options
  const isWorldsFault = violation.oracle === 'determinism'
  const shrunk =
    options.shrink && !isWorldsFault ? shrinkScenario(scenario, failsLike(violation, run)) : { scenario, runs: 0 }
  const { tracer, ...traced } = scenario.whole
    ? traceWhole(shrunk.scenario, engine)
    : traceEngine(shrunk.scenario, engine)
  const again = traced.violation ?? violation
  const name = `${scenario.engine}-${scenario.nodes}-${scenario.seed}`
  const planFile = join(out, `${name}.json`)
  const traceFile = join(out, `${name}.jsonl`)
  makeFolder(out)
  writeText(planFile, writePlan(shrunk.scenario))
  writeText(traceFile, tracer.jsonl())
  console.error(timeline(tracer.lines, shrunk.scenario, { rowMs: 50, rows: 40 }))
  console.error(`
violation of "${again.oracle}" at ${again.atMs} ms, seed ${again.seed}: ${again.message}
  faults: ${scenario.faults.length}, after ${shrunk.runs} runs of shrinking ${shrunk.scenario.faults.length}
  replay the seed:  npm run sim -- --engine ${scenario.engine} --nodes ${scenario.nodes} --seed ${scenario.seed}${scenario.whole ? ' --whole' : ''}
  replay it small:  npm run sim -- --plan ${planFile}
  every event:      ${traceFile}`)
}

function engineOf(name: string): SimEngine {
  const engine = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined
  if (engine === undefined) throw usage(`there is no engine "${name}"; there are ${Object.keys(ENGINES).join(', ')}`)
  return engine
}

function whole(value: string, name: string): number {
  if (/^[0-9]{1,9}$/.test(value)) return Number(value)
  throw usage(`${name} is not a whole number: ${value}`)
}

function usage(message: string): ArmError {
  return new ArmError('ARM_CLI_USAGE', message, { hint: USAGE })
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const hint = 'give the path of a plan that a failing run has written, or of your own'
    throw new ArmError('ARM_FILE', `${file} cannot be read: ${(cause as Error).message}`, { file, hint }, { cause })
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    const hint = 'choose another with --out'
    throw new ArmError('ARM_FILE', `${folder} cannot be made: ${(cause as Error).message}`, { folder, hint }, { cause })
  }
}

function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (cause) {
    const hint = 'choose a file in a folder that you may write to'
    throw new ArmError('ARM_FILE', `${file} cannot be written: ${(cause as Error).message}`, { file, hint }, { cause })
  }
}

function cpuMs(): number {
  const { user, system } = cpuUsage()
  return (user + system) / 1_000
}
