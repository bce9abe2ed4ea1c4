import { createPoaEngine, createSimplexEngine, createSoloEngine } from '@armchain/consensus'
import type { SimEngine } from './run.ts'
import { simplexLens } from './simplex-lens.ts'

/** Engines that the command line knows by name. Anything else that implements the port runs through `runEngine`. */
export const ENGINES: Readonly<Record<string, SimEngine>> = {
  simplex: { factory: createSimplexEngine, model: 'byzantine', lens: simplexLens },
  poa: { factory: createPoaEngine, model: 'crash', lens: simplexLens },
  solo: { factory: createSoloEngine, model: 'alone' },
}
