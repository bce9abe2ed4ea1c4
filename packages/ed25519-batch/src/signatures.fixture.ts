import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import type { Item } from './batch.ts'

export const Point: typeof ed25519.Point = ed25519.Point
export const ORDER: bigint = Point.Fn.ORDER
/** The eight points of small order. */
export const TORSION: readonly (typeof Point.BASE)[] = ED25519_TORSION_SUBGROUP.map((hex) => Point.fromHex(hex, true))

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

export function bytesOf(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

/** Little-endian. */
export function integerOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

export function seedOf(n: number): Uint8Array {
  return sha256(new TextEncoder().encode(`seed ${n}`))
}

export function messageOf(length: number, n = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 131 + n * 17 + (i >> 8)) & 255)
}

/** An honest signature by key number `key`. */
export function signed(key: number, message: Uint8Array): Item {
  const seed = seedOf(key)
  return { publicKey: ed25519.getPublicKey(seed), message, signature: ed25519.sign(message, seed) }
}

/** What ZIP215 says, by the reference. */
export function reference({ publicKey, message, signature }: Item): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: true })
  } catch {
    return false
  }
}

export function challenge(R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint {
  return integerOf(sha512(concat(R, A, message))) % ORDER
}

/** A signature by secret `a` and nonce `r` whose key and R have the given points of small order added; valid by ZIP215. */
export function withTorsion(a: bigint, r: bigint, message: Uint8Array, ofKey: number, ofR: number): Item {
  const publicKey = Point.BASE.multiply(a)
    .add(TORSION[ofKey] as typeof Point.BASE)
    .toBytes()
  const R = Point.BASE.multiply(r)
    .add(TORSION[ofR] as typeof Point.BASE)
    .toBytes()
  const s = (r + challenge(R, publicKey, message) * a) % ORDER
  return { publicKey, message, signature: concat(R, bytesOf(s)) }
}
