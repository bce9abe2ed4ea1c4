export { type CampaignReport, failsLike, runCampaign } from './campaign.ts'
export { generateScenario, type GenerateOptions } from './generate.ts'
export { ATTACKS } from './scenario.ts'
export type {
  AttackName,
  ByzantineFault,
  DamageFault,
  Fault,
  HostFault,
  NetworkFault,
  Op,
  Scenario,
} from './scenario.ts'
export { ATTACK_CASES, attackScenario } from './attacks.ts'
export { readPlan, writePlan } from './plan.ts'
export { runEngine, runWhole, type SimEngine, traceEngine, traceWhole, type TracedRun } from './run.ts'
export { ENGINES } from './engines.ts'
export { shrinkScenario } from './shrink.ts'
export { timeline } from './timeline.ts'
export { Tracer } from './trace.ts'
export { type RunResult, World, type WorldOptions } from './world.ts'
export type { Oracle, Violation, WorldView } from './oracle.ts'
export type { Fact, NodeEffect, NodeInput, SimNode } from './node-port.ts'
export type { LensFactory, MessageLens, Statement } from './lens.ts'
