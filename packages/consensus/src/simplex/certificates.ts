import { equalBytes } from '@armchain/core'
import { readSigners } from '../signers.ts'
import { FINALIZE, NOTARIZE, NULLIFY } from '../statement.ts'
import { appendCertificate, send } from './effects.ts'
import type { VoteCertificate } from './messages.ts'
import { blame } from './peers.ts'
import { roundOf, type State } from './state.ts'

/**
 * Certificates: a quorum's votes of one kind and view.
 *
 * Rules: one of any view is taken, as it proves itself, and views above the last finalization are kept until that moves;
 * nothing but certificates makes a round of a view beyond the next, so that who has no quorum cannot fill the memory.
 * Each is durable before anything follows from it. One that this engine made from votes is sent to everyone; one that it
 * was given, whoever made it has sent.
 *
 * Two certificates that contradict each other prove that a third of the weight or more is faulty. The engine halts:
 * whatever it did next could only add to the damage.
 */
export function takeCertificate(state: State, from: number, certificate: VoteCertificate): boolean {
  if (!isNews(state, certificate)) return false
  if (!holds(state, certificate)) {
    blame(state, from, 'a certificate that does not hold')
    return false
  }
  return adopt(state, certificate)
}

/** For a certificate made here from votes that were checked. */
export function publishCertificate(state: State, certificate: VoteCertificate): void {
  if (!isNews(state, certificate) || !adopt(state, certificate)) return
  send(state, 'all', { type: 'certificates', epoch: state.config.epoch.number, certificates: [certificate] })
}

/** For a certificate that is known to hold and is in the records already, or need not be. */
export function restoreCertificate(state: State, certificate: VoteCertificate): void {
  if (isNews(state, certificate)) enter(state, certificate)
}

function adopt(state: State, certificate: VoteCertificate): boolean {
  appendCertificate(state, certificate)
  enter(state, certificate)
  return true
}

function isNews({ floor, rounds }: State, { kind, view, link }: VoteCertificate): boolean {
  if (view <= floor.view) return view === floor.view && kind === FINALIZE && !sameLink(link, floor.link)
  if (kind === FINALIZE) return true
  const round = rounds.get(view)
  if (round === undefined) return true
  if (kind === NULLIFY) return round.nullification === undefined
  return !sameLink(round.notarization?.link, link)
}

function holds({ committee, statements }: State, { kind, view, link, signers, proof }: VoteCertificate): boolean {
  const signed = readSigners(signers, committee)
  if (signed === undefined || signed.weight < committee.quorumWeight) return false
  const keys = signed.indexes.map((index) => (committee.seats[index] as { key: Uint8Array }).key)
  return committee.scheme.verifyProof(keys, statements(kind, view, link), proof)
}

function enter(state: State, certificate: VoteCertificate): void {
  const { kind, view, link } = certificate
  if (kind === FINALIZE) {
    enterFinalization(state, view, link as Uint8Array, certificate)
    return
  }
  const round = roundOf(state, view)
  if (kind === NULLIFY) {
    round.nullification = certificate
    state.enterable = Math.max(state.enterable, view + 1)
  } else if (kind === NOTARIZE) {
    if (round.notarization !== undefined) halt(state)
    else round.notarization = certificate
  }
}

function enterFinalization(state: State, view: number, link: Uint8Array, certificate: VoteCertificate): void {
  const round = state.rounds.get(view)
  const notarised = round?.notarization?.link
  if (view === state.floor.view || round?.nullification !== undefined || (notarised && !sameLink(notarised, link))) {
    halt(state)
    return
  }
  state.floor = { view, link, certificate }
  state.enterable = Math.max(state.enterable, view + 1)
  for (const old of state.rounds.keys()) if (old < view) state.rounds.delete(old)
}

function halt(state: State): void {
  if (!state.halted) state.effects.push({ type: 'halted', reason: 'two certificates contradict each other' })
  state.halted = true
}

function sameLink(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b)
}
