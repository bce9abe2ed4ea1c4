import {
  blob,
  bytes32,
  type Codec,
  compareBytes,
  compile,
  isArmError,
  type Outcome,
  option,
  refuse,
  sha256,
  struct,
  u8,
  u16,
  u53,
} from '@armchain/core'
import type { Committee } from './committee.ts'
import { SIGNATURE_BYTES_MAX } from './limits.ts'
import { type Context, FINALIZE, NOTARIZE, NULLIFY, statementsOf, type VoteKind } from './statement.ts'

/**
 * Proof that one validator has signed two votes that no correct one signs both of.
 *
 * Rules: both of one epoch and view. Two `notarize` for different links (a leader's proposal is one); two `finalize` for
 * different links; or `finalize` and `nullify`. Votes stand in order of kind, then link, so that one pair has one
 * encoding; the id names signer, view and offence, so that one offence counts once however many pairs show it.
 *
 * *Deviations*: an offence of its own for two proposals is not needed, as a proposal carries the leader's `notarize`.
 */
export type Evidence = {
  readonly epoch: number
  readonly view: number
  /** Seat index in the epoch's committee. */
  readonly signer: number
  readonly voteA: EvidenceVote
  readonly voteB: EvidenceVote
}

export type Offence = 'double-notarize' | 'double-finalize' | 'nullify-and-finalize'

export type EvidenceVote = {
  readonly kind: VoteKind
  readonly link: Uint8Array | undefined
  readonly signature: Uint8Array
}

const VOTE_SCHEMA = struct(['kind', u8], ['link', option(bytes32)], ['signature', blob(SIGNATURE_BYTES_MAX)])

const evidenceCodec: Codec<Evidence> = compile(
  struct(['epoch', u53], ['view', u53], ['signer', u16], ['voteA', VOTE_SCHEMA], ['voteB', VOTE_SCHEMA]),
)

const idCodec: Codec<{ epoch: number; view: number; signer: number; kindA: number; kindB: number }> = compile(
  struct(['epoch', u53], ['view', u53], ['signer', u16], ['kindA', u8], ['kindB', u8]),
)

/** The evidence of two votes, in whatever order they were seen. */
export function encodeEvidence(
  { epoch, view, signer }: Pick<Evidence, 'epoch' | 'view' | 'signer'>,
  votes: readonly [EvidenceVote, EvidenceVote],
): Uint8Array {
  const [voteA, voteB] = compareVotes(...votes) <= 0 ? votes : [votes[1], votes[0]]
  return evidenceCodec.encode({ epoch, view, signer, voteA, voteB })
}

/**
 * The evidence if it holds against the committee of its epoch; `context.epoch` is that epoch. Refuses with
 * `ARM_EVIDENCE` what shows nothing.
 */
export function verifyEvidence(
  bytes: Uint8Array,
  { context, committee }: { readonly context: Context; readonly committee: Committee },
): Outcome<Evidence> {
  const bad = (message: string) => refuse('ARM_EVIDENCE', message)
  const decoded = decodeEvidence(bytes)
  if (!decoded.ok) return decoded
  const { epoch, view, signer, voteA, voteB } = decoded.value
  const seat = committee.seats[signer]
  if (epoch !== context.epoch || seat === undefined) return bad('the signer has no seat in that epoch')
  if (compareVotes(voteA, voteB) >= 0) return bad('the votes are one, or not in order')
  if (!contradict(voteA, voteB)) return bad('a correct validator may sign both')
  const statements = statementsOf(context)
  const signed = [voteA, voteB].every(({ kind, link, signature }) =>
    committee.scheme.verifyVote(seat.key, statements(kind, view, link), signature),
  )
  return signed ? decoded : bad('a signature is invalid')
}

/** What the bytes claim, which is yet to be verified: whoever needs the committee of the epoch that they name. */
export function decodeEvidence(bytes: Uint8Array): Outcome<Evidence> {
  try {
    return { ok: true, value: evidenceCodec.decode(bytes) }
  } catch (error) {
    if (isArmError(error)) return refuse('ARM_EVIDENCE', 'the evidence is malformed')
    throw error
  }
}

/** What the two votes of valid evidence are together. */
export function offenceOf({ voteA, voteB }: Evidence): Offence {
  if (voteA.kind === NOTARIZE) return 'double-notarize'
  return voteA.kind === FINALIZE ? 'double-finalize' : 'nullify-and-finalize'
}

/** Names the offence: the same for every pair of votes that shows it. */
export function evidenceId({ epoch, view, signer, voteA, voteB }: Evidence): Uint8Array {
  return sha256(idCodec.encode({ epoch, view, signer, kindA: voteA.kind, kindB: voteB.kind }))
}

/** Whether no correct validator signs both in one view. */
export function contradict(a: Pick<EvidenceVote, 'kind' | 'link'>, b: Pick<EvidenceVote, 'kind' | 'link'>): boolean {
  if (a.kind !== b.kind) return Math.min(a.kind, b.kind) === NULLIFY && Math.max(a.kind, b.kind) === FINALIZE
  if (a.link === undefined || b.link === undefined || a.kind === NULLIFY) return false
  return (a.kind === NOTARIZE || a.kind === FINALIZE) && compareBytes(a.link, b.link) !== 0
}

function compareVotes(a: EvidenceVote, b: EvidenceVote): number {
  if (a.kind !== b.kind) return a.kind - b.kind
  return compareBytes(a.link ?? NO_LINK, b.link ?? NO_LINK)
}

const NO_LINK = new Uint8Array(0)
