import { setTimeout as pause } from 'node:timers/promises'
import type { NetworkSubject } from '../testing/index.ts'

const UNTIL_MS = 20_000
const POLL_MS = 20

/** Time of networks that run on the clock. */
export const realTime: Pick<NetworkSubject, 'until' | 'pass'> = {
  async until(condition, what) {
    const endMs = performance.now() + UNTIL_MS
    while (!(await condition())) {
      if (performance.now() > endMs) throw new Error(`waited ${UNTIL_MS} ms for ${what}`)
      await pause(POLL_MS)
    }
  },
  async pass(ms) {
    await pause(ms)
  },
}
