import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { compileSource } from './compile-kernel.ts'

/** The arithmetic on pairs alone, at the bounds that tools/generate-pairs.ts claims, against integers. */
const ENTRY = `export { pairMul, pairSquareTimes, pairReduce } from './generated/pairs';
export const room: usize = memory.data(1024, 16);`

type Pairs = {
  readonly memory: WebAssembly.Memory
  readonly room: { readonly value: number }
  pairMul(r: number, a: number, b: number): void
  pairSquareTimes(r: number, a: number, n: number): void
  pairReduce(r: number, a: number): void
}

const P = 2n ** 255n - 19n
const TIGHT = 2 ** 50 + 2 ** 13
const PAIR_BYTES = 80
let pairs: Pairs

beforeAll(async () => {
  const binary = await compileSource(ENTRY, 'simd')
  const { instance } = await WebAssembly.instantiate(binary)
  pairs = instance.exports as unknown as Pairs
})

/** Limbs within the bound, those on it far more often than chance would have them. */
function limbs(bound: number, from = -bound): fc.Arbitrary<number[]> {
  const limb = fc.oneof(
    fc.constantFrom(bound, bound - 1, from, from + 1, 0),
    fc.maxSafeInteger().map((n) => clamp(n)),
  )
  const clamp = (n: number): number => Math.max(from, Math.min(bound, n % (bound + 1)))
  return fc.array(limb, { minLength: 5, maxLength: 5 })
}

function put(index: number, lanes: readonly (readonly number[])[]): number {
  const at = pairs.room.value + PAIR_BYTES * index
  const view = new Float64Array(pairs.memory.buffer, at, 10)
  for (const [lane, values] of lanes.entries()) for (const [k, value] of values.entries()) view[2 * k + lane] = value
  return at
}

function laneOf(at: number, lane: number): number[] {
  const view = new Float64Array(pairs.memory.buffer, at, 10)
  return [0, 1, 2, 3, 4].map((k) => view[2 * k + lane] as number)
}

function elementOf(lane: readonly number[]): bigint {
  const value = lane.reduceRight((sum, limb) => (sum << 51n) + BigInt(limb), 0n)
  return ((value % P) + P) % P
}

function expectTight(at: number): void {
  for (const limb of [...laneOf(at, 0), ...laneOf(at, 1)]) expect(Math.abs(limb)).toBeLessThanOrEqual(TIGHT)
}

describe.each([
  ['a sum of two tight by a tight', 2 * TIGHT, -2 * TIGHT, TIGHT, -TIGHT],
  ['plain limbs', 2 ** 51 - 1, 0, 2 ** 51 - 1, 0],
] as const)('a product of %s', (_, boundA, fromA, boundB, fromB) => {
  test('is exact in both lanes, and tight', () => {
    fc.assert(
      fc.property(
        fc.tuple(limbs(boundA, fromA), limbs(boundA, fromA)),
        fc.tuple(limbs(boundB, fromB), limbs(boundB, fromB)),
        (a, b) => {
          const [at, by, out] = [put(0, a), put(1, b), pairs.room.value + 2 * PAIR_BYTES]
          pairs.pairMul(out, at, by)
          for (const lane of [0, 1] as const)
            expect(elementOf(laneOf(out, lane))).toBe((elementOf(a[lane]) * elementOf(b[lane])) % P)
          expectTight(out)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

test('a square is exact, again and again', () => {
  fc.assert(
    fc.property(fc.tuple(limbs(2 ** 51 - 1), limbs(2 ** 51 - 1)), fc.integer({ min: 1, max: 5 }), (a, n) => {
      const out = pairs.room.value + PAIR_BYTES
      pairs.pairSquareTimes(out, put(0, a), n)
      for (const lane of [0, 1] as const) {
        let square = elementOf(a[lane])
        for (let i = 0; i < n; i++) square = (square * square) % P
        expect(elementOf(laneOf(out, lane))).toBe(square)
      }
      expectTight(out)
    }),
    { numRuns: 2_000 },
  )
})

test('a reduction changes limbs of up to 2^53, not the value', () => {
  const large = limbs(Number.MAX_SAFE_INTEGER)
  fc.assert(
    fc.property(fc.tuple(large, large), (a) => {
      const out = pairs.room.value + PAIR_BYTES
      pairs.pairReduce(out, put(0, a))
      for (const lane of [0, 1] as const) expect(elementOf(laneOf(out, lane))).toBe(elementOf(a[lane]))
      expectTight(out)
    }),
    { numRuns: 2_000 },
  )
})
