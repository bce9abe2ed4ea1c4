import type { EngineFactory } from '@armchain/consensus'
import { createClusterKeys } from './cluster-keys.ts'
import { EngineNode } from './engine-node.ts'
import { blindLens, type LensFactory } from './lens.ts'
import type { Oracle } from './oracle.ts'
import { agreement } from './oracles/agreement.ts'
import { bounds } from './oracles/bounds.ts'
import { durability } from './oracles/durability.ts'
import { liveness } from './oracles/liveness.ts'
import { votes } from './oracles/votes.ts'
import type { FaultModel, Scenario } from './scenario.ts'
import type { Tracer } from './trace.ts'
import { type RunResult, World } from './world.ts'

/** An engine as the simulator takes it. */
export type SimEngine = {
  readonly factory: EngineFactory
  /** What it promises to survive. */
  readonly model: FaultModel
  /** Reads its messages; without one only its blocks are judged. */
  readonly lens?: LensFactory
}

/** Runs an engine-only cluster through a scenario. */
export function runEngine(scenario: Scenario, engine: SimEngine, tracer?: Tracer): RunResult {
  const { factory, model, lens = blindLens } = engine
  const keys = createClusterKeys(scenario, model)
  const oracles: Oracle[] = [
    agreement(scenario),
    votes(scenario, model, lens(keys)),
    durability(scenario, model, () => world.hosts),
    bounds(),
    liveness(),
  ]
  const world = new World({
    scenario,
    oracles,
    boot: ({ seat, index, life }) => new EngineNode({ scenario, keys, factory, seat, host: index, life }),
    ...(tracer && { tracer }),
  })
  return world.run()
}
