/** The two suites of RFC 9381 over edwards25519, by their names there (section 5.5). ELL2 is what the protocol uses. */
export type EcvrfSuite = 'ECVRF-EDWARDS25519-SHA512-TAI' | 'ECVRF-EDWARDS25519-SHA512-ELL2'

/** `suite_string` of each: goes into every hash, so that a proof of one suite is none of the other. */
export const SUITE_BYTES: Readonly<Record<EcvrfSuite, number>> = {
  'ECVRF-EDWARDS25519-SHA512-TAI': 0x03,
  'ECVRF-EDWARDS25519-SHA512-ELL2': 0x04,
}

export const POINT_BYTES = 32
/** `cLen`: challenges are cut to 128 bits. */
export const CHALLENGE_BYTES = 16
export const SCALAR_BYTES = 32
/** Gamma, c and s. */
export const PROOF_BYTES: number = POINT_BYTES + CHALLENGE_BYTES + SCALAR_BYTES
/** What `proofToHash` gives, called beta in the RFC. */
export const OUTPUT_BYTES = 64

/** The order of the prime-order subgroup: `s` is below it. */
export const GROUP_ORDER: bigint = 2n ** 252n + 27742317777372353535851937790883648493n

/**
 * A verifiable random function: the holder of a secret key computes 64 bytes of an input, and everyone with the public
 * key can check them, but nobody can foretell them (RFC 9381).
 *
 * What does not have the form of a proof, or is not one, is `false`. What a caller hands over of its own, a secret key or a
 * suite, throws `ARM_ARGUMENT` if it is none.
 */
export interface Ecvrf {
  /** The proof of 80 bytes, the same each time. `secretKey` is the ed25519 secret of 32 bytes. */
  prove(secretKey: Uint8Array, alpha: Uint8Array): Uint8Array
  /** The output of 64 bytes if the proof holds, else false; keys of small order are refused (5.4.5). */
  verify(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array | false
  /** The output of a proof that is one's own or has been verified: this checks the form only. */
  proofToHash(proof: Uint8Array): Uint8Array | false
  /** Whether the key decodes (RFC 8032) to a point that is not of small order. */
  validateKey(publicKey: Uint8Array): boolean
}

export type ProofParts = {
  readonly gamma: Uint8Array
  readonly challenge: Uint8Array
  readonly scalar: Uint8Array
}

/** The parts of a proof (5.4.4), as views; undefined for a wrong length or an `s` that is not reduced. */
export function splitProof(proof: Uint8Array): ProofParts | undefined {
  if (!(proof instanceof Uint8Array) || proof.length !== PROOF_BYTES) return undefined
  const scalar = proof.subarray(POINT_BYTES + CHALLENGE_BYTES)
  if (littleEndian(scalar) >= GROUP_ORDER) return undefined
  return { gamma: proof.subarray(0, POINT_BYTES), challenge: proof.subarray(POINT_BYTES, -SCALAR_BYTES), scalar }
}

export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number)
  return value
}

export function toLittleEndian(value: bigint, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  for (let i = 0, rest = value; i < sizeBytes; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}
