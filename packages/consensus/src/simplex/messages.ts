import {
  ArmError,
  blob,
  bytes32,
  type Codec,
  carveBytes,
  compile,
  isArmError,
  list,
  option,
  type StructSchema,
  struct,
  u8,
  u16,
  u53,
} from '@armchain/core'
import {
  HEAD_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  PROOF_BYTES_MAX,
  RANGE_BLOCKS_MAX,
  RANGE_VIEWS_MAX,
  SEATS_MAX,
  SIGNATURE_BYTES_MAX,
} from '../limits.ts'
import { FINALIZE, NOTARIZE, NULLIFY, type VoteKind } from '../statement.ts'

/**
 * What validators send to each other: a tag of one byte, then the canonical encoding of the tag's schema.
 *
 * Rules: one encoding per message; lists, heads, payloads, signatures and proofs have named limits; a nullification has
 * no link, every other vote and certificate has one. A proposal that repeats a block of an earlier view brings no
 * payload. The signature in a proposal is the leader's `notarize` vote for it.
 */
export type Vote = {
  readonly type: 'vote'
  readonly kind: VoteKind
  readonly epoch: number
  readonly view: number
  readonly signer: number
  readonly link: Uint8Array | undefined
  readonly signature: Uint8Array
}

export type VoteCertificate = {
  readonly kind: VoteKind
  readonly view: number
  readonly link: Uint8Array | undefined
  readonly signers: Uint8Array
  readonly proof: Uint8Array
}

export type Proposal = {
  readonly type: 'proposal'
  readonly epoch: number
  readonly view: number
  readonly height: number
  readonly parentView: number
  /** Link of the block below, which for a repeated block is not the one of `parentView`. */
  readonly parentLink: Uint8Array
  readonly head: Uint8Array
  /** Absent where the block of `parentView` is repeated. */
  readonly payload: Uint8Array | undefined
  readonly signature: Uint8Array
}

/** A block as it is sent to who missed it; its link says which it is. */
export type SentBlock = {
  readonly view: number
  readonly height: number
  readonly parentLink: Uint8Array
  readonly head: Uint8Array
  readonly payload: Uint8Array
}

export type Message =
  | Vote
  | Proposal
  | { readonly type: 'certificates'; readonly epoch: number; readonly certificates: readonly VoteCertificate[] }
  /** Certificates of these views, both included. */
  | { readonly type: 'wantCertificates'; readonly epoch: number; readonly fromView: number; readonly toView: number }
  /** The block of this link and its ancestors above a height. */
  | { readonly type: 'wantBlocks'; readonly epoch: number; readonly link: Uint8Array; readonly aboveHeight: number }
  /** From the one that was asked for downwards. */
  | { readonly type: 'blocks'; readonly epoch: number; readonly blocks: readonly SentBlock[] }

export const VOTE_CERTIFICATE_SCHEMA: StructSchema = struct(
  ['kind', u8],
  ['view', u53],
  ['link', option(bytes32)],
  ['signers', blob((SEATS_MAX + 7) >> 3)],
  ['proof', blob(PROOF_BYTES_MAX)],
)
export const SENT_BLOCK_SCHEMA: StructSchema = struct(
  ['view', u53],
  ['height', u53],
  ['parentLink', bytes32],
  ['head', blob(HEAD_BYTES_MAX)],
  ['payload', blob(PAYLOAD_BYTES_MAX)],
)

const codecs: { readonly [Type in Message['type']]: Codec<Extract<Message, { type: Type }>> } = {
  vote: compile(
    struct(
      ['kind', u8],
      ['epoch', u53],
      ['view', u53],
      ['signer', u16],
      ['link', option(bytes32)],
      ['signature', blob(SIGNATURE_BYTES_MAX)],
    ),
  ),
  proposal: compile(
    struct(
      ['epoch', u53],
      ['view', u53],
      ['height', u53],
      ['parentView', u53],
      ['parentLink', bytes32],
      ['head', blob(HEAD_BYTES_MAX)],
      ['payload', option(blob(PAYLOAD_BYTES_MAX))],
      ['signature', blob(SIGNATURE_BYTES_MAX)],
    ),
  ),
  // Two for each view that was asked for, and the finalization.
  certificates: compile(
    struct(['epoch', u53], ['certificates', list(VOTE_CERTIFICATE_SCHEMA, 2 * RANGE_VIEWS_MAX + 1)]),
  ),
  wantCertificates: compile(struct(['epoch', u53], ['fromView', u53], ['toView', u53])),
  wantBlocks: compile(struct(['epoch', u53], ['link', bytes32], ['aboveHeight', u53])),
  blocks: compile(struct(['epoch', u53], ['blocks', list(SENT_BLOCK_SCHEMA, RANGE_BLOCKS_MAX)])),
}

/** Arrays whose content is remembered: a power of two, and what a committee of 31 has under way. */
const RECENTS = 1_024
const RECENT_BYTES_MAX = 4_096

/** Tags are the places in this list: append only. */
const TYPES: readonly Message['type'][] = [
  'vote',
  'proposal',
  'certificates',
  'wantCertificates',
  'wantBlocks',
  'blocks',
]

export function encodeMessage(message: Message): Uint8Array {
  const codec = codecs[message.type] as Codec<Message>
  const out = carveBytes(1 + codec.size(message))
  out[0] = TYPES.indexOf(message.type)
  codec.encodeInto(message, out, 1)
  remember(out, message)
  return out
}

/** Undefined for anything that is not the encoding of a message. The array must not change afterwards. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const recent = recents[placeOf(bytes)]
  if (recent?.bytes === bytes) return recent.message
  const type = TYPES[bytes[0] ?? TYPES.length]
  if (type === undefined) return undefined
  try {
    const { value, next } = codecs[type].decodeAt(bytes, 1)
    const message = value as Message & { type: Message['type'] }
    message.type = type
    if (next !== bytes.length || !isSound(message)) return undefined
    remember(bytes, message)
    return message
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

/**
 * What some of the last arrays hold, so that whoever is given the same array, as everyone in a simulation is that a message
 * is sent to, decodes it once. Not a weak map: the collector's work on one was more than the decoding that it saved.
 */
const recents: ({ readonly bytes: Uint8Array; readonly message: Message } | undefined)[] = new Array(RECENTS).fill(
  undefined,
)

function remember(bytes: Uint8Array, message: Message): void {
  if (bytes.length <= RECENT_BYTES_MAX) recents[placeOf(bytes)] = { bytes, message }
}

/** By the end of a message, where most have a signature. */
function placeOf(bytes: Uint8Array): number {
  const end = bytes.length
  return (((bytes[end - 3] as number) << 8) | (bytes[end - 4] as number)) & (RECENTS - 1)
}

/** What schemas cannot say. */
function isSound(message: Message): boolean {
  switch (message.type) {
    case 'vote':
      return isStatement(message)
    case 'proposal':
      return message.parentView < message.view
    case 'certificates':
      return message.certificates.every(isStatement)
    case 'wantCertificates':
      return message.fromView <= message.toView && message.toView - message.fromView < RANGE_VIEWS_MAX
    default:
      return true
  }
}

export function isStatement({ kind, link }: { readonly kind: number; readonly link: Uint8Array | undefined }): boolean {
  return kind === NULLIFY ? link === undefined : link !== undefined && (kind === NOTARIZE || kind === FINALIZE)
}

/** Throws what a record of the engine's own that does not decode is: damage that the shell should have found. */
export function damaged(what: string): ArmError {
  return new ArmError('ARM_LOG_CORRUPT', `a consensus record is damaged: ${what}`)
}
