import { equalBytes } from '@armchain/core'
import { FINALIZE } from '../statement.ts'
import type { Block } from './blocks.ts'
import { storeBlock } from './effects.ts'
import { addLink } from './finality.ts'
import { wantBlock, wantCertificates } from './requests.ts'
import { isCommitted, mayVote, notarisedBlock, type Round, type State } from './state.ts'
import { castVote } from './votes.ts'

/**
 * What follows from a notarization (rule 4).
 *
 * Rules: the shell is asked to certify the block, its ancestors first. *Yes*: it may be built on, the next view may be
 * entered, and `finalize` is sent unless `nullify` was, or the leader was seen to sign two blocks. *No*: it is never
 * built on, and the view is given up. While data is missing there is no answer, and the view's timer runs.
 */
export function certifyNotarised(state: State): boolean {
  for (const round of state.rounds.values()) {
    if (round.notarization === undefined || round.certified !== 'none' || round.view <= state.floor.view) continue
    const block = notarisedBlock(state, round)
    if (block === undefined) {
      wantBlock(state, round.notarization.link as Uint8Array, round.leader)
      continue
    }
    // What is final needs no leave: this is the same block in a later view.
    if (isCommitted(state, block)) {
      settle(state, round, 'yes')
      return true
    }
    const parent = readyParent(state, block)
    if (parent === undefined) continue
    round.certified = 'asked'
    block.told = true
    const { view, height, headHash, head, payload } = block
    state.effects.push({ type: 'certify', view, height, headHash, head, payload, parent })
    return true
  }
  return false
}

/** The shell's answer. */
export function takeCertified(
  state: State,
  { view, headHash, valid }: { readonly view: number; readonly headHash: Uint8Array; readonly valid: boolean },
): boolean {
  const round = state.rounds.get(view)
  const block = round === undefined ? undefined : notarisedBlock(state, round)
  if (round?.certified !== 'asked' || block === undefined || !equalBytes(block.headHash, headHash)) return false
  settle(state, round, valid ? 'yes' : 'no')
  return true
}

/** Head hash of what a block stands on, once that is final or certified; asks for what is missing till then. */
export function readyParent(state: State, { parentLink, height }: Block): Uint8Array | undefined {
  const { committed } = state
  if (committed.links.some((link) => equalBytes(link, parentLink)))
    return height === committed.height + 1 ? committed.headHash : undefined
  const parent = state.blocks.get(parentLink)
  if (parent === undefined) {
    wantBlock(state, parentLink, state.elector.leader(state.view))
    return undefined
  }
  if (parent.height + 1 !== height) return undefined
  if (isCommitted(state, parent)) {
    addLink(state, parentLink)
    return committed.headHash
  }
  const round = state.rounds.get(parent.view)
  if (round?.notarization === undefined) {
    // Below the last finalization that comes with the ancestors of that.
    if (parent.view > state.floor.view)
      wantCertificates(state, { from: parent.view, to: parent.view }, state.elector.leader(state.view))
    return undefined
  }
  const certified = round.certified === 'yes' && equalBytes(round.notarization.link as Uint8Array, parentLink)
  return certified ? parent.headHash : undefined
}

function settle(state: State, round: Round, answer: 'yes' | 'no'): void {
  round.certified = answer
  if (answer === 'no') {
    round.giveUp = true
    return
  }
  state.enterable = Math.max(state.enterable, round.view + 1)
  const { mine, equivocated, view } = round
  const block = notarisedBlock(state, round)
  if (!mayVote(state, view) || mine.nullify || mine.finalize !== undefined || equivocated || block === undefined) return
  storeBlock(state, block)
  castVote(state, round, { kind: FINALIZE, link: block.link })
}
