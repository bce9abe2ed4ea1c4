/**
 * A native library in front of the judge: whatever it accepts, ZIP215 accepts; a `false` of it still has to be judged.
 * Lengths are the caller's to check.
 */
export type FastFilter = {
  readonly name: string
  accepts(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** True only for keys that may own an account. */
  acceptsKey(publicKey: Uint8Array): boolean
}
