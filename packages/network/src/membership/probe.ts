import type { PeerId } from '../network.ts'

/**
 * A message that every member of a mesh is asked to acknowledge: how far what is published there really gets. Pure: the
 * caller publishes, and hands in the acknowledgements that come over a channel.
 */
export class Probe {
  readonly #expected: ReadonlySet<PeerId>
  readonly #acknowledged: Map<PeerId, number> = new Map()
  readonly #startMs: number

  /** @param expected The members by their records, without the one that asks. */
  constructor(expected: Iterable<PeerId>, startMs: number) {
    this.#expected = new Set(expected)
    this.#startMs = startMs
  }

  /** From who is not expected, or a second time, it changes nothing. */
  acknowledge(peer: PeerId, nowMs: number): void {
    if (this.#expected.has(peer) && !this.#acknowledged.has(peer)) this.#acknowledged.set(peer, nowMs - this.#startMs)
  }

  report(): ProbeReport {
    const times = [...this.#acknowledged.values()].sort((a, b) => a - b)
    return {
      coverage: this.#expected.size === 0 ? 1 : times.length / this.#expected.size,
      missing: [...this.#expected].filter((peer) => !this.#acknowledged.has(peer)),
      medianMs: quantile(times, 0.5),
      lastMs: times.at(-1),
    }
  }
}

export type ProbeReport = {
  /** Share of the members that acknowledged: 1 if all is well. */
  readonly coverage: number
  readonly missing: readonly PeerId[]
  /** Time until half of those that acknowledged had; undefined for none. */
  readonly medianMs: number | undefined
  readonly lastMs: number | undefined
}

function quantile(ascending: readonly number[], share: number): number | undefined {
  return ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))]
}
