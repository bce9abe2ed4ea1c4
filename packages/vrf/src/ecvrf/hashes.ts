import { concatBytes, equalBytes } from '@armchain/core'
import { sha512 } from '@noble/hashes/sha2.js'
import { CHALLENGE_BYTES } from './suite.ts'

// Domain separators of RFC 9381, 5.4 and 5.2; each hash begins with the suite and one of them, and ends in a zero byte.
const TRY_AND_INCREMENT = 0x01
const CHALLENGE = 0x02
const PROOF_TO_HASH = 0x03
const BACK = Uint8Array.of(0)

/** The challenge of 16 bytes (5.4.3) over the encodings of Y, H, Gamma, U and V. */
export function challengeOf(suiteByte: number, points: readonly Uint8Array[]): Uint8Array {
  const front = Uint8Array.of(suiteByte, CHALLENGE)
  return sha512(concatBytes(front, ...points, BACK)).subarray(0, CHALLENGE_BYTES)
}

/** The output (5.2) of the encoding of 8 Gamma. */
export function outputOf(suiteByte: number, eightGamma: Uint8Array): Uint8Array {
  return sha512(concatBytes(Uint8Array.of(suiteByte, PROOF_TO_HASH), eightGamma, BACK))
}

/** The 32 bytes that the counter's try reads as a point (5.4.1.1). */
export function tryHash(suiteByte: number, publicKey: Uint8Array, alpha: Uint8Array, counter: number): Uint8Array {
  const front = Uint8Array.of(suiteByte, TRY_AND_INCREMENT)
  return sha512(concatBytes(front, publicKey, alpha, Uint8Array.of(counter), BACK)).slice(0, 32)
}

const NEUTRAL = Uint8Array.of(1, ...new Uint8Array(31))

export function isNeutral(encoding: Uint8Array): boolean {
  return equalBytes(encoding, NEUTRAL)
}
