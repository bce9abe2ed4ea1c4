import { concatBytes, utf8 } from '@armchain/core'
import { sha512 } from '@noble/hashes/sha2.js'
import { toLittleEndian } from './suite.ts'

/**
 * `encode_to_curve` of edwards25519_XMD:SHA-512_ELL2_NU_ (RFC 9380), up to the last step: the cofactor is left to who has
 * fast points. The inputs are public, so nothing here is constant in time.
 *
 * Two exponentiations, one for the square root and one for all inversions together, by a chain of 254 squarings.
 */

const P = 2n ** 255n - 19n
/** The coefficient of curve25519, v^2 = u^3 + J u^2 + u. */
const J = 486662n
const SQRT_MINUS_ONE = power(2n, (P - 1n) / 4n)
/** 2^((p+3)/8): its square is 2 times a square root of -1, up to the sign. */
const ROOT_FOR_TWO = power(2n, (P + 3n) / 8n)
/** The even square root of -(J + 2), which scales between the two curves. */
const SCALE = evenRoot(P - J - 2n)

/** Length of an input block of SHA-512, and of the uniform bytes for one field element (RFC 9380, 8.5). */
const BLOCK_BYTES = 128
const UNIFORM_BYTES = 48

/** The field element of `hash_to_field` (5.2) for the message, by `expand_message_xmd` (5.3.1). */
export function hashToField(message: Uint8Array, tag: Uint8Array): bigint {
  const dst = concatBytes(tag, Uint8Array.of(tag.length))
  const length = Uint8Array.of(UNIFORM_BYTES >> 8, UNIFORM_BYTES & 0xff)
  const b0 = sha512(concatBytes(new Uint8Array(BLOCK_BYTES), message, length, Uint8Array.of(0), dst))
  const uniform = sha512(concatBytes(b0, Uint8Array.of(1), dst)).subarray(0, UNIFORM_BYTES)
  let value = 0n
  for (const byte of uniform) value = (value << 8n) | BigInt(byte)
  return value % P
}

/** The domain separation tag of ECVRF (RFC 9381, 5.4.1.2). */
export function encodeTag(suiteByte: number): Uint8Array {
  return concatBytes(utf8('ECVRF_edwards25519_XMD:SHA-512_ELL2_NU_'), Uint8Array.of(suiteByte))
}

/** The encoding of the point that Elligator 2 gives for a field element (6.8.2), before the cofactor is cleared. */
export function mapToEdwards(element: bigint): Uint8Array {
  const { xn, xd, y } = mapToMontgomery(element)
  const sum = mod(xn + xd)
  const below = mod(xd * y)
  // One inverse for both quotients; where it is of zero, the neutral element is what the map is defined to give.
  const product = mod(below * sum)
  if (product === 0n) return toLittleEndian(1n, 32)
  const inverse = invert(product)
  const v = mod(mod(SCALE * xn) * mod(inverse * sum))
  const w = mod(mod(xn - xd) * mod(inverse * below))
  const encoding = toLittleEndian(w, 32)
  encoding[31] = (encoding[31] as number) | (Number(v & 1n) << 7)
  return encoding
}

/** Elligator 2 on curve25519 (6.7.1): u = xn / xd, and v. */
function mapToMontgomery(element: bigint): { readonly xn: bigint; readonly xd: bigint; readonly y: bigint } {
  const twice = mod(2n * mod(element * element))
  // Never zero: 2 is no square, and -1 is one.
  const xd = mod(1n + twice)
  const xn = P - J
  const gn = mod(xn * mod(mod(xn * xn) + mod(mod(J * xn) * xd) + mod(xd * xd)))
  const gd = mod(mod(xd * xd) * xd)
  const root = rootCandidate(gn, gd)
  const first = rightRoot(root, gn, gd)
  if (first !== undefined) return { xn, xd, y: withParity(first, 1n) }
  const second = rightRoot(mod(mod(root * element) * ROOT_FOR_TWO), mod(twice * gn), gd) as bigint
  return { xn: mod(twice * xn), xd, y: withParity(second, 0n) }
}

/** A root of n/d times a fourth root of one, if n/d is a square; a root times another such constant otherwise. */
function rootCandidate(n: bigint, d: bigint): bigint {
  const d2 = mod(d * d)
  const d3 = mod(d2 * d)
  const nd7 = mod(mod(n * d3) * mod(d2 * d2))
  return mod(mod(n * d3) * powerChain(nd7))
}

/** Of the candidate and its multiple by the root of -1, the one whose square is n/d. */
function rightRoot(candidate: bigint, n: bigint, d: bigint): bigint | undefined {
  const square = mod(d * mod(candidate * candidate))
  if (square === n) return candidate
  if (square === mod(-n)) return mod(candidate * SQRT_MINUS_ONE)
  return undefined
}

function withParity(value: bigint, parity: bigint): bigint {
  return value !== 0n && (value & 1n) !== parity ? P - value : value
}

function mod(value: bigint): bigint {
  const rest = value % P
  return rest < 0n ? rest + P : rest
}

/** value^(p-2), by 8 (2^252 - 3) + 3 = p - 2. */
function invert(value: bigint): bigint {
  return mod(squarings(powerChain(value), 3) * mod(mod(value * value) * value))
}

/** value^((p-5)/8) = value^(2^252 - 3). */
function powerChain(value: bigint): bigint {
  const ones2 = mod(squarings(value, 1) * value)
  const ones4 = mod(squarings(ones2, 2) * ones2)
  const ones5 = mod(squarings(ones4, 1) * value)
  const ones10 = mod(squarings(ones5, 5) * ones5)
  const ones20 = mod(squarings(ones10, 10) * ones10)
  const ones40 = mod(squarings(ones20, 20) * ones20)
  const ones50 = mod(squarings(ones40, 10) * ones10)
  const ones100 = mod(squarings(ones50, 50) * ones50)
  const ones200 = mod(squarings(ones100, 100) * ones100)
  const ones250 = mod(squarings(ones200, 50) * ones50)
  return mod(squarings(ones250, 2) * value)
}

function squarings(value: bigint, count: number): bigint {
  let square = value
  for (let i = 0; i < count; i++) square = (square * square) % P
  return square
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % P)
    if ((rest & 1n) === 1n) result = (result * square) % P
  return result
}

function evenRoot(square: bigint): bigint {
  return withParity(rightRoot(rootCandidate(square, 1n), square, 1n) as bigint, 0n)
}
