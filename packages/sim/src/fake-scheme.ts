import type { CertificateScheme } from '@armchain/consensus'
import { concatBytes, equalBytes } from '@armchain/core'
import { mixBytes } from './random.ts'

/** Stands in certificates of simulated committees; no real scheme has it. */
export const FAKE_SCHEME_ID = 255
const SIGNATURE_BYTES = 8

/**
 * Signatures that cost a microsecond: a digest of key and message. Anyone outside the world could forge them; inside it
 * nobody does, because a host signs only through the signer that it was given, adversaries included.
 */
export const fakeScheme: CertificateScheme = {
  id: FAKE_SCHEME_ID,
  name: 'fake',
  keyBytes: 32,
  attributable: true,
  verifyVote: (key, message, signature) => equalBytes(signature, fakeSign(key, message)),
  assemble: (signatures) => concatBytes(...signatures),
  verifyProof: (keys, message, proof) =>
    proof.length === keys.length * SIGNATURE_BYTES &&
    keys.every((key, i) => {
      const at = i * SIGNATURE_BYTES
      return equalBytes(proof.subarray(at, at + SIGNATURE_BYTES), fakeSign(key, message))
    }),
}

export function fakeSign(key: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES)
  const view = new DataView(signature.buffer)
  const low = mixBytes(mixBytes(0x51617475, key), message)
  view.setInt32(0, low)
  view.setInt32(4, mixBytes(low ^ 0x7265, message))
  return signature
}
