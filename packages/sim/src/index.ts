export { type RunResult, World, type WorldOptions } from './world.ts'
export { runEngine, type SimEngine } from './run.ts'
export { generateScenario, type GenerateOptions } from './generate.ts'
