import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { compileSource, kernelSource } from './compile-kernel.ts'

// The arithmetic below the curve, compiled by itself: the kernel's own interface reaches its extremes too rarely.

const FIELD = 2n ** 255n - 19n
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
/** In the module's memory, above its constants. */
const [R, A, B] = [40_000, 40_128, 40_256]

type Module = Record<string, (...addresses: number[]) => number>

let memory: DataView
let module: Module

async function load(entry: string): Promise<void> {
  const { instance } = await WebAssembly.instantiate(await compileSource(kernelSource(entry) as string, 'scalar'))
  module = instance.exports as unknown as Module
  memory = new DataView((instance.exports.memory as WebAssembly.Memory).buffer)
}

function write(address: number, value: bigint, length = 32): void {
  for (let i = 0; i < length; i++) memory.setUint8(address + i, Number((value >> BigInt(8 * i)) & 255n))
}

function read(address: number, length = 32): bigint {
  let value = 0n
  for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(memory.getUint8(address + i))
  return value
}

describe('the field', () => {
  beforeAll(() => load('field.ts'))

  const widths = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? 26 : 25))
  const limb = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }))
  /** Limbs as parts of what so many units allow: 1 is the largest value. */
  const element = fc.array(limb, { minLength: 10, maxLength: 10 })

  /** Stores limbs of up to `units`, which is above what 1 unit less 2^-8 holds, and gives the value. */
  function put(address: number, parts: readonly number[], units: number): bigint {
    let value = 0n
    parts.forEach((part, i) => {
      const largest = Math.floor(units * 2 ** (widths[i] as number) * (1 + 2 ** -8)) - 1
      const each = Math.floor(part * largest)
      memory.setUint32(address + 4 * i, each, true)
      value += BigInt(each) << BigInt(Math.ceil(25.5 * i))
    })
    return value
  }

  /** The element at an address modulo p, and whether its limbs have at most `units`. */
  function get(address: number, units: number): bigint {
    let value = 0n
    widths.forEach((width, i) => {
      const each = memory.getUint32(address + 4 * i, true)
      expect(each).toBeLessThan(units * 2 ** width * (1 + 2 ** -8))
      value += BigInt(each) << BigInt(Math.ceil(25.5 * i))
    })
    return value % FIELD
  }

  const ones = Array.from({ length: 10 }, () => 1)

  test('products of operands at their bounds, 20 units together', () => {
    const split = fc.constantFrom([1, 20], [2, 10], [4, 5], [5, 4], [10, 2], [20, 1])
    fc.assert(
      fc.property(element, element, split, (left, right, [u = 0, v = 0]) => {
        const product = (put(A, left, u) * put(B, right, v)) % FIELD
        module.feMul?.(R, A, B)
        expect(get(R, 1)).toBe(product)
      }),
      {
        numRuns: 500,
        examples: [
          [ones, ones, [4, 5]],
          [ones, ones, [1, 20]],
        ],
      },
    )
  })

  test('squares of up to 4 units, once and many times, in place', () => {
    fc.assert(
      fc.property(element, fc.integer({ min: 1, max: 20 }), (parts, times) => {
        let value = put(A, parts, 4)
        module.feSquare?.(R, A)
        expect(get(R, 1)).toBe((value * value) % FIELD)
        module.feSquareTimes?.(A, A, times)
        for (let i = 0; i < times; i++) value = (value * value) % FIELD
        expect(get(A, 1)).toBe(value)
      }),
      { numRuns: 200, examples: [[ones, 1]] },
    )
  })

  test('sums and differences with the units they are said to have', () => {
    fc.assert(
      fc.property(element, element, (left, right) => {
        const [a, b] = [put(A, left, 2), put(B, right, 1)]
        module.feAdd?.(R, A, B)
        expect(get(R, 3)).toBe((a + b) % FIELD)
        module.feSub?.(R, A, B)
        expect(get(R, 4)).toBe((a - b + 4n * FIELD) % FIELD)
        const c = put(B, right, 3)
        module.feSubLoose?.(R, A, B)
        expect(get(R, 6)).toBe((a - c + 8n * FIELD) % FIELD)
        module.feCarry?.(R, R)
        expect(get(R, 1)).toBe((a - c + 8n * FIELD) % FIELD)
        const d = put(B, right, 1)
        module.feMinus?.(R, B)
        expect(get(R, 1)).toBe((4n * FIELD - d) % FIELD)
      }),
      {
        numRuns: 300,
        examples: [
          [ones, ones],
          [ones.map(() => 0), ones],
        ],
      },
    )
  })

  test('bytes: canonical from up to 16 units, and from values at and above p', () => {
    fc.assert(
      fc.property(element, fc.constantFrom(1, 2, 5, 16), (parts, units) => {
        const value = put(A, parts, units)
        module.feToBytes?.(R, A)
        expect(read(R)).toBe(value % FIELD)
      }),
      {
        numRuns: 300,
        examples: [
          [ones, 16],
          [ones, 1],
        ],
      },
    )
    for (const value of [0n, 1n, 18n, 19n, FIELD - 1n, FIELD, FIELD + 1n, FIELD + 18n, 2n ** 255n - 1n]) {
      write(B, value | (1n << 255n))
      module.feFromBytes?.(A, B)
      expect(get(A, 1)).toBe(value % FIELD)
      module.feToBytes?.(R, A)
      expect(read(R)).toBe(value % FIELD)
      expect(module.feIsZero?.(A)).toBe(value % FIELD === 0n ? 1 : 0)
      expect(module.feIsOdd?.(A)).toBe(Number((value % FIELD) & 1n))
    }
  })

  test('an inverse times its element is 1', () => {
    fc.assert(
      fc.property(element, (parts) => {
        const value = put(A, parts, 1) % FIELD
        module.feInvert?.(R, A)
        expect((get(R, 1) * value) % FIELD).toBe(value === 0n ? 0n : 1n)
      }),
      { numRuns: 30 },
    )
  })
})

describe('scalars', () => {
  beforeAll(() => load('scalar.ts'))

  const edges = [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, 2n * ORDER, 2n ** 252n - 1n, 2n ** 252n, 2n ** 253n]

  test('any 512 bits modulo the group order', () => {
    const multiples = fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** 259n }), fc.bigInt({ min: -2n, max: 2n }))
      .map(([times, plus]) => times * ORDER + plus)
      .filter((value) => value >= 0n && value < 2n ** 512n)
    const ends = [
      ...edges,
      2n ** 512n - 1n,
      2n ** 385n,
      2n ** 385n - 1n,
      2n ** 260n,
      2n ** 511n,
      (2n ** 260n - 1n) << 252n,
    ]
    const wide = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 512n - 1n }), multiples)
    fc.assert(
      fc.property(wide, (value) => {
        write(A, value, 64)
        module.reduceWide?.(R, A)
        expect(read(R)).toBe(value % ORDER)
      }),
      { numRuns: 1000, examples: ends.map((value): [bigint] => [value]) },
    )
  })

  test('products, sums, negatives and the comparison with the order', () => {
    const scalar = fc.oneof(fc.bigInt({ min: 0n, max: ORDER - 1n }), fc.constantFrom(0n, 1n, ORDER - 1n))
    const short = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), fc.constantFrom(1n, 2n ** 128n - 1n))
    fc.assert(
      fc.property(scalar, scalar, short, (a, b, z) => {
        write(A, a)
        write(B, z, 16)
        module.multiplyShort?.(R, A, B)
        expect(read(R)).toBe((a * z) % ORDER)
        write(B, b)
        module.negateScalar?.(R, A)
        expect(read(R)).toBe(ORDER - a)
        module.addScalar?.(A, B)
        expect(read(A)).toBe((a + b) % ORDER)
      }),
      { numRuns: 500 },
    )
    for (const value of [...edges, 2n ** 256n - 1n]) {
      write(A, value)
      expect(module.isReduced?.(A)).toBe(value < ORDER ? 1 : 0)
    }
  })
})
