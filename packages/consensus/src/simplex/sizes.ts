import type { EngineSize } from '../engine.ts'
import { PEERS_MAX, RECENT_BLOCKS_MAX, REQUESTS_MAX, TALLY_VIEWS_MAX, UNFINALISED_BLOCKS_MAX } from '../limits.ts'
import type { State } from './state.ts'

/**
 * What grows with what others send, beside its limit. Rounds are not among it: those beyond the views whose votes are
 * counted hold certificates, and each of these took a quorum.
 */
export function sizesOf(state: State): readonly EngineSize[] {
  const { rounds, committee, requests, recent, answered, pending, view } = state
  let votes = 0
  let proposals = 0
  for (const round of rounds.values()) {
    if (round.view < view - TALLY_VIEWS_MAX) continue
    for (const kind of [1, 2, 3] as const)
      for (const vote of round.votes[kind].bySigner) if (vote !== undefined) votes++
    if (round.proposal !== undefined) proposals++
  }
  const views = TALLY_VIEWS_MAX + 2
  return [
    { name: 'votes', size: votes, limit: 3 * views * committee.seats.length },
    { name: 'proposals', size: proposals, limit: views },
    { name: 'requests', size: requests.length, limit: REQUESTS_MAX },
    { name: 'recentBlocks', size: recent.length, limit: RECENT_BLOCKS_MAX },
    { name: 'peers', size: answered.size, limit: PEERS_MAX },
    // A proposal for each block that may be on its way, and in each view that is counted.
    { name: 'pendingBlocks', size: pending.size, limit: 2 * UNFINALISED_BLOCKS_MAX + views },
  ]
}
