import type { PeerId } from '../network.ts'
import type { GossipInternals } from './gossip-internals.ts'

/**
 * Finds peers that are connected but not in gossip. One frame that is too large, or one buffer that runs over, ends
 * gossip between two peers while their connection stays open, and nothing in gossipsub begins it again; a new
 * connection does.
 */
export class GossipWatchdog {
  readonly #gossip: GossipInternals
  #suspects: ReadonlySet<PeerId> = new Set()

  constructor(gossip: GossipInternals) {
    this.#gossip = gossip
  }

  /** Of these, who has been without gossip at two looks in a row: a connection that has just begun has no streams yet. */
  look(connected: readonly PeerId[]): PeerId[] {
    const { peers, streamsInbound, streamsOutbound } = this.#gossip
    const without = connected.filter(
      (peer) => !peers.has(peer) || !streamsInbound.has(peer) || !streamsOutbound.has(peer),
    )
    const lost = without.filter((peer) => this.#suspects.has(peer))
    this.#suspects = new Set(without.filter((peer) => !lost.includes(peer)))
    return lost
  }
}
