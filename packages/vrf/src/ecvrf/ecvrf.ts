import { ArmError, concatBytes, equalBytes, fromHex } from '@armchain/core'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { encodeTag, hashToField, mapToEdwards } from './elligator.ts'
import { challengeOf, isNeutral, outputOf, tryHash } from './hashes.ts'
import { type PublicPoints, sharedPoints } from './points.ts'
import {
  CHALLENGE_BYTES,
  type Ecvrf,
  type EcvrfSuite,
  GROUP_ORDER,
  littleEndian,
  POINT_BYTES,
  SCALAR_BYTES,
  SUITE_BYTES,
  splitProof,
  toLittleEndian,
} from './suite.ts'

/**
 * ECVRF over edwards25519 (RFC 9381, section 5).
 *
 * Rules: keys are validated (5.4.5), encodings of points are read as RFC 8032 decodes them, and only reduced scalars are
 * accepted, so that a key and an input have one output, and a proof one encoding. Verification handles public values
 * alone and runs on the WebAssembly kernel, which is not constant in time (on noble's points where it may not start).
 *
 * Proving multiplies points by the secret scalar and the nonce with noble's multiplication of a fixed sequence of
 * additions; the kernel never sees a secret. Integers of JavaScript engines take time that depends on their size all the
 * same, so this hides secrets from who watches over a network, not from who shares the processor.
 *
 * Deviations: none. Keys of mixed order pass, as in the RFC; the chain refuses them where keys are registered.
 *
 * @throws {ArmError} `ARM_ARGUMENT` for a suite that is none.
 */
export function ecvrf(suite: EcvrfSuite, points: () => PublicPoints = sharedPoints): Ecvrf {
  const suiteByte = Object.hasOwn(SUITE_BYTES, suite) ? SUITE_BYTES[suite] : undefined
  if (suiteByte === undefined) throw new ArmError('ARM_ARGUMENT', 'no ECVRF suite has this name', { suite })
  const context: Context = { suiteByte, points }
  return {
    prove: (secretKey, alpha) => prove(context, secretKey, alpha),
    verify: (publicKey, alpha, proof) => verify(context, publicKey, alpha, proof),
    proofToHash: (proof) => proofToHash(context, proof),
    validateKey: (publicKey) => validateKey(context, publicKey),
  }
}

type Context = { readonly suiteByte: number; readonly points: () => PublicPoints }

const { Point } = ed25519
const TAI = SUITE_BYTES['ECVRF-EDWARDS25519-SHA512-TAI']
const BASE = Point.BASE.toBytes()
const EIGHT = toLittleEndian(8n, SCALAR_BYTES)
const SMALL_ORDER: ReadonlySet<string> = new Set(ED25519_TORSION_SUBGROUP.map((hex) => fromHex(hex).join()))

function prove(context: Context, secretKey: Uint8Array, alpha: Uint8Array): Uint8Array {
  if (!(secretKey instanceof Uint8Array) || secretKey.length !== 32)
    throw new ArmError('ARM_ARGUMENT', 'an ed25519 secret key has 32 bytes')
  const { scalar, prefix, pointBytes } = ed25519.utils.getExtendedPublicKey(secretKey)
  const encoding = encodeToCurve(context, pointBytes, alpha)
  const H = Point.fromBytes(encoding)
  const gamma = H.multiply(scalar).toBytes()
  // The nonce of RFC 8032 (5.4.2.2). That it is zero has a chance of 2^-252.
  const nonce = littleEndian(sha512(concatBytes(prefix, encoding))) % GROUP_ORDER
  const commitments = [Point.BASE.multiply(nonce).toBytes(), H.multiply(nonce).toBytes()]
  const challenge = challengeOf(context.suiteByte, [pointBytes, encoding, gamma, ...commitments])
  const s = (nonce + littleEndian(challenge) * scalar) % GROUP_ORDER
  return concatBytes(gamma, challenge, toLittleEndian(s, SCALAR_BYTES))
}

function verify(context: Context, publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array | false {
  const parts = splitProof(proof)
  if (parts === undefined || !validateKey(context, publicKey)) return false
  const points = context.points()
  const { gamma, challenge, scalar } = parts
  if (!points.isCanonicalPoint(gamma)) return false
  const encoding = encodeToCurve(context, publicKey, alpha)
  const scalars = concatBytes(scalar, challenge, new Uint8Array(SCALAR_BYTES - CHALLENGE_BYTES))
  const U = points.multiply(concatBytes(BASE, negative(publicKey)), scalars) as Uint8Array
  const V = points.multiply(concatBytes(encoding, negative(gamma)), scalars) as Uint8Array
  const expected = challengeOf(context.suiteByte, [publicKey, encoding, gamma, U, V])
  return equalBytes(expected, challenge) && outputOf(context.suiteByte, eightTimes(context, gamma))
}

function proofToHash(context: Context, proof: Uint8Array): Uint8Array | false {
  const parts = splitProof(proof)
  if (parts === undefined || !context.points().isCanonicalPoint(parts.gamma)) return false
  return outputOf(context.suiteByte, eightTimes(context, parts.gamma))
}

function validateKey({ points }: Context, publicKey: Uint8Array): boolean {
  if (!(publicKey instanceof Uint8Array) || publicKey.length !== POINT_BYTES) return false
  return points().isCanonicalPoint(publicKey) && !SMALL_ORDER.has(publicKey.join())
}

/** The canonical encoding of H (5.4.1), with the key as the salt. */
function encodeToCurve(context: Context, publicKey: Uint8Array, alpha: Uint8Array): Uint8Array {
  const { suiteByte, points } = context
  if (suiteByte !== TAI)
    return eightTimes(context, mapToEdwards(hashToField(concatBytes(publicKey, alpha), encodeTag(suiteByte))))
  for (let counter = 0; counter < 256; counter++) {
    const candidate = tryHash(suiteByte, publicKey, alpha, counter)
    if (!points().isCanonicalPoint(candidate)) continue
    const point = eightTimes(context, candidate)
    if (!isNeutral(point)) return point
  }
  throw new ArmError('ARM_INTERNAL', 'no counter gave a point: the chance of this is 2^-256')
}

function eightTimes({ points }: Context, encoding: Uint8Array): Uint8Array {
  return points().multiply(encoding, EIGHT) as Uint8Array
}

function negative(encoding: Uint8Array): Uint8Array {
  return encoding.with(POINT_BYTES - 1, (encoding[POINT_BYTES - 1] as number) ^ 0x80)
}
