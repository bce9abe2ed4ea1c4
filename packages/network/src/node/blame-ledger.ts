import type { PeerId } from '../network.ts'
import { BLAME_HALF_LIFE_MS, BLAMED_PEERS_MAX } from './limits.ts'

const SCORE_OF_A_POINT = -10
/** Less than this is forgotten. */
const POINTS_MIN = 0.01

/**
 * What peers have done that no correct peer does, in points that fade by half every `BLAME_HALF_LIFE_MS`. Their score is
 * the square: what happens once is forgiven, what goes on is not. It outlasts connections. Gossip counts faults of its
 * own as well, some of which are those of a machine that is busy (`behaviourPenaltyThreshold`), so that these are apart.
 */
export class BlameLedger {
  readonly #peers: Map<PeerId, { points: number; atMs: number }> = new Map()

  blame(peer: PeerId, points: number, nowMs: number): void {
    const sum = this.#pointsOf(peer, nowMs) + points
    this.#peers.delete(peer)
    this.#peers.set(peer, { points: sum, atMs: nowMs })
    if (this.#peers.size <= BLAMED_PEERS_MAX) return
    const [oldest] = this.#peers.keys()
    if (oldest !== undefined) this.#peers.delete(oldest)
  }

  /** 0 or below. */
  scoreOf(peer: PeerId, nowMs: number): number {
    const points = this.#pointsOf(peer, nowMs)
    if (points < POINTS_MIN) this.#peers.delete(peer)
    return points < POINTS_MIN ? 0 : SCORE_OF_A_POINT * points * points
  }

  #pointsOf(peer: PeerId, nowMs: number): number {
    const known = this.#peers.get(peer)
    return known === undefined ? 0 : known.points * 0.5 ** ((nowMs - known.atMs) / BLAME_HALF_LIFE_MS)
  }
}
