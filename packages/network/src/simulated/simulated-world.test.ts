import { setImmediate } from 'node:timers/promises'
import { describe, test } from 'vitest'
import { type NetworkSubject, networkAcceptance } from '../testing/index.ts'
import { SimulatedWorld } from './simulated-world.ts'

/** Longer than any case waits for, in virtual time. */
const PATIENCE_MS = 120_000

/** The suite awaits what takes virtual time, so here time passes by itself, beside it. */
async function runWith(seed: number, run: (subject: NetworkSubject) => Promise<void>): Promise<void> {
  const world = new SimulatedWorld({ seed })
  let isOver = false
  async function flow(): Promise<void> {
    while (!isOver) {
      await world.pass(2)
      await setImmediate()
    }
  }
  const subject: NetworkSubject = {
    open: async (count, { inFlightMax }) => Array.from({ length: count }, () => world.open({ inFlightMax })),
    async until(condition, what) {
      const untilMs = world.nowMs + PATIENCE_MS
      while (!(await condition())) {
        if (world.nowMs > untilMs) throw new Error(`waited in vain for ${what}`)
        await setImmediate()
      }
    },
    async pass(ms) {
      const untilMs = world.nowMs + ms
      while (world.nowMs < untilMs) await setImmediate()
    },
  }
  const flowing = flow()
  try {
    await run(subject)
  } finally {
    isOver = true
    await flowing
  }
}

describe('the simulated network passes the suite of the port', () => {
  for (const [seed, { name, run }] of networkAcceptance.entries()) test(name, () => runWith(seed, run), 10_000)
})
