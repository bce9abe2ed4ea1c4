import { invariant } from '@armchain/core'
import { createEd25519Kernel, type Ed25519Kernel } from '@armchain/ed25519-batch'
import { ed25519 } from '@noble/curves/ed25519.js'
import { littleEndian } from './suite.ts'

/** Arithmetic with points of public values: what verification needs. See `Ed25519Kernel` for what they compute. */
export type PublicPoints = Pick<Ed25519Kernel, 'isCanonicalPoint' | 'multiply'>

let shared: PublicPoints | undefined

/** The thread's own, started on first use. */
export function sharedPoints(): PublicPoints {
  shared ??= startPoints()
  return shared
}

/**
 * The WebAssembly kernel, or noble's points where a page's policy or the device forbids WebAssembly: the same results, in
 * seven times the time. It caches no keys, as sums of multiples use none.
 */
export function startPoints(start: () => PublicPoints = () => createEd25519Kernel({ keyCacheMax: 1 })): PublicPoints {
  try {
    return start()
  } catch {
    return noblePoints
  }
}

const { Point } = ed25519

/** In JavaScript alone. Scalars are below the group order, as all that verification multiplies by are. */
export const noblePoints: PublicPoints = {
  isCanonicalPoint: (encoding) => decode(encoding, 'rfc8032') !== undefined,
  multiply(points, scalars) {
    invariant(points.length === scalars.length && points.length % 32 === 0, 'each point has a scalar, of 32 bytes')
    let sum = Point.ZERO
    for (let at = 0; at < points.length; at += 32) {
      const point = decode(points.subarray(at, at + 32), 'zip215')
      const scalar = littleEndian(scalars.subarray(at, at + 32))
      if (point === undefined) return undefined
      if (scalar !== 0n) sum = sum.add(point.multiplyUnsafe(scalar))
    }
    return Uint8Array.from(sum.toBytes())
  },
}

function decode(encoding: Uint8Array, rule: 'rfc8032' | 'zip215'): typeof Point.BASE | undefined {
  try {
    return Point.fromBytes(Uint8Array.from(encoding), rule === 'zip215')
  } catch {
    return undefined
  }
}
