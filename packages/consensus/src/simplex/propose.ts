import { headHash } from '@armchain/core'
import { UNFINALISED_BLOCKS_MAX } from '../limits.ts'
import { NOTARIZE } from '../statement.ts'
import { type Block, createBlock } from './blocks.ts'
import { send, storeBlock } from './effects.ts'
import { keepBlock, unskipped } from './proposals.ts'
import { wantCertificates } from './requests.ts'
import { mayVote, notarisedBlock, type Round, roundOf, type State } from './state.ts'
import { castVote, ownVote } from './votes.ts'

/**
 * Own proposals (rule 2).
 *
 * Rules: the parent is the block of the latest view that is notarised and certified, and every view after it is
 * nullified; a view that is neither is asked for. Block and vote are durable before the proposal is sent. The last block
 * of an epoch, and one that has too many on the way to finality, is repeated until it is final. No block is proposed
 * before the pace allows.
 */
export function propose(state: State): boolean {
  const { view } = state
  if (state.elector.leader(view) !== state.self || !mayVote(state, view)) return false
  const round = roundOf(state, view)
  if (round.mine.notarize !== undefined || round.mine.nullify || round.giveUp) return false
  if (state.proposing?.view === view) return false
  const parent = findParent(state, view)
  if (parent === undefined) return false
  const { block, height } = parent
  if (block !== undefined && mustRepeat(state, height)) {
    const { parentLink, head, payload } = block
    sendProposal(state, round, {
      block: createBlock({ view, height, parentLink, head, payload }),
      parent,
      repeats: true,
    })
    return true
  }
  if (state.nowMs < proposalDueMs(state)) return false
  state.work = false
  state.proposing = { view, parentView: parent.view, parentLink: parent.link, height: height + 1 }
  const { number: epoch } = state.config.epoch
  state.effects.push({ type: 'propose', view, epoch, height: height + 1, parent: parent.headHash })
  return true
}

/** The shell's answer. One that comes too late is dead. */
export function takeProposed(
  state: State,
  answer: { readonly view: number; readonly head?: Uint8Array; readonly payload?: Uint8Array },
): boolean {
  const { view, head, payload } = answer
  const { proposing } = state
  if (proposing?.view !== view) return false
  state.proposing = undefined
  const round = roundOf(state, view)
  if (head === undefined || payload === undefined) {
    round.giveUp = true
    return true
  }
  const { parentView, parentLink, height } = proposing
  const stale = view !== state.view || round.mine.nullify || parentView < state.floor.view || !mayVote(state, view)
  if (stale) {
    state.effects.push({ type: 'abandon', headHash: headHash(head) })
    return true
  }
  const block = createBlock({ view, height, parentLink, head, payload })
  block.told = true
  sendProposal(state, round, { block, parent: { view: parentView }, repeats: false })
  return true
}

/** Says an own proposal again. */
export function resendProposal(state: State, { view, proposal }: Round): void {
  if (proposal === undefined) return
  const { block, parentView, repeats } = proposal
  const { height, parentLink, head, payload, link } = block
  const { signature } = ownVote(state, view, { kind: NOTARIZE, link })
  const content = repeats ? undefined : payload
  send(state, 'all', {
    type: 'proposal',
    epoch: state.config.epoch.number,
    view,
    height,
    parentView,
    parentLink,
    head,
    payload: content,
    signature,
  })
}

/** When the pace lets a leader propose. */
export function proposalDueMs({ config, work, seal, lastBlockMs }: State): number {
  if (seal) return 0
  const { mode, blockTimeMs, idleMs } = config.pace
  if (mode === 'manual') return Infinity
  return lastBlockMs + (work ? blockTimeMs : Math.max(blockTimeMs, idleMs))
}

type Parent = {
  readonly view: number
  readonly link: Uint8Array
  readonly headHash: Uint8Array
  readonly height: number
  /** Absent where the parent is final. */
  readonly block?: Block
}

function findParent(state: State, below: number): Parent | undefined {
  const { floor, committed, rounds } = state
  for (let view = below - 1; view > floor.view; view--) {
    const round = rounds.get(view)
    if (round?.notarization !== undefined && round.certified === 'yes') {
      const block = notarisedBlock(state, round)
      return block === undefined ? undefined : { ...block, block }
    }
    if (round?.nullification !== undefined) continue
    const missing = unskipped(state, floor.view, view + 1)
    if (round?.notarization === undefined && missing !== undefined) wantCertificates(state, missing, round?.leader ?? 0)
    return undefined
  }
  if (committed.view < floor.view) return undefined
  return { view: floor.view, link: floor.link, headHash: committed.headHash, height: committed.height }
}

function mustRepeat({ config, committed }: State, height: number): boolean {
  return height === config.epoch.endHeight || height >= committed.height + UNFINALISED_BLOCKS_MAX
}

function sendProposal(
  state: State,
  round: Round,
  proposal: { readonly block: Block; readonly parent: { readonly view: number }; readonly repeats: boolean },
): void {
  const block = keepBlock(state, proposal.block)
  round.proposal = { block, parentView: proposal.parent.view, repeats: proposal.repeats }
  round.verdict = 'valid'
  storeBlock(state, block)
  // The proposal goes out ahead of what the vote may complete; its own signature is made but once.
  castVote(state, round, { kind: NOTARIZE, link: block.link }, (vote) => {
    const { view, height, parentLink, head, payload } = block
    const content = proposal.repeats ? undefined : payload
    const { view: parentView } = proposal.parent
    const { signature } = vote
    send(state, 'all', {
      type: 'proposal',
      epoch: state.config.epoch.number,
      view,
      height,
      parentView,
      parentLink,
      head,
      payload: content,
      signature,
    })
  })
}
