import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MOTES_MAX } from '../chain/amount.ts'
import type { BlockPolicy, FeePolicy } from '../chain/scheme.ts'
import { nextBaseFee, nextSizeLimit, splitFee } from './fees.ts'

const policy: FeePolicy = {
  initialBaseFee: 100n,
  minBaseFee: 10n,
  changeDenominator: 8,
  targetGas: 1_000,
  burnPercent: 50,
}
const anyPolicy = fc.record({
  initialBaseFee: fc.constant(0n),
  minBaseFee: fc.bigInt({ min: 1n, max: 1_000n }),
  changeDenominator: fc.integer({ min: 1, max: 0xffff }),
  targetGas: fc.integer({ min: 1, max: 0xffff_ffff }),
  burnPercent: fc.nat(100),
})
const anyFee = fc.oneof(fc.bigInt({ min: 1n, max: 2_000n }), fc.bigInt({ min: 1n, max: MOTES_MAX }))
const anyGas = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1_000))

test('the base fee stays at the target, and moves by an eighth for a block twice as full and for an empty one', () => {
  expect([0, 500, 1_000, 1_500, 2_000, 9_000].map((gas) => nextBaseFee(800n, gas, policy))).toEqual([
    700n,
    750n,
    800n,
    850n,
    900n,
    900n,
  ])
})

test('the base fee follows demand, in bounded steps, and stays within floor and range', () => {
  fc.assert(
    fc.property(anyPolicy, anyFee, anyGas, (rules, above, gasUsed) => {
      const fee = above < rules.minBaseFee ? rules.minBaseFee : above
      const next = nextBaseFee(fee, gasUsed, rules)
      expect(next >= rules.minBaseFee && next <= MOTES_MAX).toBe(true)
      const step = next > fee ? next - fee : fee - next
      const most = fee / BigInt(rules.changeDenominator)
      expect(step <= (most === 0n ? 1n : most)).toBe(true)
      if (gasUsed > rules.targetGas) expect(next > fee || fee === MOTES_MAX).toBe(true)
      else if (gasUsed < rules.targetGas) expect(next < fee || fee === rules.minBaseFee).toBe(true)
      else expect(next).toBe(fee)
      if (gasUsed > 0) expect(nextBaseFee(fee, gasUsed - 1, rules) <= next).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('without demand the base fee returns to its floor, from however low above it', () => {
  const low = { ...policy, minBaseFee: 1n }
  let fee = 5_000n
  for (let block = 0; block < 100; block++) fee = nextBaseFee(fee, 0, low)
  expect(fee).toBe(1n)
})

const blocks: BlockPolicy = { minBytes: 1_000, initialBytes: 2_000, maxBytes: 4_000, maxGas: 1, importGas: 1 }

test('the size limit grows after fuller blocks, shrinks after emptier ones, and stays within the bounds', () => {
  expect([0, 499, 500, 1_500, 1_501, 2_000].map((size) => nextSizeLimit(2_000, size, blocks))).toEqual([
    1_750, 1_750, 2_000, 2_000, 2_250, 2_250,
  ])
  fc.assert(
    fc.property(fc.integer({ min: 1_000, max: 4_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (limit, part) => {
      const size = Math.floor(limit * part)
      const next = nextSizeLimit(limit, size, blocks)
      expect(next >= blocks.minBytes && next <= blocks.maxBytes).toBe(true)
      expect(Math.abs(next - limit)).toBeLessThanOrEqual(limit / 8)
      if (size > 0.75 * limit) expect(next > limit || limit === blocks.maxBytes).toBe(true)
      if (size < 0.25 * limit) expect(next < limit || limit === blocks.minBytes).toBe(true)
    }),
  )
})

test('full blocks reach the upper bound, empty ones the lower', () => {
  let limit = blocks.initialBytes
  for (let block = 0; block < 20; block++) limit = nextSizeLimit(limit, limit, blocks)
  expect(limit).toBe(blocks.maxBytes)
  for (let block = 0; block < 40; block++) limit = nextSizeLimit(limit, 0, blocks)
  expect(limit).toBe(blocks.minBytes)
})

test('a fee is split without a rest: of the base fee its percentage is burnt, the tip never', () => {
  expect(splitFee(1_000, 130n, 100n, 50)).toEqual({ burnt: 50_000n, kept: 80_000n })
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), anyFee, anyFee, fc.nat(100), (gasUsed, price, baseFee, percent) => {
      const { burnt, kept } = splitFee(gasUsed, price, baseFee, percent)
      expect(burnt + kept).toBe(BigInt(gasUsed) * price)
      const base = BigInt(gasUsed) * (baseFee < price ? baseFee : price)
      expect(burnt).toBe((base * BigInt(percent)) / 100n)
      expect(kept >= 0n).toBe(true)
    }),
  )
})
