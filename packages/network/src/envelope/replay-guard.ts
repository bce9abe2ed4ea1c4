import { toHex } from '@armchain/core'
import { REPLAY_SENDERS_MAX, REPLAY_WINDOW, SEALED_AGE_MS_MAX, SEALED_SKEW_MS_MAX } from './limits.ts'

/**
 * Takes each sequence number of a sender once, in bounded memory. A sequence number is the sender's time in
 * microseconds, or one more than its last; a sender whose clock was put back is not heard until it has caught up.
 *
 * Rules:
 * 1. What is older than `SEALED_AGE_MS_MAX`, or ahead by more than `SEALED_SKEW_MS_MAX`, is refused.
 * 2. Of each sender the last `REPLAY_WINDOW` numbers are known, the first of them being the floor of rule 3 when it was
 *    first heard. One that is known is refused, and so is one below all of them: it may be a replay.
 * 3. When there are `REPLAY_SENDERS_MAX` senders, the one that was silent for longest is forgotten, and its highest
 *    number becomes the floor: of senders that are not known, nothing at or below the floor is taken. So what is
 *    forgotten cannot be replayed, and many senders can only make old messages of unknown ones be refused.
 * 4. The floor begins at the moment of the start: nothing from before a restart is taken again.
 */
export class ReplayGuard {
  /** Numbers of each sender, ascending; what is below the first is too old to tell. */
  readonly #senders: Map<string, number[]> = new Map()
  #floor: number

  constructor(startMs: number) {
    this.#floor = startMs * SEQUENCES_PER_MS
  }

  get senders(): number {
    return this.#senders.size
  }

  /** Whether a message would be taken now. To be asked before the work of opening it. */
  judge(sender: Uint8Array, sequence: number, nowMs: number): Freshness {
    const sentMs = sequence / SEQUENCES_PER_MS
    if (sentMs > nowMs + SEALED_SKEW_MS_MAX) return 'early'
    if (sentMs < nowMs - SEALED_AGE_MS_MAX) return 'old'
    const known = this.#senders.get(toHex(sender))
    if (known === undefined) return sequence > this.#floor ? 'fresh' : 'old'
    if (known.includes(sequence)) return 'replayed'
    return sequence < (known[0] as number) ? 'old' : 'fresh'
  }

  /** Judges, and remembers if fresh. Only for what has been authenticated: else anyone could use up a sender's numbers. */
  take(sender: Uint8Array, sequence: number, nowMs: number): Freshness {
    const freshness = this.judge(sender, sequence, nowMs)
    if (freshness !== 'fresh') return freshness
    const name = toHex(sender)
    let known = this.#senders.get(name)
    if (known === undefined) {
      if (this.#senders.size >= REPLAY_SENDERS_MAX) this.#forgetOne()
      known = [this.#floor]
      this.#senders.set(name, known)
    }
    let at = known.length
    while (at > 0 && (known[at - 1] as number) > sequence) at--
    known.splice(at, 0, sequence)
    if (known.length > REPLAY_WINDOW) known.shift()
    return 'fresh'
  }

  #forgetOne(): void {
    let longest: string | undefined
    let lowest = Number.POSITIVE_INFINITY
    for (const [name, known] of this.#senders) {
      const highest = known[known.length - 1] as number
      if (highest >= lowest) continue
      lowest = highest
      longest = name
    }
    if (longest !== undefined) this.#senders.delete(longest)
    this.#floor = Math.max(this.#floor, lowest)
  }
}

export type Freshness = 'fresh' | 'replayed' | 'old' | 'early'

/** Numbers of one millisecond: a sender that makes more runs ahead of the clock. */
export const SEQUENCES_PER_MS = 1000
