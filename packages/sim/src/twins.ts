import type { Host } from './host.ts'
import { fraction, keyed } from './random.ts'

/** How long twins keep their view of the network, in bounds of message delay. */
const PERIOD_DELTAS = 4
/** Share of links of a twin that are open in a period that is not split. */
const OPEN_RATIO = 0.6
/** Share of periods in which each twin serves one side of the network, the classic attack. */
const SPLIT_RATIO = 0.4

/**
 * Whether a message passes between two hosts, one of which has a twin. Each twin runs honest code with the same key, so
 * whatever the two do together no single check can refuse; what makes them dangerous is that they see different parts
 * of the network. A function of seed, period and the two hosts.
 */
export function twinsHear(
  seed: number,
  nowMs: number,
  deltaMs: number,
  from: Host,
  to: Host,
  twinned: Twinned,
): boolean {
  const fromTwinned = twinned(from.seat)
  if (!fromTwinned && !twinned(to.seat)) return true
  if (from.seat === to.seat) return false
  const period = Math.floor(nowMs / (PERIOD_DELTAS * deltaMs))
  if (fraction(keyed(seed, period, 0x5b117, 1)) < SPLIT_RATIO)
    return sideOf(seed, period, from, twinned) === sideOf(seed, period, to, twinned)
  return fraction(keyed(seed, period, from.index + 1, to.index + 1)) < OPEN_RATIO
}

export type Twinned = (seat: number) => boolean

function sideOf(seed: number, period: number, host: Host, twinned: Twinned): number {
  return twinned(host.seat) ? host.twin : keyed(seed, period, host.seat, 0x51de) & 1
}
