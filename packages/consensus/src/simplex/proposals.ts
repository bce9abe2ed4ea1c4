import { equalBytes, headHash } from '@armchain/core'
import { UNFINALISED_BLOCKS_MAX } from '../limits.ts'
import { linkOf, NOTARIZE } from '../statement.ts'
import { type Block, createBlock } from './blocks.ts'
import { readyParent } from './certify.ts'
import { storeBlock } from './effects.ts'
import type { Proposal } from './messages.ts'
import { blame } from './peers.ts'
import { wantCertificates } from './requests.ts'
import { mayVote, notarisedBlock, type Round, roundOf, type State } from './state.ts'
import { admits, castVote, countVote } from './votes.ts'

/**
 * Proposals of others (rule 3).
 *
 * Rules: of the current view or the next, from its leader, the first one only; of any other, and in views that are over,
 * only the leader's vote in it counts, as evidence if it is a second one. All that is seen without a signature is checked
 * before the signature. `notarize` is sent once, in the current view, without an own `nullify`, if the cited
 * parent is notarised and certified and the latest such: there is a nullification for every view between; and if the
 * shell finds the block valid. A certificate that is missing is asked of the leader, who must have it. What is wrong by
 * what is known gives the view up at once.
 *
 * A block may be repeated: proposed again in a later view, as it is. That is how the last block of an epoch becomes final
 * by a vote on itself, and how blocks that are notarised and not final stay few.
 */
export function takeProposal(state: State, from: number, message: Proposal): boolean {
  const { view, epoch, height, parentView, parentLink, head, payload, signature } = message
  if (!admits(state, view)) return false
  if (from !== state.elector.leader(view)) {
    blame(state, from, 'a proposal of who does not lead the view')
    return false
  }
  const round = roundOf(state, view)
  const hash = headHash(head)
  const link = linkOf(parentLink, view, height, hash)
  const vote = { type: 'vote', kind: NOTARIZE, epoch, view, signer: from, link, signature } as const
  const counted = countVote(state, from, vote)
  if (view < state.view || round.proposal !== undefined || round.giveUp) return counted
  const known = round.votes[NOTARIZE].bySigner[from]
  if (known === undefined || !equalBytes(known.link as Uint8Array, link)) return counted
  const content = payload ?? repeated(state, parentView, hash)?.payload
  if (content === undefined) return counted
  if (payload !== undefined && !state.config.commits(head, payload)) {
    blame(state, from, 'a payload that is not that of the head')
    round.giveUp = true
    return true
  }
  const block = keepBlock(
    state,
    createBlock({ view, height, parentLink, head, payload: content }, { headHash: hash, link }),
  )
  round.proposal = { block, parentView, repeats: payload === undefined }
  return true
}

/** The shell's answer to `verify`. */
export function takeVerified(
  state: State,
  { view, headHash: hash, valid }: { readonly view: number; readonly headHash: Uint8Array; readonly valid: boolean },
): boolean {
  const round = state.rounds.get(view)
  if (round?.verdict !== 'asked' || !equalBytes(round.proposal?.block.headHash as Uint8Array, hash)) return false
  round.verdict = valid ? 'valid' : 'invalid'
  return true
}

/** Moves the proposal of the current view on, as far as it goes. */
export function voteOnProposal(state: State): boolean {
  const round = state.rounds.get(state.view)
  if (round?.proposal === undefined || round.giveUp || !mayVote(state, round.view)) return false
  if (round.mine.nullify || round.mine.notarize !== undefined || round.verdict === 'asked') return false
  const standing = stand(state, round)
  if (standing === 'waits') return false
  const { block, repeats } = round.proposal
  if (standing === 'wrong' || round.verdict === 'invalid') {
    round.giveUp = true
    return true
  }
  if (round.verdict === 'none' && !repeats) {
    round.verdict = 'asked'
    block.told = true
    const { view, height, head, payload } = block
    state.effects.push({ type: 'verify', view, height, headHash: block.headHash, head, payload, parent: standing })
    return true
  }
  storeBlock(state, block)
  castVote(state, round, { kind: NOTARIZE, link: block.link })
  return true
}

/** Puts a block where rules find it; gives the one that is there already, if there is. */
export function keepBlock(state: State, block: Block): Block {
  const known = state.blocks.get(block.link)
  if (known !== undefined) return known
  state.blocks.add(block)
  state.pending.add(block)
  return block
}

/** Views strictly between that no nullification is known for, as one run. */
export function unskipped(state: State, above: number, below: number): { from: number; to: number } | undefined {
  let from = 0
  let to = 0
  for (let view = above + 1; view < below; view++) {
    if (state.rounds.get(view)?.nullification !== undefined) continue
    if (from === 0) from = view
    to = view
  }
  return from === 0 ? undefined : { from, to }
}

/** Head hash of the block below, if the proposal stands where it says and may. */
function stand(state: State, round: Round): Uint8Array | 'waits' | 'wrong' {
  const { floor, committed, config } = state
  const { block, parentView, repeats } = round.proposal as NonNullable<Round['proposal']>
  if (parentView < floor.view || block.height > (config.epoch.endHeight ?? Infinity)) return 'wrong'
  const skipped = unskipped(state, parentView, round.view)
  if (skipped !== undefined) {
    wantCertificates(state, skipped, round.leader)
    return 'waits'
  }
  // Whoever is behind may just not know what is final.
  if (block.height > committed.height + UNFINALISED_BLOCKS_MAX) return 'waits'
  if (parentView === floor.view) {
    if (committed.view < floor.view) return 'waits'
    return repeats || !equalBytes(block.parentLink, floor.link) || block.height !== committed.height + 1
      ? 'wrong'
      : committed.headHash
  }
  const parentRound = state.rounds.get(parentView)
  if (parentRound?.notarization === undefined) {
    wantCertificates(state, { from: parentView, to: parentView }, round.leader)
    return 'waits'
  }
  if (parentRound.certified === 'no') return 'wrong'
  const parent = notarisedBlock(state, parentRound)
  if (parentRound.certified !== 'yes' || parent === undefined) return 'waits'
  if (!(repeats ? isRepetition(block, parent) : isChild(block, parent))) return 'wrong'
  return repeats ? (readyParent(state, block) ?? 'waits') : parent.headHash
}

function isChild(block: Block, parent: Block): boolean {
  return equalBytes(block.parentLink, parent.link) && block.height === parent.height + 1
}

function isRepetition(block: Block, parent: Block): boolean {
  return (
    block.height === parent.height &&
    equalBytes(block.headHash, parent.headHash) &&
    equalBytes(block.parentLink, parent.parentLink)
  )
}

function repeated(state: State, parentView: number, hash: Uint8Array): Block | undefined {
  const round = state.rounds.get(parentView)
  const block = round === undefined ? undefined : notarisedBlock(state, round)
  return block !== undefined && equalBytes(block.headHash, hash) ? block : undefined
}
