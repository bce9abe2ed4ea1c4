import { equalBytes, invariant } from '@armchain/core'
import { contradict, encodeEvidence } from '../evidence.ts'
import { TALLY_VIEWS_MAX } from '../limits.ts'
import { signerBitmap } from '../signers.ts'
import { FINALIZE, NOTARIZE, NULLIFY, type VoteKind } from '../statement.ts'
import { publishCertificate } from './certificates.ts'
import { appendVote, send } from './effects.ts'
import type { Vote } from './messages.ts'
import { blame } from './peers.ts'
import { type Round, roundOf, type State, type Tally } from './state.ts'

/**
 * Votes: those of others are counted, own ones are cast.
 *
 * Rules: only views from `TALLY_VIEWS_MAX` behind the current one to the one after it, and above the last finalization;
 * the sender is the signer; one vote of each signer, kind and view counts, checked before it does. A second one for
 * another block, or a `finalize` beside a `nullify`, is evidence, reported once. A quorum for one link is a certificate.
 * An own vote is durable before it is sent, and is never cast where it would contradict an earlier one.
 */
export function countVote(state: State, from: number, vote: Vote): boolean {
  const { kind, view, signer } = vote
  if (signer !== from || signer >= state.committee.seats.length) {
    blame(state, from, 'a vote of another')
    return false
  }
  if (!admits(state, view)) return false
  const round = roundOf(state, view)
  const known = round.votes[kind].bySigner[signer]
  if (known !== undefined && !contradict(known, vote)) return false
  // A second offence of one kind says nothing new.
  if (known !== undefined && round.reported.has(offence(signer, kind))) return false
  const { key } = state.committee.seats[signer] as { key: Uint8Array }
  if (!state.committee.scheme.verifyVote(key, state.statements(kind, view, vote.link), vote.signature)) {
    blame(state, from, 'a vote whose signature is invalid')
    return false
  }
  if (known !== undefined) {
    report(state, round, known, vote)
    return false
  }
  accuse(state, round, vote)
  return tally(state, round, vote)
}

/** Whether votes of a view are still, or already, of use. */
export function admits(state: State, view: number): boolean {
  return view > state.floor.view && view >= state.view - TALLY_VIEWS_MAX && view <= state.view + 1
}

/** Casts an own vote: durable, sent to everyone, as itself or in what `sendIt` makes of it, and counted. */
export function castVote(
  state: State,
  round: Round,
  { kind, link }: { readonly kind: VoteKind; readonly link: Uint8Array | undefined },
  sendIt: (vote: Vote) => void = (vote) => send(state, 'all', vote),
): void {
  const { mine, view } = round
  if (kind === NOTARIZE) {
    invariant(mine.notarize === undefined && !mine.nullify, 'a second notarize, or one after nullify')
    mine.notarize = link
  } else if (kind === NULLIFY) {
    invariant(mine.finalize === undefined && !mine.nullify, 'nullify after finalize')
    mine.nullify = true
  } else {
    invariant(mine.finalize === undefined && !mine.nullify, 'finalize after nullify')
    mine.finalize = link
  }
  appendVote(state, { kind, view, link })
  const vote = ownVote(state, view, { kind, link })
  sendIt(vote)
  tally(state, round, vote)
}

/** Counts own votes of earlier runs: on its own, or just before a crash, they may make a certificate. */
export function recount(state: State): void {
  for (const round of [...state.rounds.values()]) {
    const { notarize, nullify, finalize } = round.mine
    const votes: readonly (readonly [VoteKind, Uint8Array | undefined, boolean])[] = [
      [NOTARIZE, notarize, notarize !== undefined],
      [NULLIFY, undefined, nullify],
      [FINALIZE, finalize, finalize !== undefined],
    ]
    for (const [kind, link, cast] of votes)
      if (cast && round.view > state.floor.view) tally(state, round, ownVote(state, round.view, { kind, link }))
  }
}

/** An own vote that was cast, signed again: ed25519 and BLS signatures are a function of key and message. */
export function ownVote(
  { config, self, statements }: State,
  view: number,
  { kind, link }: { readonly kind: VoteKind; readonly link: Uint8Array | undefined },
): Vote {
  invariant(config.self !== undefined, 'an observer does not vote')
  const signature = config.self.sign(statements(kind, view, link))
  return { type: 'vote', kind, epoch: config.epoch.number, view, signer: self, link, signature }
}

function tally(state: State, round: Round, vote: Vote): boolean {
  const { kind, link, signer } = vote
  const { bySigner, links } = round.votes[kind]
  if (bySigner[signer] !== undefined) return false
  bySigner[signer] = vote
  if (kind === NULLIFY && signer === round.leader) round.giveUp = true
  let entry = links.find((each) => link === undefined || equalBytes(each.link as Uint8Array, link))
  if (entry === undefined) {
    entry = { link, weight: 0 }
    links.push(entry)
  }
  const before = entry.weight
  entry.weight += (state.committee.seats[signer] as { weight: number }).weight
  const { quorumWeight } = state.committee
  if (before < quorumWeight && entry.weight >= quorumWeight)
    publishCertificate(state, { kind, view: round.view, link, ...prove(state, round.votes[kind], link) })
  return true
}

function prove(
  { committee }: State,
  { bySigner }: Tally,
  link: Uint8Array | undefined,
): { readonly signers: Uint8Array; readonly proof: Uint8Array } {
  const votes = bySigner.filter(
    (vote): vote is Vote => vote !== undefined && (link === undefined || equalBytes(vote.link as Uint8Array, link)),
  )
  return {
    signers: signerBitmap(
      votes.map(({ signer }) => signer),
      committee.seats.length,
    ),
    proof: committee.scheme.assemble(votes.map(({ signature }) => signature)),
  }
}

/** Looks for a vote of another kind that contradicts this one. */
function accuse(state: State, round: Round, vote: Vote): void {
  const other = vote.kind === FINALIZE ? NULLIFY : vote.kind === NULLIFY ? FINALIZE : undefined
  const known = other === undefined ? undefined : round.votes[other].bySigner[vote.signer]
  if (known !== undefined) report(state, round, known, vote)
}

function report(state: State, round: Round, a: Vote, b: Vote): void {
  if (a.kind === NOTARIZE && a.signer === round.leader) round.equivocated = true
  const key = offence(a.signer, a.kind === b.kind ? a.kind : NULLIFY)
  if (round.reported.has(key)) return
  round.reported.add(key)
  state.effects.push({ type: 'evidence', bytes: encodeEvidence(a, [a, b]) })
}

function offence(signer: number, kind: VoteKind): number {
  return 4 * signer + kind
}
