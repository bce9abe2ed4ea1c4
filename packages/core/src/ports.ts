/** Time from outside. Protocol code never reads a clock; the shell passes `nowMs` in. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
}

/** Chance from outside: a cryptographic source in a node, a seeded one in a simulation. */
export interface Rng {
  bytes(count: number): Uint8Array
}

/** SHA-256, one by one and level by level; every backend gives the same bytes. */
export interface Hasher {
  readonly name: string
  sha256(data: Uint8Array): Uint8Array
  /** Writes the 32 bytes to `out` from `at`: for many that stand together, as a byte string each takes memory of its own. */
  sha256Into(data: Uint8Array, out: Uint8Array, at: number): void
  /**
   * Hashes `count` 64-byte blocks: `out[32 i .. 32 i + 32) = SHA-256(pairs[64 i .. 64 i + 64))`.
   * `pairs` and `out` do not overlap.
   */
  hashPairs(pairs: Uint8Array, out: Uint8Array, count: number): void
}

export type Ed25519Item = {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Checks ed25519 signatures under ZIP215; signs with RFC 8032. */
export interface Ed25519 {
  readonly name: string
  /** The ZIP215 rule exactly. Wrong lengths are a `false`, never a throw. */
  verify(item: Ed25519Item): boolean
  /** True if the key is canonical, not of small order and free of torsion: the keys that may own an account. */
  isAccountKey(publicKey: Uint8Array): boolean
  /** `secretSeed` is the 32-byte RFC 8032 seed; 64 bytes come back. */
  sign(message: Uint8Array, secretSeed: Uint8Array): Uint8Array
  publicKey(secretSeed: Uint8Array): Uint8Array
}
