// Takes away what protocol code must not use, then loads every protocol package and has it decide something.
import process from 'node:process'

const said: string[] = []
const forbidden = (what: string) => () => {
  // Said as well as thrown: whoever uses it might catch.
  said.push(what)
  throw new Error(`the ${what}`)
}
const global = globalThis as Record<string, unknown>
const { stdout, argv } = process

for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'requestAnimationFrame'])
  global[name] = forbidden('timers were used')
for (const name of ['fetch', 'WebSocket', 'XMLHttpRequest', 'EventSource']) global[name] = forbidden('network was used')
class NoDate extends Date {
  constructor(...parts: []) {
    super(...parts)
    if (parts.length === 0) forbidden('clock was read')()
  }
  static override now(): number {
    return forbidden('clock was read')()
  }
}
global.Date = NoDate
Object.defineProperty(globalThis, 'performance', { value: { now: forbidden('clock was read') } })
Math.random = forbidden('chance was asked')
// While it loads, the curve library tries whether there is a generator, and does without: nothing comes of that.
crypto.getRandomValues = () => {
  throw new Error('there is no generator')
}
crypto.randomUUID = forbidden('chance was asked') as typeof crypto.randomUUID

await import('@armchain/core')
const { createPoaEngine, createSimplexEngine, createSoloEngine } = await import('../index.ts')
const { TestWorld } = await import('../testing/index.ts')
// By its path: the package stands above this one, and is looked at only to see that it loads.
await import(new URL('../../../shard/src/index.ts', import.meta.url).href)
crypto.getRandomValues = forbidden('chance was asked') as typeof crypto.getRandomValues
if (argv.includes('use-clock')) Date.now()

const conditions = { seed: 1, chaosMs: 2_000, calmMs: 3_000, loss: 0.1, duplicates: 0.02, upsetMs: 400 }
const run = (factory: typeof createSimplexEngine, nodes: number, faults: 'byzantine' | 'crash') =>
  new TestWorld(
    { ...conditions, faults, weights: Array.from({ length: nodes }, () => 1), upsets: ['crash'], progressBlocks: 5 },
    factory,
  ).run().height
const heights = {
  simplex: run(createSimplexEngine, 4, 'byzantine'),
  poa: run(createPoaEngine, 3, 'crash'),
  solo: run(createSoloEngine, 1, 'byzantine'),
}
if (said.length > 0) throw new Error(`protocol code went wrong: ${said.join(', ')}`)
stdout.write(JSON.stringify(heights))
