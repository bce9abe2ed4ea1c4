/**
 * BLS signatures on BLS12-381, keys on G1 and signatures on G2, proof-of-possession suite
 * (draft-irtf-cfrg-bls-signature-05, `BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_`). Backends accept the same bytes: points
 * compressed, in the prime subgroup, not the identity. Anything else is `false`, never a throw.
 */
export interface BlsBackend {
  readonly name: string
  /** `secretKey` is a scalar of 32 bytes; 48 bytes come back. */
  publicKey(secretKey: Uint8Array): Uint8Array
  /** 96 bytes. */
  sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array
  /** Sum of valid signatures. */
  aggregate(signatures: readonly Uint8Array[]): Uint8Array
  /** Sum of keys that each have proven possession, compressed. */
  sumKeys(keys: readonly Uint8Array[]): Uint8Array
  /** True if the signature is the sum of one by each key, at least one, over the message. Keys have proven possession. */
  verify(keys: readonly Uint8Array[], message: Uint8Array, signature: Uint8Array): boolean
}

export const BLS_KEY_BYTES = 48
export const BLS_SIGNATURE_BYTES = 96
