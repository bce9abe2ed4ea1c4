/**
 * How votes are signed and a quorum of them is shown. A port: the simulator puts a fast one in its place.
 *
 * Rules: pure and synchronous; bytes that come from outside, any at all, give `false` and never a throw; `assemble` of
 * votes that `verifyVote` takes gives a proof that `verifyProof` takes.
 */
export interface CertificateScheme {
  /** Stands in every certificate. */
  readonly id: number
  readonly name: string
  /** Bytes of a public key. */
  readonly keyBytes: number
  /** True if a certificate shows who signed. */
  readonly attributable: boolean
  verifyVote(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** A proof from checked signatures, in ascending order of seats. */
  assemble(signatures: readonly Uint8Array[]): Uint8Array
  /** True if the holders of all these keys, in ascending order of seats, signed the message. */
  verifyProof(keys: readonly Uint8Array[], message: Uint8Array, proof: Uint8Array): boolean
}
