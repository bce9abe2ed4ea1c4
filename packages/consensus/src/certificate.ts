import {
  blob,
  bytes32,
  type Codec,
  compile,
  type Head,
  headCodec,
  headHash,
  isArmError,
  list,
  type Outcome,
  refuse,
  struct,
  u8,
  u53,
} from '@armchain/core'
import type { Committee } from './committee.ts'
import { PROOF_BYTES_MAX, SEATS_MAX, UNFINALISED_BLOCKS_MAX } from './limits.ts'
import { readSigners, signerBitmap } from './signers.ts'
import { FINALIZE, linkOf, type Statements, statementsOf } from './statement.ts'

/**
 * Proof that a head is final, to whoever knows the committee of its epoch.
 *
 * Rule: a quorum signed `finalize` for the link of the last block of `path`, or of the head itself where the path is
 * empty; links lead from the head to it. So a head that became final through a block above it has a certificate like
 * any other, and whoever checks one needs a hash and a signature check, and a hash more for each block of the path.
 */
export type FinalCertificate = {
  /** `id` of the certificate scheme. */
  readonly scheme: number
  /** Link of the block below the head. */
  readonly parentLink: Uint8Array
  /** View in which the head was proposed: its own, or a later one where it was proposed again. */
  readonly view: number
  /** Blocks between the head and the one that was voted on, ascending, that one included. */
  readonly path: readonly PathStep[]
  /** See `signerBitmap`. */
  readonly signers: Uint8Array
  readonly proof: Uint8Array
}

export type PathStep = { readonly view: number; readonly headHash: Uint8Array }

export const finalCertificateCodec: Codec<FinalCertificate> = compile(
  struct(
    ['scheme', u8],
    ['parentLink', bytes32],
    ['view', u53],
    ['path', list(struct(['view', u53], ['headHash', bytes32]), UNFINALISED_BLOCKS_MAX)],
    ['signers', blob((SEATS_MAX + 7) >> 3)],
    ['proof', blob(PROOF_BYTES_MAX)],
  ),
)

/** What whoever checks certificates knows beforehand. */
export type CertificateRules = {
  readonly genesisHash: Uint8Array
  readonly schemaVersion: number
  /** The committee of the head's epoch. */
  readonly committee: Committee
}

/** The decoded head if the certificate proves it final. */
export function verifyCertificate(head: Uint8Array, certificate: Uint8Array, rules: CertificateRules): Outcome<Head> {
  let decoded: Head
  let final: FinalCertificate
  try {
    decoded = headCodec.decode(head)
    final = finalCertificateCodec.decode(certificate)
  } catch (error) {
    if (!isArmError(error)) throw error
    return refuse('ARM_BLOCK_CERTIFICATE', 'head or certificate is malformed', { ...error.data })
  }
  const { committee, genesisHash, schemaVersion } = rules
  const { scheme, seats, quorumWeight } = committee
  if (final.scheme !== scheme.id)
    return refuse('ARM_BLOCK_CERTIFICATE', 'the certificate is of another scheme', { scheme: final.scheme })
  const signers = readSigners(final.signers, committee)
  if (signers === undefined) return refuse('ARM_BLOCK_CERTIFICATE', 'the signer bitmap is not one of this committee')
  if (seats.length === 0 || signers.weight < quorumWeight)
    return refuse('ARM_BLOCK_CERTIFICATE', 'too little weight has signed', {
      weight: signers.weight,
      quorum: quorumWeight,
    })
  const { shard, epoch, height } = decoded
  const { view, link } = votedOn(final, headHash(head), height)
  const message = statementsOf({ genesisHash, schemaVersion, shard, epoch })(FINALIZE, view, link)
  const keys = signers.indexes.map((index) => (seats[index] as { key: Uint8Array }).key)
  return scheme.verifyProof(keys, message, final.proof)
    ? { ok: true, value: decoded }
    : refuse('ARM_BLOCK_CERTIFICATE', 'a signature is invalid')
}

/** The statement that a certificate's signers voted on, given the hash and height of the head that it is for. */
export function votedOn(
  { parentLink, view, path }: Pick<FinalCertificate, 'parentLink' | 'view' | 'path'>,
  hash: Uint8Array,
  height: number,
): { readonly view: number; readonly link: Uint8Array } {
  let link = linkOf(parentLink, view, height, hash)
  for (const [i, step] of path.entries()) link = linkOf(link, step.view, height + 1 + i, step.headHash)
  return { view: path.at(-1)?.view ?? view, link }
}

/** Certifies a head directly, for who holds the keys: a sequencer that decides alone, and tests. */
export function signCertificate(
  rules: CertificateRules,
  head: Uint8Array,
  signers: readonly { readonly index: number; readonly sign: (message: Uint8Array) => Uint8Array }[],
): Uint8Array {
  const { shard, epoch, view, height } = headCodec.decode(head)
  const at = { view, height, headHash: headHash(head) }
  return certificateAlone(rules, statementsOf({ ...rules, shard, epoch }), at, signers)
}

/** The same of a head that is decoded already, with the statements of its shard and epoch, for who certifies many. */
export function certificateAlone(
  rules: CertificateRules,
  statements: Statements,
  { view, height, headHash: hash }: { readonly view: number; readonly height: number; readonly headHash: Uint8Array },
  signers: readonly { readonly index: number; readonly sign: (message: Uint8Array) => Uint8Array }[],
): Uint8Array {
  const parentLink = new Uint8Array(32)
  const message = statements(FINALIZE, view, linkOf(parentLink, view, height, hash))
  const sorted = [...signers].sort((a, b) => a.index - b.index)
  const { scheme, seats } = rules.committee
  return finalCertificateCodec.encode({
    scheme: scheme.id,
    parentLink,
    view,
    path: [],
    signers: signerBitmap(
      sorted.map(({ index }) => index),
      seats.length,
    ),
    proof: scheme.assemble(sorted.map(({ sign }) => sign(message))),
  })
}
