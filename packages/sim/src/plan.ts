import { DEFAULT_PEER_LIMITS, type PeerLimits } from '@armchain/consensus'
import { ArmError } from '@armchain/core'
import { FORGERIES, type Forgery } from './block-forgeries.ts'
import { ATTACKS, type Fault, type Scenario, SHELL_TRICKS, TRICKS, type Trick } from './scenario.ts'

/** A scenario as the text of a plan file. */
export function writePlan(scenario: Scenario): string {
  return `${JSON.stringify(scenario, null, 2)}\n`
}

/**
 * Reads a plan file. Throws `ARM_ARGUMENT`, naming the field, for what is no scenario: a plan is often written by hand,
 * and a fault that is ignored would show a false success.
 */
export function readPlan(text: string): Scenario {
  let plan: Scenario
  try {
    plan = JSON.parse(text) as Scenario
  } catch (cause) {
    throw new ArmError(
      'ARM_ARGUMENT',
      'the plan is not JSON',
      { hint: 'see "A scenario" in docs/simulation.md' },
      { cause },
    )
  }
  const bad = (what: string): never => {
    throw new ArmError('ARM_ARGUMENT', `the plan is no scenario: ${what}`, {
      hint: 'start from the plan file of a failure, or see "A scenario" in docs/simulation.md',
    })
  }
  if (typeof plan !== 'object' || plan === null) bad('it is no object')
  for (const name of NUMBERS)
    if (!Number.isSafeInteger(plan[name]) || plan[name] < 0) bad(`${name} is not a whole number from 0`)
  if (plan.nodes < 1) bad('nodes is less than 1')
  if (typeof plan.engine !== 'string' || typeof plan.whole !== 'boolean') bad('engine or whole is missing')
  if (plan.crypto !== 'fake' && plan.crypto !== 'real') bad('crypto is neither fake nor real')
  for (const [name, range] of [
    ['link', plan.link],
    ['sync', plan.sync],
  ] as const)
    if (!(range?.minMs >= 0 && range.minMs <= range.maxMs)) bad(`${name} is not a range {minMs, maxMs}`)
  if (plan.weights !== undefined && plan.weights.length !== plan.nodes) bad('weights are not one for each node')
  if (plan.peerLimits !== undefined)
    for (const name of Object.keys(DEFAULT_PEER_LIMITS) as (keyof PeerLimits)[])
      if (!(plan.peerLimits[name] > 0)) bad(`peerLimits.${name} is not a number above 0`)
  if (plan.gstMs > plan.endMs) bad('gstMs is after endMs')
  if (!Array.isArray(plan.faults) || !Array.isArray(plan.ops)) bad('faults or ops is not a list')
  for (const [i, fault] of plan.faults.entries()) {
    const problem = faultProblem(fault, plan)
    if (problem !== undefined) bad(`faults[${i}]: ${problem}`)
  }
  return plan
}

const NUMBERS = ['seed', 'nodes', 'deltaMs', 'gstMs', 'endMs', 'epochBlocks', 'blockMs', 'appMs'] as const

const FIELDS: Readonly<Record<Fault['type'], readonly string[]>> = {
  loss: ['fromMs', 'untilMs', 'ratio'],
  duplicate: ['fromMs', 'untilMs', 'ratio'],
  reorder: ['fromMs', 'untilMs', 'ratio', 'maxMs'],
  partition: ['fromMs', 'untilMs', 'side', 'cut'],
  eclipse: ['fromMs', 'untilMs', 'node', 'by'],
  clog: ['fromMs', 'untilMs', 'from', 'to'],
  crash: ['node', 'atMs', 'downMs', 'keep'],
  blackout: ['atMs', 'downMs', 'keep'],
  pause: ['node', 'atMs', 'forMs'],
  skew: ['node', 'offsetMs', 'driftPpm'],
  'slow-disk': ['node', 'atMs', 'forMs', 'syncMs'],
  'disk-full': ['node', 'atMs', 'forMs'],
  'lost-sync': ['node', 'atMs'],
  rot: ['node', 'atMs', 'part', 'pick'],
  misdirect: ['node', 'atMs', 'pick'],
  twins: ['node'],
  mutator: ['node', 'tricks'],
  attack: ['node', 'attack', 'fromMs'],
  silent: ['node'],
}

/** Fields that may be left out. */
const OPTIONAL: Readonly<Partial<Record<Fault['type'], readonly string[]>>> = { mutator: ['forgeries'] }

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  keep: ['none', 'prefix', 'subset', 'all'],
  cut: ['both', 'into', 'out-of'],
  part: ['log', 'log-and-guard', 'blocks'],
  attack: ATTACKS,
}

function faultProblem(fault: Fault, { nodes }: Scenario): string | undefined {
  const fields = FIELDS[fault?.type]
  if (fields === undefined) return `unknown type ${JSON.stringify(fault?.type)}`
  const record = fault as unknown as Readonly<Record<string, unknown>>
  for (const field of Object.keys(record))
    if (field !== 'type' && !fields.includes(field) && !OPTIONAL[fault.type]?.includes(field))
      return `${fault.type} has no ${field}`
  for (const field of fields) {
    const value = record[field]
    const choices = CHOICES[field]
    if (choices !== undefined) {
      if (!choices.includes(value as string)) return `${field} is none of ${choices.join(', ')}`
    } else if (field === 'side' || field === 'tricks') {
      if (!Array.isArray(value)) return `${field} is not a list`
    } else if (typeof value !== 'number' || !Number.isFinite(value)) return `${field} is not a number`
    if (['node', 'from', 'to', 'by'].includes(field) && (value as number) >= nodes) return `there is no node ${value}`
  }
  return fault.type === 'mutator' ? mutatorProblem(fault) : undefined
}

function mutatorProblem({ tricks, forgeries = [] }: Fault & { readonly type: 'mutator' }): string | undefined {
  for (const trick of tricks) if (!KNOWN_TRICKS.includes(trick)) return `unknown trick ${JSON.stringify(trick)}`
  if (!Array.isArray(forgeries)) return 'forgeries is not a list'
  for (const forgery of forgeries as readonly Forgery[])
    if (!FORGERIES.includes(forgery)) return `unknown forgery ${JSON.stringify(forgery)}`
  return undefined
}

const KNOWN_TRICKS: readonly Trick[] = [...TRICKS, ...SHELL_TRICKS]
