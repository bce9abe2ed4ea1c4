import type { PeerId } from '../network.ts'
import type { GossipInternals } from './gossip-internals.ts'
import { WATCHDOG_FIRST_LOOKS, WATCHDOG_LOOKS } from './limits.ts'

/**
 * Finds peers that are connected but not in gossip. One frame that is too large, or one buffer that runs over, ends
 * gossip between two peers while their connection stays open, and nothing in gossipsub begins it again; a new
 * connection does.
 */
export class GossipWatchdog {
  readonly #gossip: GossipInternals
  /** By peer that is connected: at how many looks in a row it was not in gossip, and whether it ever was. */
  readonly #peers: Map<PeerId, { absent: number; wasThere: boolean }> = new Map()

  constructor(gossip: GossipInternals) {
    this.#gossip = gossip
  }

  /**
   * Of those that are connected, who has fallen out of gossip for `WATCHDOG_LOOKS` looks, or has not come into it for
   * `WATCHDOG_FIRST_LOOKS`: on a machine that is busy, the streams of a new connection take a while.
   */
  look(connected: ReadonlySet<PeerId>): PeerId[] {
    const { peers, streamsInbound, streamsOutbound } = this.#gossip
    for (const peer of this.#peers.keys()) if (!connected.has(peer)) this.#peers.delete(peer)
    return [...connected].filter((peer) => {
      const known = this.#peers.get(peer) ?? { absent: 0, wasThere: false }
      this.#peers.set(peer, known)
      const isThere = peers.has(peer) && streamsInbound.has(peer) && streamsOutbound.has(peer)
      known.absent = isThere ? 0 : known.absent + 1
      known.wasThere = known.wasThere || isThere
      if (known.absent < (known.wasThere ? WATCHDOG_LOOKS : WATCHDOG_FIRST_LOOKS)) return false
      this.#peers.delete(peer)
      return true
    })
  }
}
