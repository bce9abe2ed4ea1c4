import { cpuUsage } from 'node:process'
import type { EngineFactory } from '@armchain/consensus'
import { ENGINES } from '../../engines.ts'
import { generateScenario } from '../../generate.ts'
import { runEngine, type SimEngine } from '../../run.ts'
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
  const honest = ENGINES[bug.engine] as SimEngine
  const { patches = [], wrap = (factory) => factory, bend = (scenario) => scenario } = bug
  const patched = await importPatched<Engines>('packages/consensus/src/index.ts', bug.name, patches)
  const factory = wrap(bug.engine === 'poa' ? patched.createPoaEngine : patched.createSimplexEngine)
  const startMs = cpuMs()
  for (let seed = firstSeed; seed < firstSeed + bug.seedsMax; seed++) {
    const { engine, nodes } = bug
    const scenario = bend(generateScenario({ seed, engine, nodes, model: honest.model, whole: false }))
    const { violation } = runEngine(scenario, { ...honest, factory })
    if (violation === undefined) continue
    const { oracle, message, atMs } = violation
    const cpuSeconds = (cpuMs() - startMs) / 1_000
    const control = runEngine(scenario, honest).violation?.message
    return { name: bug.name, what: bug.what, seed, oracle, message, atMs, cpuSeconds, control }
  }
  const lost = { seed: undefined, oracle: undefined, message: undefined, atMs: undefined, control: undefined }
  return { name: bug.name, what: bug.what, ...lost, cpuSeconds: (cpuMs() - startMs) / 1_000 }
}

function cpuMs(): number {
  const { user, system } = cpuUsage()
  return (user + system) / 1_000
}
