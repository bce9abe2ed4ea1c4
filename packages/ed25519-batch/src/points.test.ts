import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEd25519Kernel } from './kernel.ts'
import { MULTIPLY_MAX } from './limits.ts'
import { bytesOf, concat, integerOf, messageOf, ORDER, Point, signed, TORSION } from './signatures.fixture.ts'

describe.each(['scalar', 'simd'] as const)('%s', (arithmetic) => {
  const kernel = createEd25519Kernel({ arithmetic })
  const P = 2n ** 255n - 19n

  /** The reference's word on a canonical encoding. */
  function decoded(encoding: Uint8Array): typeof Point.BASE | undefined {
    try {
      return Point.fromBytes(encoding)
    } catch {
      return undefined
    }
  }

  /** s * point for any s below 2^256, also outside the prime-order subgroup. */
  function times(point: typeof Point.BASE, s: bigint): typeof Point.BASE {
    let sum = Point.ZERO
    for (let bit = 255n; bit >= 0n; bit--) {
      sum = sum.double()
      if ((s >> bit) & 1n) sum = sum.add(point)
    }
    return sum
  }

  describe('keys that may own an account', () => {
    test('none with a part of small order, whichever of the eight; asked twice, the answer is the same', () => {
      for (const torsion of TORSION)
        for (const k of [3n, 977n, ORDER - 1n]) {
          const key = Point.BASE.multiply(k).add(torsion).toBytes()
          const expected = torsion.is0()
          expect([kernel.isAccountKey(key), kernel.isAccountKey(key)]).toEqual([expected, expected])
          expect(kernel.isAccountKey(torsion.toBytes())).toBe(false)
        }
    })

    test('none that is not canonical, not on the curve or of another length', () => {
      for (let y = 0n; y < 256n; y++)
        for (const sign of [0n, 1n]) {
          const key = bytesOf(y + (sign << 255n))
          const point = decoded(key)
          expect([y, kernel.isCanonicalPoint(key)]).toEqual([y, point !== undefined])
          expect(kernel.isAccountKey(key)).toBe(point !== undefined && !point.isSmallOrder() && point.isTorsionFree())
        }
      for (let y = P - 20n; y < 2n ** 255n; y++)
        for (const sign of [0n, 1n]) {
          const key = bytesOf(y + (sign << 255n))
          const point = decoded(key)
          expect([y, kernel.isCanonicalPoint(key)]).toEqual([y, point !== undefined])
          expect(kernel.isAccountKey(key)).toBe(point !== undefined && !point.isSmallOrder() && point.isTorsionFree())
        }
      const { publicKey } = signed(1, messageOf(1))
      for (const length of [0, 31, 33, 64]) {
        expect(kernel.isAccountKey(concat(publicKey, publicKey).slice(0, length))).toBe(false)
        expect(kernel.isCanonicalPoint(concat(publicKey, publicKey).slice(0, length))).toBe(false)
      }
    })

    test('any honest key, also after it has verified signatures', () => {
      const item = signed(5, messageOf(10))
      expect(kernel.isAccountKey(item.publicKey)).toBe(true)
      expect(kernel.verifyItems([item])).toEqual([true])
      expect(kernel.isAccountKey(item.publicKey)).toBe(true)
    })
  })

  describe('sums of multiples', () => {
    const scalar = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
      fc.constantFrom(0n, 1n, 2n, ORDER - 1n, ORDER, 2n ** 255n, 2n ** 256n - 1n),
    )
    const point = fc
      .tuple(fc.bigInt({ min: 1n, max: ORDER - 1n }), fc.nat(7), fc.boolean())
      .map(([k, t, small]) => (small ? Point.ZERO : Point.BASE.multiply(k)).add(TORSION[t] as typeof Point.BASE))

    test('equal those of the reference, also outside the prime-order subgroup', () => {
      fc.assert(
        fc.property(fc.array(fc.tuple(point, scalar), { maxLength: 5 }), (terms) => {
          const expected = terms.reduce((sum, [p, s]) => sum.add(times(p, s)), Point.ZERO)
          const points = concat(...terms.map(([p]) => p.toBytes()))
          expect(kernel.multiply(points, concat(...terms.map(([, s]) => bytesOf(s))))).toEqual(expected.toBytes())
        }),
        { numRuns: 40 },
      )
    })

    test('of two hundred points', () => {
      const points = Array.from({ length: 200 }, (_, i) => Point.BASE.multiply(BigInt(i + 1)))
      const scalars = points.map((_, i) => BigInt(i) ** 20n)
      const total = scalars.reduce((sum, s, i) => (sum + s * BigInt(i + 1)) % ORDER, 0n)
      expect(
        kernel.multiply(concat(...points.map((p) => p.toBytes())), concat(...scalars.map((s) => bytesOf(s)))),
      ).toEqual(Point.BASE.multiply(total).toBytes())
    })

    test('the top bit flipped is the negative', () => {
      const base = Point.BASE.toBytes()
      const negative = base.with(31, (base[31] as number) ^ 0x80)
      expect(kernel.multiply(concat(base, negative), concat(bytesOf(5n), bytesOf(3n)))).toEqual(
        Point.BASE.multiply(2n).toBytes(),
      )
    })

    test('something that is no point has no multiple, and lengths are checked', () => {
      const none = [...Array(50).keys()]
        .map((y) => bytesOf(BigInt(y)))
        .filter((encoding) => decoded(encoding) === undefined)
      expect(none.length).toBeGreaterThan(10)
      for (const encoding of none)
        expect(kernel.multiply(concat(Point.BASE.toBytes(), encoding), new Uint8Array(64))).toBeUndefined()
      expect(() => kernel.multiply(new Uint8Array(31), new Uint8Array(32))).toThrow(/points/)
      expect(() => kernel.multiply(new Uint8Array(32), new Uint8Array(31))).toThrow(/scalars/)
      expect(() => kernel.multiply(new Uint8Array(32 * (MULTIPLY_MAX + 1)), new Uint8Array(0))).toThrow(/points/)
      expect(integerOf(kernel.multiply(new Uint8Array(0), new Uint8Array(0)) as Uint8Array)).toBe(1n) // (0, 1)
    })
  })
})
