import { activeEd25519, concatBytes } from '@armchain/core'
import type { CertificateScheme } from './scheme.ts'

/**
 * Certificates as lists of ed25519 signatures: attributable, and checked without any library but ed25519. Votes that
 * were checked one by one need no second look. Rule: signatures of 64 bytes, in ascending order of seats, each valid
 * under ZIP215.
 */
export const ed25519List: CertificateScheme = {
  id: 1,
  name: 'ed25519-list',
  keyBytes: 32,
  attributable: true,
  verifyVote: (publicKey, message, signature) => activeEd25519().verify({ publicKey, message, signature }),
  assemble: (signatures) => concatBytes(...signatures),
  verifyProof: (keys, message, proof) =>
    proof.length === SIGNATURE_BYTES * keys.length &&
    keys.every((publicKey, i) =>
      activeEd25519().verify({
        publicKey,
        message,
        signature: proof.subarray(SIGNATURE_BYTES * i, SIGNATURE_BYTES * (i + 1)),
      }),
    ),
}

const SIGNATURE_BYTES = 64
