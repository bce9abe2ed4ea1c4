import { platformBls } from '#platform'
import type { BlsBackend } from './bls-backend.ts'
import { BLS_KEY_BYTES, BLS_SIGNATURE_BYTES } from './bls-backend.ts'
import type { CertificateScheme } from './scheme.ts'

/**
 * Certificates as one BLS signature: the sum of the signers', checked against the sum of their keys. 96 bytes whatever
 * the committee's size, and the bitmap shows who signed.
 *
 * Rule: every key of a committee has proven possession of its secret (`verifyPossession`) when it was registered; the
 * scheme does not check it again, and is not safe without.
 */
export function blsMultisig(backend: BlsBackend = platformBls): CertificateScheme {
  return {
    id: 2,
    name: 'bls-multisig',
    keyBytes: BLS_KEY_BYTES,
    attributable: true,
    verifyVote: (key, message, signature) => backend.verify([key], message, signature),
    assemble: (signatures) => backend.aggregate(signatures),
    verifyProof: (keys, message, proof) => proof.length === BLS_SIGNATURE_BYTES && backend.verify(keys, message, proof),
  }
}

/** True where BLS signatures take about a millisecond, and not fifty: where the native library loads. */
export function isBlsNative(): boolean {
  return platformBls.name !== 'noble'
}

/** The key that a certificate of a whole committee is checked against: who did not sign is subtracted from it. */
export function sumBlsKeys(keys: readonly Uint8Array[], backend: BlsBackend = platformBls): Uint8Array {
  return backend.sumKeys(keys)
}
