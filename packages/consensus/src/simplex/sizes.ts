import type { EngineSize } from '../engine.ts'
import { PEERS_MAX, RECENT_BLOCKS_MAX, REQUESTS_MAX, TALLY_VIEWS_MAX, UNFINALISED_BLOCKS_MAX } from '../limits.ts'
import type { State } from './state.ts'

/**
 * What grows with what others send, beside its limit. Rounds are not among it: those beyond the views whose votes are
 * counted hold certificates, and each of these took a quorum.
 */
export function sizesOf(state: State): readonly EngineSize[] {
  const { rounds, committee, requests, recent, peers, pending, view } = state
  let votes = 0
  let proposals = 0
  for (const round of rounds.values()) {
    if (round.view < view - TALLY_VIEWS_MAX) continue
    for (const kind of [1, 2, 3] as const)
      for (const vote of round.votes[kind].bySigner) if (vote !== undefined) votes++
    if (round.proposal !== undefined) proposals++
  }
  let unvoted = 0
  for (const { stored } of pending) if (!stored) unvoted++
  const views = TALLY_VIEWS_MAX + 2
  return [
    { name: 'votes', size: votes, limit: 3 * views * committee.seats.length },
    { name: 'proposals', size: proposals, limit: views },
    { name: 'requests', size: requests.length, limit: REQUESTS_MAX },
    { name: 'recentBlocks', size: recent.length, limit: RECENT_BLOCKS_MAX },
    { name: 'peers', size: peers.size, limit: PEERS_MAX },
    // Those that this engine has voted for stay, however many views that takes: they are durable for the others' sake.
    { name: 'pendingBlocks', size: unvoted, limit: 2 * UNFINALISED_BLOCKS_MAX + views },
  ]
}
