import { TALLY_VIEWS_MAX } from '../limits.ts'
import { FINALIZE, NOTARIZE, NULLIFY } from '../statement.ts'
import { send } from './effects.ts'
import type { VoteCertificate } from './messages.ts'
import { proposalDueMs, resendProposal } from './propose.ts'
import { nextRequestMs } from './requests.ts'
import { deltaMs, mayVote, type Round, roundOf, type State } from './state.ts'
import { castVote, ownVote } from './votes.ts'

/**
 * Views and their timers (rules 1, 5, 6).
 *
 * Rules: a view is entered when the one before is nullified, final, or notarised and certified. A leader has 2 Delta to
 * propose and the committee 3 Delta to notarise, from when the pace lets it propose; nothing at all if it has not been
 * heard for `skipAfterMs` while a quorum was. Then, or when the view is given up, `nullify`, never after an own
 * `finalize`. Every 3 Delta in one view, own votes and the certificate that leads into it are said again, as they may be
 * what others lack. Delta grows by a fifth for each view since something became final.
 */
export function enterView(state: State): boolean {
  if (state.enterable <= state.view) return false
  // Proposals are taken up to the view after the current one: however far the jump, there are none beyond.
  const end = Math.min(state.enterable - TALLY_VIEWS_MAX, state.view + 2)
  for (let view = state.view - TALLY_VIEWS_MAX; view < end; view++) dropProposal(state, view)
  state.view = state.enterable
  state.enteredMs = state.nowMs
  if (state.rounds.get(state.view - 1)?.notarization !== undefined) {
    state.lastBlockMs = state.nowMs
    state.seal = false
  }
  setDeadlines(state)
  return true
}

/**
 * Forgets what was proposed in a view that is long over, if it was not notarised and got no vote from here: its leader
 * could fill the memory otherwise, a block a view, while nothing becomes final.
 */
function dropProposal(state: State, view: number): void {
  const round = state.rounds.get(view)
  if (round?.proposal === undefined || round.notarization !== undefined || round.mine.notarize !== undefined) return
  const { block } = round.proposal
  round.proposal = undefined
  state.pending.delete(block)
  state.blocks.delete(block)
  if (block.told) state.effects.push({ type: 'abandon', headHash: block.headHash })
}

/** When the current view's leader and committee are given up on. Again when there is work, as the pace is another then. */
export function setDeadlines(state: State): void {
  const { deadlines, enteredMs } = state
  const delta = deltaMs(state)
  const dueMs = proposalDueMs(state)
  const startMs = Math.max(enteredMs, dueMs)
  const isSilent = dueMs !== Infinity && leaderIsSilent(state)
  deadlines.leaderMs = isSilent ? enteredMs : startMs + 2 * delta
  deadlines.advanceMs = isSilent ? enteredMs : startMs + 3 * delta
  deadlines.retryMs = startMs + 3 * delta
}

/** A proposal sets a manual chain's timers running. */
export function expectNotarization(state: State): void {
  const { deadlines, nowMs } = state
  deadlines.advanceMs = Math.min(deadlines.advanceMs, nowMs + 3 * deltaMs(state))
  deadlines.retryMs = Math.min(deadlines.retryMs, deadlines.advanceMs)
}

export function giveUpView(state: State): boolean {
  const { view, nowMs, deadlines } = state
  if (!mayVote(state, view)) return false
  const round = state.rounds.get(view)
  if (round !== undefined && (round.mine.nullify || round.mine.finalize !== undefined)) return false
  const late = nowMs >= deadlines.advanceMs || (round?.proposal === undefined && nowMs >= deadlines.leaderMs)
  if (!late && !round?.giveUp) return false
  castVote(state, roundOf(state, view), { kind: NULLIFY, link: undefined })
  return true
}

/** Says again what may have been lost. */
export function retry(state: State): void {
  const { deadlines, nowMs, view } = state
  if (nowMs < deadlines.retryMs || state.ended) return
  deadlines.retryMs = nowMs + 3 * deltaMs(state)
  const certificates = certificatesInto(state, view)
  if (!mayVote(state, view)) {
    askAround(state)
    return
  }
  const round = state.rounds.get(view)
  if (round !== undefined) resendVotes(state, round)
  resendFinalize(state)
  if (certificates.length > 0)
    send(state, 'all', { type: 'certificates', epoch: state.config.epoch.number, certificates })
}

/** Has the shell wake the engine when the next thing is due. */
export function setTimer(state: State): void {
  const atMs = nextMs(state)
  if (atMs === state.deadlines.timerMs || atMs === Infinity) return
  state.deadlines.timerMs = atMs
  state.effects.push({ type: 'timer', id: VIEW_TIMER, atMs: atMs - state.aheadMs })
}

export const VIEW_TIMER = 1

/** What proves that a view may be entered, and what is final. */
export function certificatesInto({ rounds, floor }: State, view: number): VoteCertificate[] {
  const before = rounds.get(view - 1)
  const certificates: VoteCertificate[] = []
  if (floor.certificate !== undefined) certificates.push(floor.certificate)
  if (view - 1 <= floor.view) return certificates
  const into = before?.nullification ?? before?.notarization
  if (into !== undefined) certificates.push(into)
  return certificates
}

function nextMs(state: State): number {
  const { nowMs, deadlines, view, ended } = state
  const after = (atMs: number): number => (atMs > nowMs ? atMs : Infinity)
  let next = after(nextRequestMs(state))
  if (ended) return next
  next = Math.min(next, after(deadlines.retryMs))
  if (!mayVote(state, view)) return next
  const round = state.rounds.get(view)
  if (round === undefined || (!round.mine.nullify && round.mine.finalize === undefined)) {
    next = Math.min(next, after(deadlines.advanceMs))
    if (round?.proposal === undefined) next = Math.min(next, after(deadlines.leaderMs))
  }
  if (state.elector.leader(view) === state.self) next = Math.min(next, after(proposalDueMs(state)))
  return next
}

function resendVotes(state: State, round: Round): void {
  const { view, leader, mine } = round
  if (mine.notarize !== undefined) {
    if (leader === state.self && round.proposal !== undefined) resendProposal(state, round)
    else send(state, 'all', ownVote(state, view, { kind: NOTARIZE, link: mine.notarize }))
  }
  if (mine.nullify) send(state, 'all', ownVote(state, view, { kind: NULLIFY, link: undefined }))
}

/** The last own `finalize`: what it decides is not known to be final yet. */
function resendFinalize(state: State): void {
  let last: Round | undefined
  for (const round of state.rounds.values())
    if (round.mine.finalize !== undefined && round.view > (last?.view ?? state.floor.view)) last = round
  if (last !== undefined) {
    const { finalize: link } = last.mine
    send(state, 'all', ownVote(state, last.view, { kind: FINALIZE, link }))
  }
}

/** Who does not vote is not answered unasked. */
function askAround(state: State): void {
  const seats = state.committee.seats.length
  state.askedPeer = (state.askedPeer + 1) % seats
  if (state.askedPeer === state.self) return
  const from = state.floor.view + 1
  send(state, state.askedPeer, {
    type: 'wantCertificates',
    epoch: state.config.epoch.number,
    fromView: from,
    toView: from + ASKED_VIEWS,
  })
}

const ASKED_VIEWS = 16

/** The leader was not heard of for long, and a quorum was. */
function leaderIsSilent({ committee, elector, timing, heardMs, nowMs, self, view }: State): boolean {
  const leader = elector.leader(view)
  const sinceMs = nowMs - timing.skipAfterMs
  if (leader === self || (heardMs[leader] as number) >= sinceMs) return false
  let weight = 0
  for (const [index, seat] of committee.seats.entries())
    if (index === self || (heardMs[index] as number) >= sinceMs) weight += seat.weight
  return weight >= committee.quorumWeight
}
