import { equalBytes, invariant } from '@armchain/core'
import { finalCertificateCodec, votedOn } from '../certificate.ts'
import { CHECKPOINT_BLOCKS, RANGE_BLOCKS_MAX, RECENT_BLOCKS_MAX, RECENT_BYTES_MAX } from '../limits.ts'
import { FINALIZE, NOTARIZE, NULLIFY } from '../statement.ts'
import type { Block } from './blocks.ts'
import { restoreCertificate } from './certificates.ts'
import type { VoteCertificate } from './messages.ts'
import { type EngineRecord, encodeRecord } from './records.ts'
import { forgetBlock, wantBlock } from './requests.ts'
import { isCommitted, type State } from './state.ts'

/**
 * Finality: what a finalization decides, and what may be forgotten then.
 *
 * Rules: a finalization decides its block and all below it. They are reported from below, once all of them are at hand;
 * what is missing is asked of peers, and of the shell where it is more than `RANGE_BLOCKS_MAX` blocks or no peer has it.
 * Each gets a certificate: its own finalization where that is the one known, else the path to the block that was voted
 * on. What is not below the decided block and is no later than it can never be final. After `CHECKPOINT_BLOCKS` blocks
 * the records that still matter replace all others.
 */
export function commit(state: State): boolean {
  const { floor } = state
  if (state.committed.view >= floor.view) return false
  const chain = chainBelow(state, floor.link)
  if (chain === undefined) return false
  if (chain.length === 0) {
    // The last committed block again, decided in a later view.
    addLink(state, floor.link)
    state.committed = { ...state.committed, view: floor.view }
  }
  for (const [i, block] of chain.entries()) report(state, block, chain.slice(i + 1))
  if (chain.length > 0) state.work = false
  bury(state, chain)
  endEpoch(state)
  if (state.committedSinceCheckpoint >= CHECKPOINT_BLOCKS) checkpoint(state)
  return true
}

/** Takes what the shell has fetched: final blocks up to this one. */
export function takeSynced(
  state: State,
  {
    height,
    headHash,
    certificate,
  }: { readonly height: number; readonly headHash: Uint8Array; readonly certificate: Uint8Array },
): void {
  const { endHeight = Infinity } = state.config.epoch
  if (height <= state.committed.height || height > endHeight) return
  adoptTip(state, { height, headHash, certificate })
  bury(state, [])
  endEpoch(state)
}

/** Stands on a final block that the shell has: its certificate says which links lead there, and what is decided. */
export function adoptTip(
  state: State,
  {
    height,
    headHash,
    certificate,
  }: { readonly height: number; readonly headHash: Uint8Array; readonly certificate: Uint8Array },
): void {
  const final = finalCertificateCodec.decode(certificate)
  const own = votedOn({ ...final, path: [] }, headHash, height)
  const { view, link } = votedOn(final, headHash, height)
  state.committed = { height, headHash, certificate, view: own.view, links: [own.link] }
  restoreCertificate(state, { kind: FINALIZE, view, link, signers: final.signers, proof: final.proof })
}

/** The blocks above the committed one up to a link, ascending; undefined while one is missing, which is then asked for. */
function chainBelow(state: State, top: Uint8Array): Block[] | undefined {
  const { committed, config } = state
  const chain: Block[] = []
  let link = top
  for (;;) {
    if (committed.links.some((each) => equalBytes(each, link))) return chain.reverse()
    const block = state.blocks.get(link)
    if (block === undefined) {
      ask(state, link, chain.at(-1)?.height)
      return undefined
    }
    if (isCommitted(state, block)) {
      addLink(state, link)
      return chain.reverse()
    }
    if (block.height <= committed.height || block.height > (config.epoch.endHeight ?? Infinity)) {
      state.halted = true
      state.effects.push({ type: 'halted', reason: 'what is final does not stand on what was final before' })
      return undefined
    }
    chain.push(block)
    link = block.parentLink
  }
}

function ask(state: State, link: Uint8Array, heightAbove: number | undefined): void {
  const tries = wantBlock(state, link, state.elector.leader(state.floor.view))
  const { height } = state.committed
  // Where nothing above is known, as many as there may be at once.
  const toHeight = heightAbove === undefined ? height + RANGE_BLOCKS_MAX : heightAbove - 1
  // Every peer was asked: they are further on than they keep blocks for.
  if (toHeight - height <= RANGE_BLOCKS_MAX && tries <= state.committee.seats.length) return
  forgetBlock(state, link)
  if (state.nowMs < state.fetchMs) return
  state.fetchMs = state.nowMs + 8 * state.timing.deltaMs
  state.effects.push({ type: 'fetch', fromHeight: height + 1, toHeight })
}

function report(state: State, block: Block, above: readonly Block[]): void {
  const { view, height, headHash, head, payload, link } = block
  invariant(height === state.committed.height + 1, 'final blocks are reported in order')
  const certificate = certify(state, block, above)
  state.effects.push({ type: 'finalized', view, height, headHash, head, payload, certificate })
  const decided = above.length === 0 ? state.floor.view : view
  state.committed = { height, headHash, certificate, view: decided, links: [link] }
  state.committedSinceCheckpoint++
}

function certify({ committee, floor }: State, { parentLink, view }: Block, above: readonly Block[]): Uint8Array {
  const { signers, proof } = floor.certificate as VoteCertificate
  const path = above.map((block) => ({ view: block.view, headHash: block.headHash }))
  return finalCertificateCodec.encode({ scheme: committee.scheme.id, parentLink, view, path, signers, proof })
}

export function addLink({ committed }: State, link: Uint8Array): void {
  if (!committed.links.some((each) => equalBytes(each, link))) committed.links.push(link)
}

/** Keeps what was decided for who is behind, and drops what never can be. */
function bury(state: State, chain: readonly Block[]): void {
  const { committed, pending, recent } = state
  const decided = new Set(chain)
  for (const block of [...pending]) {
    if (decided.has(block)) {
      pending.delete(block)
      recent.push(block)
      state.recentBytes += block.payload.length
      continue
    }
    if (isCommitted(state, block)) {
      // Proposed in another view too: blocks may stand on that.
      addLink(state, block.link)
      if (block.view > committed.view) continue
    } else if (block.height > committed.height && block.view > committed.view) continue
    pending.delete(block)
    state.blocks.delete(block)
    if (block.told && !chain.some(({ headHash }) => equalBytes(headHash, block.headHash)))
      state.effects.push({ type: 'abandon', headHash: block.headHash })
  }
  while (recent.length > RECENT_BLOCKS_MAX || (recent.length > 1 && state.recentBytes > RECENT_BYTES_MAX)) {
    const [oldest] = recent.splice(0, 1) as [Block]
    state.recentBytes -= oldest.payload.length
    state.blocks.delete(oldest)
  }
}

/** No vote is cast from here on: the next epoch has its own engine. */
export function endEpoch(state: State): void {
  const { committed, config } = state
  if (committed.height !== config.epoch.endHeight || state.ended) return
  state.ended = true
  const { height, headHash, certificate } = committed
  invariant(certificate !== undefined, 'an epoch has at least one block')
  state.effects.push({ type: 'epochEnd', height, headHash, certificate })
}

function checkpoint(state: State): void {
  const { floor, rounds, pending, config } = state
  state.committedSinceCheckpoint = 0
  const records: EngineRecord[] = []
  if (state.observeThrough > floor.view)
    records.push({
      type: 'observe',
      wholeEpoch: state.observeThrough === Infinity,
      through: state.observeThrough === Infinity ? 0 : state.observeThrough,
    })
  if (floor.certificate !== undefined) records.push({ type: 'certificate', ...floor.certificate })
  for (const { view, notarization, nullification, mine } of rounds.values()) {
    if (view <= floor.view) continue
    for (const certificate of [notarization, nullification])
      if (certificate !== undefined) records.push({ type: 'certificate', ...certificate })
    if (mine.notarize !== undefined) records.push({ type: 'vote', kind: NOTARIZE, view, link: mine.notarize })
    if (mine.nullify) records.push({ type: 'vote', kind: NULLIFY, view, link: undefined })
    if (mine.finalize !== undefined) records.push({ type: 'vote', kind: FINALIZE, view, link: mine.finalize })
  }
  for (const block of pending) if (block.stored) records.push({ type: 'block', ...block })
  state.effects.push({
    type: 'checkpoint',
    records: records.map((record) => encodeRecord(config.epoch.number, record)),
  })
}
