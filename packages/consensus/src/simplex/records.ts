import { bool, bytes32, type Codec, carveBytes, compile, isArmError, option, struct, u8, u53 } from '@armchain/core'
import type { VoteKind } from '../statement.ts'
import {
  damaged,
  isStatement,
  SENT_BLOCK_SCHEMA,
  type SentBlock,
  VOTE_CERTIFICATE_SCHEMA,
  type VoteCertificate,
} from './messages.ts'

/**
 * What must not be forgotten, as records: a tag of one byte, the epoch, then the canonical encoding of the tag's schema.
 *
 * Rules: an own vote before it is sent, or it could be cast again otherwise; a block before the vote for it, or a
 * restart of everyone loses what is final; every certificate above the last finalization, or after a restart of
 * everyone nobody can prove which views were skipped; that this validator only observes, and through which view.
 */
export type EngineRecord =
  | { readonly type: 'vote'; readonly kind: VoteKind; readonly view: number; readonly link: Uint8Array | undefined }
  | ({ readonly type: 'certificate' } & VoteCertificate)
  | ({ readonly type: 'block' } & SentBlock)
  /** `through` is left out where it is the whole epoch. */
  | { readonly type: 'observe'; readonly wholeEpoch: boolean; readonly through: number }

type Framed<Type extends EngineRecord['type']> = {
  readonly epoch: number
  readonly record: Omit<Extract<EngineRecord, { type: Type }>, 'type'>
}

const codecs: { readonly [Type in EngineRecord['type']]: Codec<Framed<Type>> } = {
  vote: compile(struct(['epoch', u53], ['record', struct(['kind', u8], ['view', u53], ['link', option(bytes32)])])),
  certificate: compile(struct(['epoch', u53], ['record', VOTE_CERTIFICATE_SCHEMA])),
  block: compile(struct(['epoch', u53], ['record', SENT_BLOCK_SCHEMA])),
  observe: compile(struct(['epoch', u53], ['record', struct(['wholeEpoch', bool], ['through', u53])])),
}

/** Tags are the places in this list: append only. */
const TYPES: readonly EngineRecord['type'][] = ['vote', 'certificate', 'block', 'observe']

export function encodeRecord(epoch: number, record: EngineRecord): Uint8Array {
  const codec = codecs[record.type] as Codec<{ epoch: number; record: EngineRecord }>
  const framed = { epoch, record }
  const out = carveBytes(1 + codec.size(framed))
  out[0] = TYPES.indexOf(record.type)
  codec.encodeInto(framed, out, 1)
  return out
}

/** Undefined for a record of another epoch; throws `ARM_LOG_CORRUPT` for what is none. */
export function decodeRecord(epoch: number, bytes: Uint8Array): EngineRecord | undefined {
  const type = TYPES[bytes[0] ?? TYPES.length]
  if (type === undefined) throw damaged('unknown tag')
  try {
    const { value, next } = codecs[type].decodeAt(bytes, 1)
    if (next !== bytes.length) throw damaged('bytes after its end')
    if (value.epoch !== epoch) return undefined
    const record = Object.assign(value.record, { type }) as EngineRecord
    if ((record.type === 'vote' || record.type === 'certificate') && !isStatement(record))
      throw damaged('not a statement')
    return record
  } catch (error) {
    if (isArmError(error) && error.code !== 'ARM_LOG_CORRUPT') throw damaged(error.message)
    throw error
  }
}
