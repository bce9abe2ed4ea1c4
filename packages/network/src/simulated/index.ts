export { type NodeOptions, SimulatedWorld, type WorldCounts, type WorldOptions } from './simulated-world.ts'
export { LOCAL_LINKS, type LinkModel } from './link-model.ts'
export * as simulatedLimits from './limits.ts'
