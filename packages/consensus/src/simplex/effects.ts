import type { FINALIZE, NOTARIZE, NULLIFY } from '../statement.ts'
import type { Block } from './blocks.ts'
import { encodeMessage, type Message, type VoteCertificate } from './messages.ts'
import { encodeRecord } from './records.ts'
import type { State } from './state.ts'

export function send({ effects }: State, to: number | 'all', message: Message): void {
  effects.push({ type: 'send', to, bytes: encodeMessage(message) })
}

/** Makes an own vote durable, ahead of whatever sends it. */
export function appendVote(
  state: State,
  vote: {
    readonly kind: typeof NOTARIZE | typeof NULLIFY | typeof FINALIZE
    readonly view: number
    readonly link: Uint8Array | undefined
  },
): void {
  const record = encodeRecord(state.config.epoch.number, { type: 'vote', ...vote })
  state.effects.push({ type: 'append', record, guardView: vote.view })
}

export function appendCertificate(state: State, certificate: VoteCertificate): void {
  state.effects.push({
    type: 'append',
    record: encodeRecord(state.config.epoch.number, { type: 'certificate', ...certificate }),
  })
}

/** Makes a block durable, once. */
export function storeBlock(state: State, block: Block): void {
  if (block.stored) return
  block.stored = true
  state.effects.push({ type: 'append', record: encodeRecord(state.config.epoch.number, { type: 'block', ...block }) })
}
