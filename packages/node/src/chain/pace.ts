import type { Pace } from '@armchain/consensus'

/** Blocks on demand: soon after work arrives, so that what arrives together shares a block. */
const ON_DEMAND_MS = 80
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
