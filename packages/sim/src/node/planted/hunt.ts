import { cpuUsage } from 'node:process'
import type { EngineFactory } from '@armchain/consensus'
import type { Runner } from '../../campaign.ts'
import type { ShardParts } from '../../chain-node.ts'
import { ENGINES } from '../../engines.ts'
import { generateScenario } from '../../generate.ts'
import { runEngine, runWhole, type SimEngine } from '../../run.ts'
import type { PlantedBug } from './engine-bugs.ts'
import { importPatched } from './plant.ts'

/** How a bug was found; `seed` undefined if it was not. */
export type Hunt = {
  readonly name: string
  readonly what: string
  readonly seed: number | undefined
  readonly oracle: string | undefined
  readonly message: string | undefined
  readonly atMs: number | undefined
  readonly cpuSeconds: number
  /** What the oracles say of the sound engine in the same scenario: undefined, or the finding means nothing. */
  readonly control: string | undefined
}

type Engines = { readonly createSimplexEngine: EngineFactory; readonly createPoaEngine: EngineFactory }

/** Runs seeds from 1 until the simulator finds the bug. */
export async function hunt(bug: PlantedBug, firstSeed: number = 1): Promise<Hunt> {
  const { model } = ENGINES[bug.engine] as SimEngine
  const { bend = (scenario) => scenario } = bug
  const { sound, broken } = await runnersOf(bug)
  const startMs = cpuMs()
  for (let seed = firstSeed; seed < firstSeed + bug.seedsMax; seed++) {
    const { engine, nodes } = bug
    const scenario = bend(generateScenario({ seed, engine, nodes, model, whole: isWhole(bug) }))
    const { violation } = broken(scenario)
    if (violation === undefined) continue
    const { oracle, message, atMs } = violation
    const cpuSeconds = (cpuMs() - startMs) / 1_000
    const control = sound(scenario).violation?.message
    return { name: bug.name, what: bug.what, seed, oracle, message, atMs, cpuSeconds, control }
  }
  const lost = { seed: undefined, oracle: undefined, message: undefined, atMs: undefined, control: undefined }
  return { name: bug.name, what: bug.what, ...lost, cpuSeconds: (cpuMs() - startMs) / 1_000 }
}

/** The simulator with what the bug is in, as it is and as it is patched. */
async function runnersOf(bug: PlantedBug): Promise<{ readonly sound: Runner; readonly broken: Runner }> {
  const { patches = [], wrap = (factory) => factory } = bug
  const honest = ENGINES[bug.engine] as SimEngine
  if (isWhole(bug)) {
    const parts = await importPatched<ShardParts>('packages/shard/src/index.ts', bug.name, patches)
    return { sound: (scenario) => runWhole(scenario, honest), broken: (scenario) => runWhole(scenario, honest, parts) }
  }
  const patched = await importPatched<Engines>('packages/consensus/src/index.ts', bug.name, patches)
  const factory = wrap(bug.engine === 'poa' ? patched.createPoaEngine : patched.createSimplexEngine)
  const broken: Runner = (scenario) => runEngine(scenario, { ...honest, factory })
  return { sound: (scenario) => runEngine(scenario, honest), broken }
}

function isWhole({ engine, whole }: PlantedBug): boolean {
  return engine === 'solo' || whole === true
}

function cpuMs(): number {
  const { user, system } = cpuUsage()
  return (user + system) / 1_000
}
