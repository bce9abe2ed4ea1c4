import { createSoloEngine } from '@armchain/consensus'
import type { SimEngine } from './run.ts'

/** Engines that the command line knows by name. Anything else that implements the port runs through `runEngine`. */
export const ENGINES: Readonly<Record<string, SimEngine>> = {
  solo: { factory: createSoloEngine, model: 'alone' },
}
