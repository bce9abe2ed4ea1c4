import { equalBytes } from '@armchain/core'
import { RANGE_BLOCKS_MAX, RANGE_BYTES_MAX } from '../limits.ts'
import { type Block, createBlock } from './blocks.ts'
import { send } from './effects.ts'
import type { Message, SentBlock, VoteCertificate } from './messages.ts'
import { accountOf, blame } from './peers.ts'
import { keepBlock } from './proposals.ts'
import { forgetBlock, isWanted } from './requests.ts'
import type { State } from './state.ts'
import { certificatesInto } from './views.ts'

/**
 * Answering who lacks something, and taking answers.
 *
 * Rules: certificates of a range of views, or in place of those below it the last finalization; a block and its
 * ancestors, as far as they are kept, up to `RANGE_BLOCKS_MAX`. Whatever is asked, a peer gets no more than
 * `RANGE_BYTES_MAX` in one Delta. Who nullifies a view that others have left gets what leads out of it, once a Delta.
 * Blocks are taken only if they were asked for: each by its link, and its ancestors by the links in it.
 */
export function answerCertificates(
  state: State,
  from: number,
  { fromView, toView }: Extract<Message, { type: 'wantCertificates' }>,
): void {
  const { floor, rounds } = state
  const certificates: VoteCertificate[] = []
  let sizeBytes = 0
  const add = (certificate: VoteCertificate | undefined): void => {
    if (certificate === undefined || sizeBytes > RANGE_BYTES_MAX) return
    sizeBytes += certificate.proof.length + CERTIFICATE_FRAME_BYTES
    certificates.push(certificate)
  }
  if (fromView <= floor.view) add(floor.certificate)
  for (let view = Math.max(fromView, floor.view + 1); view <= toView; view++) {
    add(rounds.get(view)?.notarization)
    add(rounds.get(view)?.nullification)
  }
  if (certificates.length > 0 && allow(state, from, sizeBytes))
    send(state, from, { type: 'certificates', epoch: state.config.epoch.number, certificates })
}

export function answerBlocks(
  state: State,
  from: number,
  { link, aboveHeight }: Extract<Message, { type: 'wantBlocks' }>,
): void {
  const blocks: SentBlock[] = []
  let sizeBytes = 0
  let block = state.blocks.get(link)
  while (
    block !== undefined &&
    blocks.length < RANGE_BLOCKS_MAX &&
    (blocks.length === 0 || block.height > aboveHeight)
  ) {
    sizeBytes += block.payload.length + block.head.length
    if (blocks.length > 0 && sizeBytes > RANGE_BYTES_MAX) break
    blocks.push(block)
    block = state.blocks.get(block.parentLink)
  }
  if (blocks.length > 0 && allow(state, from, Math.min(sizeBytes, RANGE_BYTES_MAX)))
    send(state, from, { type: 'blocks', epoch: state.config.epoch.number, blocks })
}

/** Helps who is still in a view that this engine has left. */
export function help(state: State, from: number, view: number): void {
  if (view >= state.view && view > state.floor.view) return
  const peer = accountOf(state, from)
  if (state.nowMs < peer.helpedMs + state.timing.deltaMs) return
  const certificates = certificatesInto(state, view + 1)
  if (certificates.length === 0) return
  peer.helpedMs = state.nowMs
  send(state, from, { type: 'certificates', epoch: state.config.epoch.number, certificates })
}

export function takeBlocks(state: State, from: number, { blocks }: Extract<Message, { type: 'blocks' }>): boolean {
  let above: Block | undefined
  for (const sent of blocks) {
    const block = createBlock(sent)
    const fits =
      above === undefined
        ? isWanted(state, block.link)
        : equalBytes(above.parentLink, block.link) && above.height === block.height + 1
    if (!fits) break
    if (!state.config.commits(block.head, block.payload)) {
      blame(state, from, 'a payload that is not that of the head')
      break
    }
    above = block
    if (block.height < state.committed.height) break
    forgetBlock(state, block.link)
    keepBlock(state, block)
  }
  return above !== undefined
}

const CERTIFICATE_FRAME_BYTES = 256

function allow(state: State, from: number, sizeBytes: number): boolean {
  const peer = accountOf(state, from)
  if (peer.sizeBytes + sizeBytes > RANGE_BYTES_MAX && peer.sizeBytes > 0) return false
  peer.sizeBytes += sizeBytes
  return true
}
