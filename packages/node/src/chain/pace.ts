import { performance } from 'node:perf_hooks'
import type { Pace } from '@armchain/consensus'
import { BLOCK_COST_MS, BLOCKS_COST_PART, BUSY_BLOCKS_APART_MS_MAX, BUSY_PART } from '../limits.ts'

/** Blocks on demand: soon after work arrives, so that what arrives together shares a block. */
const ON_DEMAND_MS = 80
/** Time over which a busy process looks at itself: several rounds of blocks. */
const BUSY_WINDOW_MS = 500
/** And now and then without work, so that time and expiries move on. */
const IDLE_MS = 5_000

/** The pace of blocks `blockTime` milliseconds apart, on demand for 0, or only when told. */
export function paceOf(blockTime: number | 'manual'): Pace {
  if (blockTime === 'manual') return { blockTimeMs: 0, idleMs: 0, mode: 'manual' }
  if (blockTime === 0) return { blockTimeMs: ON_DEMAND_MS, idleMs: IDLE_MS, mode: 'timed' }
  return { blockTimeMs: blockTime, idleMs: blockTime, mode: 'timed' }
}

export function sealingOf({ mode, idleMs, blockTimeMs }: Pace): 'manual' | 'on-demand' | 'interval' {
  if (mode === 'manual') return 'manual'
  return idleMs > blockTimeMs ? 'on-demand' : 'interval'
}

export function isOnDemand(pace: Pace): boolean {
  return sealingOf(pace) === 'on-demand'
}

/**
 * Puts blocks on demand further apart while a process that decides alone on many vShards is busy, as each block costs
 * something by itself, and then that is time taken from transactions.
 *
 * Rules, each time `BUSY_WINDOW_MS` are over: if the thread was busy for more than `BUSY_PART` of them, blocks are so far
 * apart from now on that at `BLOCK_COST_MS` each they take `BLOCKS_COST_PART` of the time, within the ordinary distance
 * and `BUSY_BLOCKS_APART_MS_MAX`; if not, the ordinary distance holds. So light load finds blocks as soon as ever, and
 * so does a process with few vShards: one vShard and the main shard stay below the part at any load.
 */
export class BusyPace {
  readonly #busyPart: () => number
  #sinceMs: number
  #blocks = 0
  #apartMs = ON_DEMAND_MS

  /** `busyPart` tells for what part of the time since its last call the thread was busy. */
  constructor(nowMs: number, busyPart: () => number = threadBusyPart()) {
    this.#sinceMs = nowMs
    this.#busyPart = busyPart
  }

  /** Shortest time between two blocks of a shard, of which `paceMs` is the ordinary one. */
  apartMs(paceMs: number): number {
    return Math.max(paceMs, this.#apartMs)
  }

  /** A block has been made, of any shard. */
  made(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs
    // A clock that was set back: from there on again.
    if (elapsedMs < 0) this.#sinceMs = nowMs
    if (elapsedMs >= BUSY_WINDOW_MS) {
      const part = (this.#blocks * BLOCK_COST_MS) / elapsedMs
      const apartMs = this.#busyPart() > BUSY_PART ? (this.#apartMs * part) / BLOCKS_COST_PART : 0
      this.#apartMs = Math.min(Math.max(ON_DEMAND_MS, apartMs), BUSY_BLOCKS_APART_MS_MAX)
      this.#sinceMs = nowMs
      this.#blocks = 0
    }
    this.#blocks++
  }
}

function threadBusyPart(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}
