import { concatBytes, equalBytes } from '@armchain/core'
import { ed25519, ed25519_hasher } from '@noble/curves/ed25519.js'
import { encodeTag } from './elligator.ts'
import { challengeOf, outputOf, tryHash } from './hashes.ts'
import { type EcvrfSuite, littleEndian, SUITE_BYTES, splitProof } from './suite.ts'

type Curve = typeof ed25519.Point.BASE
const Point: typeof ed25519.Point = ed25519.Point

/**
 * `verify` of `ecvrf(suite)` by noble's points and map to the curve alone, and in the words of RFC 9381, 5.3: what the
 * fast path is compared with in tests and in the bench.
 */
export function referenceVerify(
  suite: EcvrfSuite,
  publicKey: Uint8Array,
  alpha: Uint8Array,
  proof: Uint8Array,
): Uint8Array | false {
  const suiteByte = SUITE_BYTES[suite]
  const parts = splitProof(proof)
  const Y = decode(publicKey)
  if (parts === undefined || Y === undefined || Y.isSmallOrder()) return false
  const gamma = decode(parts.gamma)
  if (gamma === undefined) return false
  const c = littleEndian(parts.challenge)
  const s = littleEndian(parts.scalar)
  const H = referenceEncode(suite, publicKey, alpha)
  const U = multiple(Point.BASE, s).subtract(multiple(Y, c))
  const V = multiple(H, s).subtract(multiple(gamma, c))
  const expected = challengeOf(
    suiteByte,
    [Y, H, gamma, U, V].map((point) => point.toBytes()),
  )
  return equalBytes(expected, parts.challenge) && outputOf(suiteByte, gamma.clearCofactor().toBytes())
}

/** H of RFC 9381, 5.4.1. */
export function referenceEncode(suite: EcvrfSuite, publicKey: Uint8Array, alpha: Uint8Array): Curve {
  const suiteByte = SUITE_BYTES[suite]
  if (suite === 'ECVRF-EDWARDS25519-SHA512-ELL2')
    return ed25519_hasher.encodeToCurve(concatBytes(publicKey, alpha), { DST: encodeTag(suiteByte) }) as Curve
  for (let counter = 0; ; counter++) {
    const point = decode(tryHash(suiteByte, publicKey, alpha, counter))?.clearCofactor()
    if (point !== undefined && !point.is0()) return point
  }
}

function decode(encoding: Uint8Array): Curve | undefined {
  try {
    return Point.fromBytes(Uint8Array.from(encoding))
  } catch {
    return undefined
  }
}

function multiple(point: Curve, scalar: bigint): Curve {
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar)
}
