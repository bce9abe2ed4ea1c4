import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fromHex, isArmError, toHex, wholeShard } from '@armchain/core'
import { ED25519_TORSION_SUBGROUP, ed25519, ed25519_hasher } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { auditAlpha, beaconAlpha } from './alpha.ts'
import { ecvrf } from './ecvrf.ts'
import { encodeTag, hashToField, mapToEdwards } from './elligator.ts'
import { noblePoints, startPoints } from './points.ts'
import { referenceEncode, referenceVerify } from './reference.ts'
import { type EcvrfSuite, GROUP_ORDER, littleEndian, PROOF_BYTES, SUITE_BYTES, toLittleEndian } from './suite.ts'

type Vector = {
  readonly example: number
  readonly suite: EcvrfSuite
  readonly SK: string
  readonly PK: string
  readonly H: string
  readonly alpha: string
  readonly pi: string
  readonly beta: string
}
const file = resolve(import.meta.dirname, '../../../../vectors/ecvrf/rfc9381.json')
const { vectors }: { vectors: Vector[] } = JSON.parse(readFileSync(file, 'utf8'))
const SUITES = Object.keys(SUITE_BYTES) as EcvrfSuite[]
const hex = fromHex
const { Point } = ed25519

describe('RFC 9381, appendix B.3 and B.4', () => {
  test('all six examples are there', () => {
    expect(vectors.map(({ example }) => example)).toEqual([16, 17, 18, 19, 20, 21])
  })

  test.each(vectors)('example $example', ({ suite, SK, PK, H, alpha, pi, beta }) => {
    const vrf = ecvrf(suite)
    expect(toHex(ed25519.getPublicKey(hex(SK)))).toBe(PK)
    expect(toHex(vrf.prove(hex(SK), hex(alpha)))).toBe(pi)
    expect(toHex(vrf.verify(hex(PK), hex(alpha), hex(pi)) as Uint8Array)).toBe(beta)
    expect(toHex(vrf.proofToHash(hex(pi)) as Uint8Array)).toBe(beta)
    expect(toHex(referenceVerify(suite, hex(PK), hex(alpha), hex(pi)) as Uint8Array)).toBe(beta)
    expect(toHex(referenceEncode(suite, hex(PK), hex(alpha)).toBytes())).toBe(H)
    const plain = ecvrf(suite, () => noblePoints)
    expect(toHex(plain.prove(hex(SK), hex(alpha)))).toBe(pi)
    expect(toHex(plain.verify(hex(PK), hex(alpha), hex(pi)) as Uint8Array)).toBe(beta)
    for (const other of SUITES.filter((each) => each !== suite))
      expect(ecvrf(other).verify(hex(PK), hex(alpha), hex(pi))).toBe(false)
  })
})

describe('the map to the curve', () => {
  const neutral = toHex(Point.ZERO.toBytes())
  // The types ask for a list; this curve's map takes the one element.
  const mapped = (element: bigint): string => {
    const { x, y } = ed25519_hasher.mapToCurve(element as unknown as bigint[])
    return toHex(Point.fromAffine({ x, y }).toBytes())
  }
  const cleared = (element: bigint): string => toHex(Point.fromBytes(mapToEdwards(element)).clearCofactor().toBytes())

  test('agrees with noble, for random elements and for those at the edges', () => {
    const edges = [0n, 1n, 2n, 3n, 2n ** 255n - 20n, 2n ** 255n - 21n, (2n ** 255n - 20n) / 2n]
    const elements = [...edges, ...Array.from({ length: 60 }, (_, i) => hashToField(Uint8Array.of(i), encodeTag(4)))]
    for (const element of elements) expect(cleared(element)).toBe(mapped(element))
    expect(cleared(0n)).toBe(neutral)
  })
})

describe.each(SUITES)('%s', (suite) => {
  const vrf = ecvrf(suite)
  const secretKey = new Uint8Array(32).fill(7)
  const publicKey = ed25519.getPublicKey(secretKey)
  const alpha = Uint8Array.of(1, 2, 3)
  const proof = vrf.prove(secretKey, alpha)
  const beta = vrf.verify(publicKey, alpha, proof)
  const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
    bytes.with(bit >> 3, (bytes[bit >> 3] as number) ^ (1 << (bit & 7)))

  test('a proof holds for its key and input only', () => {
    expect(beta).toHaveLength(64)
    expect(vrf.proofToHash(proof)).toEqual(beta)
    expect(vrf.verify(publicKey, Uint8Array.of(1, 2, 4), proof)).toBe(false)
    expect(vrf.verify(ed25519.getPublicKey(secretKey.with(0, 8)), alpha, proof)).toBe(false)
  })

  test('every bit of a proof and of the key counts', () => {
    for (let bit = 0; bit < 8 * PROOF_BYTES; bit++)
      expect(vrf.verify(publicKey, alpha, flipped(proof, bit)), `proof bit ${bit}`).toBe(false)
    for (let bit = 0; bit < 256; bit++)
      expect(vrf.verify(flipped(publicKey, bit), alpha, proof), `key bit ${bit}`).toBe(false)
  })

  test('both paths give one output for random keys and inputs', () => {
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const property = fc.property(bytes32, fc.uint8Array({ maxLength: 200 }), (secret, input) => {
      const key = ed25519.getPublicKey(secret)
      const pi = vrf.prove(secret, input)
      const fast = vrf.verify(key, input, pi)
      expect(fast).toHaveLength(64)
      expect(referenceVerify(suite, key, input, pi)).toEqual(fast)
    })
    fc.assert(property, { numRuns: 25, seed: 9381 })
  })

  test('both paths say the same of what is no proof, and neither throws', () => {
    const part = fc.oneof(
      fc.uint8Array({ minLength: 80, maxLength: 80 }),
      fc.uint8Array({ maxLength: 100 }),
      fc.tuple(fc.nat(79), fc.nat(255)).map(([at, byte]) => proof.with(at, byte)),
    )
    const key = fc.oneof(fc.constant(publicKey), fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array())
    const property = fc.property(key, part, (anyKey, anyProof) => {
      const verdict = referenceVerify(suite, anyKey, alpha, anyProof)
      expect(vrf.verify(anyKey, alpha, anyProof)).toEqual(verdict)
      expect(ecvrf(suite, () => noblePoints).verify(anyKey, alpha, anyProof)).toEqual(verdict)
    })
    fc.assert(property, { numRuns: 200, seed: 9381 })
  })

  test('s that is not reduced is refused, though the equation holds', () => {
    const s = littleEndian(proof.subarray(48))
    const malleable = proof.slice()
    malleable.set(toLittleEndian(s + GROUP_ORDER, 32), 48)
    expect(vrf.verify(publicKey, alpha, malleable)).toBe(false)
    expect(vrf.proofToHash(malleable)).toBe(false)
  })

  test('Gamma plus a point of small order is not a second proof', () => {
    for (const torsion of ED25519_TORSION_SUBGROUP.slice(1)) {
      const gamma = Point.fromBytes(proof.slice(0, 32)).add(Point.fromHex(torsion)).toBytes()
      const other = proof.slice()
      other.set(gamma, 0)
      // The same output, as the cofactor is cleared: only the challenge keeps it out.
      expect(vrf.proofToHash(other)).toEqual(beta)
      expect(vrf.verify(publicKey, alpha, other)).toBe(false)
    }
  })

  test('keys of small order, and encodings that RFC 8032 does not decode, are no keys', () => {
    // y = p + 1 is another way to write the neutral element; y = 2 is on no point.
    const refused = [...ED25519_TORSION_SUBGROUP.map(hex), toLittleEndian(2n ** 255n - 18n, 32), toLittleEndian(2n, 32)]
    for (const key of refused) {
      expect(vrf.validateKey(key)).toBe(false)
      expect(vrf.verify(key, alpha, proof)).toBe(false)
    }
    for (const size of [0, 31, 33]) expect(vrf.validateKey(new Uint8Array(size).fill(5))).toBe(false)
    expect(vrf.validateKey(publicKey)).toBe(true)
  })

  test('what the caller gets wrong has a code', () => {
    const codeOf = (run: () => unknown): unknown => {
      try {
        return run()
      } catch (error) {
        return isArmError(error) ? error.code : error
      }
    }
    expect(codeOf(() => vrf.prove(new Uint8Array(31), alpha))).toBe('ARM_ARGUMENT')
    expect(codeOf(() => ecvrf('toString' as EcvrfSuite))).toBe('ARM_ARGUMENT')
  })
})

describe('points', () => {
  test('where WebAssembly is forbidden, JavaScript takes its place', () => {
    const forbidden = startPoints(() => {
      throw new Error('WebAssembly is disallowed by the page')
    })
    expect(forbidden).toBe(noblePoints)
    expect(startPoints()).not.toBe(noblePoints)
  })

  test('both say the same of encodings and sums, also outside the prime-order subgroup', () => {
    const kernel = startPoints()
    // p + 1, no point, and x = 0 with a sign.
    const odd = [2n ** 255n - 18n, 2n, 1n + 2n ** 255n].map((value) => toLittleEndian(value, 32))
    const torsion = ED25519_TORSION_SUBGROUP.map(hex)
    const encodings = [...torsion, ...odd, ...vectors.map(({ PK }) => hex(PK))]
    const scalar = toLittleEndian(GROUP_ORDER - 5n, 32)
    for (const encoding of encodings) {
      expect(noblePoints.isCanonicalPoint(encoding)).toBe(kernel.isCanonicalPoint(encoding))
      for (const second of encodings) {
        const points = Uint8Array.from([...encoding, ...second])
        const scalars = Uint8Array.from([...scalar, ...toLittleEndian(3n, 32)])
        expect(noblePoints.multiply(points, scalars)).toEqual(kernel.multiply(points, scalars))
      }
    }
  })
})

describe('inputs', () => {
  const domain = { genesisHash: new Uint8Array(32).fill(1), schemaVersion: 1 }
  const headHash = new Uint8Array(32).fill(2)

  test('chain, version, role and place are all told apart', () => {
    const inputs = [
      beaconAlpha(domain, { epoch: 1, view: 2 }),
      beaconAlpha(domain, { epoch: 2, view: 1 }),
      beaconAlpha({ ...domain, schemaVersion: 2 }, { epoch: 1, view: 2 }),
      beaconAlpha({ ...domain, genesisHash: headHash }, { epoch: 1, view: 2 }),
      auditAlpha(domain, { headHash, shard: wholeShard(1) }),
      auditAlpha(domain, { headHash, shard: wholeShard(2) }),
      auditAlpha(domain, { headHash: domain.genesisHash, shard: wholeShard(1) }),
    ]
    expect(new Set(inputs.map(toHex)).size).toBe(inputs.length)
  })
})
