import type { CertificateScheme } from '@armchain/consensus'
import { concatBytes } from '@armchain/core'
import { mix, mixBytes } from './random.ts'

/** Stands in certificates of simulated committees; no real scheme has it. */
export const FAKE_SCHEME_ID = 255
const SIGNATURE_BYTES = 8

/**
 * Signatures that cost a tenth of a microsecond: a digest of key and message in 64 bits. Anyone outside the world could
 * forge them; inside it nobody does, because a host signs only through the signer that it was given, adversaries included.
 */
export const fakeScheme: CertificateScheme = {
  id: FAKE_SCHEME_ID,
  name: 'fake',
  keyBytes: 32,
  attributable: true,
  verifyVote: (key, message, signature) => signature.length === SIGNATURE_BYTES && isSigned(key, message, signature, 0),
  assemble: (signatures) => concatBytes(...signatures),
  verifyProof: (keys, message, proof) =>
    proof.length === keys.length * SIGNATURE_BYTES &&
    keys.every((key, i) => isSigned(key, message, proof, i * SIGNATURE_BYTES)),
}

export function fakeSign(key: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES)
  sign(key, message)
  for (let i = 0; i < 4; i++) {
    signature[i] = signed.high >>> (24 - 8 * i)
    signature[4 + i] = signed.low >>> (24 - 8 * i)
  }
  return signature
}

function isSigned(key: Uint8Array, message: Uint8Array, proof: Uint8Array, at: number): boolean {
  sign(key, message)
  return wordAt(proof, at) === signed.high && wordAt(proof, at + 4) === signed.low
}

/** What `sign` gives: two words. */
const signed = { high: 0, low: 0 }
/** The digest of the last message: the votes of a view are mostly for one, which engines keep as one array. */
const last: { message: Uint8Array; high: number; low: number } = { message: new Uint8Array(0), high: 0, low: 0 }

function sign(key: Uint8Array, message: Uint8Array): void {
  if (last.message !== message) {
    last.message = message
    last.high = mixBytes(0x7369676e, message)
    last.low = mixBytes(last.high ^ 0x7265, message)
  }
  const secret = mixBytes(0x51617475, key)
  signed.high = mix(last.high ^ secret)
  signed.low = mix(last.low + secret) ^ Math.imul(signed.high, 0x9e3779b1)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}
