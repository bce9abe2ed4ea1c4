import type { EngineInput } from '../engine.ts'
import { FINALIZE, NOTARIZE, NULLIFY } from '../statement.ts'
import { createBlock } from './blocks.ts'
import { restoreCertificate } from './certificates.ts'
import { adoptTip, endEpoch } from './finality.ts'
import { keepBlock } from './proposals.ts'
import { decodeRecord, type EngineRecord, encodeRecord } from './records.ts'
import { roundOf, type State } from './state.ts'
import { recount } from './votes.ts'

/**
 * The start, fresh or after a crash.
 *
 * Rules: own votes, blocks and certificates are as the records have them; the last block that the shell holds is final
 * whatever they say. The engine goes on in the highest view that a record shows it to have been in. Blocks that are not
 * final are certified anew, as the shell has forgotten what it computed for them. Where records may be lost, no vote is
 * cast through the guard's view, or in this epoch at all, and a record remembers that (*amnesia quarantine*).
 */
export function start(state: State, input: EngineInput & { readonly type: 'start' }): void {
  const { config, nowMs } = state
  state.lastBlockMs = nowMs
  state.heardMs.fill(nowMs)
  const { height, headHash, certificate, amnesia } = input
  if (certificate !== undefined && height > config.epoch.startHeight) adoptTip(state, { height, headHash, certificate })
  for (const bytes of input.records) {
    const record = decodeRecord(config.epoch.number, bytes)
    if (record !== undefined) restore(state, record)
  }
  if (amnesia !== undefined) {
    const through = amnesia.guardView ?? 0
    const record: EngineRecord = { type: 'observe', wholeEpoch: amnesia.guardView === undefined, through }
    restore(state, record)
    state.effects.push({ type: 'append', record: encodeRecord(config.epoch.number, record) })
  }
  if (state.self >= 0) recount(state)
  endEpoch(state)
}

function restore(state: State, record: EngineRecord): void {
  switch (record.type) {
    case 'observe':
      state.observeThrough = Math.max(state.observeThrough, record.wholeEpoch ? Infinity : record.through)
      return
    case 'certificate':
      restoreCertificate(state, record)
      return
    case 'block':
      if (record.height >= state.committed.height) keepBlock(state, createBlock(record)).stored = true
      return
    case 'vote':
      restoreVote(state, record)
  }
}

function restoreVote(state: State, { kind, view, link }: Extract<EngineRecord, { type: 'vote' }>): void {
  state.enterable = Math.max(state.enterable, kind === FINALIZE ? view + 1 : view)
  if (view <= state.floor.view) return
  const { mine } = roundOf(state, view)
  if (kind === NOTARIZE) mine.notarize = link
  else if (kind === NULLIFY) mine.nullify = true
  else mine.finalize = link
}
