import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { committeeFailure, faultySeats, isSafe, minCommittee } from './committee.ts'
import { exactTail, isBelow } from './exact.ts'
import { independentTailLog2, tailLog2 } from './tail.ts'
import { failingSeats, THRESHOLDS, type Threshold } from './threshold.ts'

/** One row of Pascal's triangle. */
function row(n: number): bigint[] {
  const values = [1n]
  for (let k = 0; k < n; k++) values.push(((values[k] as bigint) * BigInt(n - k)) / BigInt(k + 1))
  return values
}

/** Bad outcomes and all outcomes for each committee of 1 to N: by Vandermonde's sums, apart from the code under test. */
function oracle(population: number, faulty: number, needs: (n: number) => number): [bad: bigint, all: bigint][] {
  const [bad, good, all] = [row(faulty), row(population - faulty), row(population)]
  return Array.from({ length: population }, (_, i) => {
    const n = i + 1
    let sum = 0n
    for (let x = needs(n); x <= Math.min(n, faulty); x++) sum += (bad[x] as bigint) * (good[n - x] ?? 0n)
    return [sum, all[n] as bigint]
  })
}

function log2(numerator: bigint, denominator: bigint): number {
  if (numerator === 0n) return Number.NEGATIVE_INFINITY
  const bits = (value: bigint): number => {
    const length = value.toString(2).length
    const cut = Math.max(0, length - 53)
    return Math.log2(Number(value >> BigInt(cut))) + cut
  }
  return bits(numerator) - bits(denominator)
}

const NEEDS: Readonly<Record<Threshold, (n: number) => number>> = {
  third: (n) => Number((BigInt(n) + 2n) / 3n),
  half: (n) => Number((BigInt(n) + 1n) / 2n),
  'two-thirds': (n) => Number((2n * BigInt(n) + 2n) / 3n),
}

describe('against exact rational arithmetic', () => {
  const SHARES = [0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.285, 0.33, 1 / 3, 0.4, 0.5, 0.66, 1]
  const BITS = [1, 2, 3, 5, 8, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 128, 200]
  const POPULATIONS = [...Array.from({ length: 40 }, (_, i) => i + 1), 50, 64, 81, 100, 128, 150, 200, 256, 300, 400]

  test.each(THRESHOLDS)('%s: minCommittee, safeCommittee and the failure itself', (threshold) => {
    for (const population of POPULATIONS)
      for (const faultyShare of SHARES) {
        const question = { population, faultyShare, threshold }
        const exact = oracle(population, faultySeats(population, faultyShare), NEEDS[threshold])
        for (const bits of BITS) {
          const passes = exact.map(([bad, all]) => bad * 2n ** BigInt(bits) < all)
          const last = passes.lastIndexOf(false) + 2
          const { minCommittee: first, safeCommittee, failureLog2 } = minCommittee(question, bits)
          const at = `${JSON.stringify(question)} ${bits}`
          expect([first, safeCommittee], at).toEqual([
            passes.includes(true) ? passes.indexOf(true) + 1 : undefined,
            last > population ? undefined : last,
          ])
          if (first === undefined) expect(failureLog2).toBeUndefined()
          else {
            const expected = log2(...(exact[first - 1] as [bigint, bigint]))
            if (Number.isFinite(expected)) expect(failureLog2, at).toBeCloseTo(expected, 9)
            else expect(failureLog2, at).toBe(expected)
          }
        }
      }
  })

  test('larger populations, at a sample of sizes', () => {
    const property = fc.property(
      fc.integer({ min: 500, max: 3000 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(...THRESHOLDS),
      fc.integer({ min: 1, max: 300 }),
      (population, percent, threshold, committee) => {
        const question = { population, faultyShare: percent / 100, threshold }
        const draw = { population, faulty: faultySeats(population, percent / 100), committee }
        const { numerator, denominator } = exactTail(draw, NEEDS[threshold](committee))
        const found = committeeFailure(question, committee)
        const expected = log2(numerator, denominator)
        if (Number.isFinite(expected)) expect(Math.abs(found - expected)).toBeLessThan(1e-8)
        else expect(found).toBe(expected)
        for (const bits of [10, 30, 60])
          expect(isSafe(question, committee, bits)).toBe(isBelow({ numerator, denominator }, bits))
      },
    )
    fc.assert(property, { numRuns: 150, seed: 6 })
  })

  test('the exact tail counts subsets', () => {
    const ones = (mask: number): number => mask.toString(2).replaceAll('0', '').length
    for (let population = 1; population <= 10; population++)
      for (let faulty = 0; faulty <= population; faulty++)
        for (let committee = 1; committee <= population; committee++) {
          const draws = Array.from({ length: 2 ** population }, (_, mask) => mask).filter(
            (mask) => ones(mask) === committee,
          )
          for (let seats = 0; seats <= committee + 1; seats++) {
            const bad = draws.filter((mask) => ones(mask & (2 ** faulty - 1)) >= seats).length
            const tail = exactTail({ population, faulty, committee }, seats)
            expect(tail).toEqual({ numerator: BigInt(bad), denominator: BigInt(draws.length) })
          }
        }
  })

  test('a failure of exactly 2^-bits is not below it', () => {
    // One bad of two, one seat: a half. One bad of 1024, one seat: 2^-10.
    expect(isSafe({ population: 2, faultyShare: 0.5, threshold: 'third' }, 1, 1)).toBe(false)
    const one = { population: 1024, faultyShare: 1 / 1024, threshold: 'third' } as const
    expect([isSafe(one, 1, 9), isSafe(one, 1, 10)]).toEqual([true, false])
  })

  test('the largest population, far from and near to the edge', () => {
    const question = { population: 100_000, faultyShare: 0.2, threshold: 'two-thirds' } as const
    const { numerator, denominator } = exactTail({ population: 100_000, faulty: 20_000, committee: 40 }, 27)
    expect(committeeFailure(question, 40)).toBeCloseTo(log2(numerator, denominator), 8)
  })
})

describe('arguments', () => {
  test('shares are read as decimals, halves up', () => {
    // As binary fractions the first is below a half, and would be rounded down.
    expect(faultySeats(100, 0.285)).toBe(29)
    expect([faultySeats(400, 0.2), faultySeats(1000, 1 / 3), faultySeats(3, 0.5)]).toEqual([80, 333, 2])
    expect([faultySeats(10, 1e-7), faultySeats(100_000, 1.5e-5), faultySeats(7, 1)]).toEqual([0, 2, 7])
  })

  test.each([
    [{ population: 0, faultyShare: 0.2, threshold: 'half' as Threshold }, 30],
    [{ population: 1.5, faultyShare: 0.2, threshold: 'half' as Threshold }, 30],
    [{ population: 100_001, faultyShare: 0.2, threshold: 'half' as Threshold }, 30],
    [{ population: 10, faultyShare: -0.1, threshold: 'half' as Threshold }, 30],
    [{ population: 10, faultyShare: Number.NaN, threshold: 'half' as Threshold }, 30],
    [{ population: 10, faultyShare: 0.2, threshold: 'most' as Threshold }, 30],
    [{ population: 10, faultyShare: 0.2, threshold: 'half' as Threshold }, 0],
    [{ population: 10, faultyShare: 0.2, threshold: 'half' as Threshold }, 513],
  ])('%j with %d bits is refused', (question, bits) => {
    expect(() => minCommittee(question, bits)).toThrow(expect.objectContaining({ code: 'ARM_ARGUMENT' }))
  })

  test('a committee larger than its population is refused', () => {
    const question = { population: 10, faultyShare: 0.2, threshold: 'half' } as const
    expect(() => committeeFailure(question, 11)).toThrow(expect.objectContaining({ code: 'ARM_ARGUMENT' }))
  })
})

/** The first size that passes, and the first from which all do, by any definition of failure. */
function sizes(max: number, failure: (n: number) => number, bits: number): { first: number; safe: number } {
  const passes = Array.from({ length: max }, (_, i) => failure(i + 1) <= -bits)
  return { first: passes.indexOf(true) + 1, safe: passes.lastIndexOf(false) + 2 }
}

describe("the design notes' tables (docs/elections.md says which definition each uses)", () => {
  test('30 bits: the interface asks for the first size; the notes give the first from which all pass', () => {
    const thirds = [400, 1000].map((population) =>
      minCommittee({ population, faultyShare: 0.2, threshold: 'third' }, 30),
    )
    expect(thirds.map(({ minCommittee: first }) => first)).toEqual([178, 259])
    expect(thirds.map(({ safeCommittee }) => safeCommittee)).toEqual([181, 265])
    const more = [0.25, 0.33].map((faultyShare) =>
      minCommittee({ population: 1000, faultyShare, threshold: 'third' }, 30),
    )
    expect(more.map(({ safeCommittee }) => safeCommittee)).toEqual([496, 991])
  })

  test('30 bits, more than a half and more than two thirds: the notes let exactly so many pass', () => {
    const cells: [population: number, faultyShare: number, half: number, forge: number][] = [
      [400, 0.2, 64, 32],
      [1000, 0.2, 72, 35],
      [1000, 0.25, 110, 44],
      [1000, 0.33, 224, 71],
    ]
    for (const [population, faultyShare, half, forge] of cells) {
      const faulty = faultySeats(population, faultyShare)
      const tail = (seats: (n: number) => number) => (committee: number) =>
        tailLog2({ population, faulty, committee }, seats(committee))
      expect(
        sizes(
          population,
          tail((n) => Math.floor(n / 2) + 1),
          30,
        ).safe,
      ).toBe(half)
      expect(
        sizes(
          population,
          tail((n) => Math.floor((2 * n) / 3) + 1),
          30,
        ).safe,
      ).toBe(forge)
    }
  })

  test('tails, with f = floor((n - 1) / 3)', () => {
    const events = {
      fork: (n: number) => Math.floor((n - 1) / 3) + 1,
      half: (n: number) => Math.floor(n / 2) + 1,
      forge: (n: number) => n - Math.floor((n - 1) / 3),
    }
    const COMMITTEES = [32, 64, 100, 128, 200, 256, 400, 600]
    const rows: [population: number, faultyShare: number, keyof typeof events, string[]][] = [
      [400, 0.25, 'fork', ['1.4e-1', '4.4e-2', '1.3e-2', '5.1e-3', '6.2e-5', '2.7e-8', '0']],
      [400, 0.25, 'half', ['3.4e-4', '4.4e-7', '3.3e-11', '1.9e-15', '0', '0', '0']],
      [400, 0.25, 'forge', ['5.9e-8', '3.2e-15', '1.4e-26', '5e-40', '0', '0', '0']],
      [400, 1 / 3, 'forge', ['2.0e-5', '1.2e-9', '6.7e-16', '1.5e-22', '0', '0', '0']],
      [1000, 0.25, 'fork', ['1.5e-1', '5.4e-2', '2.1e-2', '1.2e-2', '1.6e-3', '2.1e-4', '3.5e-7', '1.2e-14']],
      [1000, 0.25, 'forge', ['1.4e-7', '1.9e-13', '5.5e-21', '1e-27', '4e-47', '6e-66']],
      [1000, 1 / 3, 'forge', ['3.3e-5', '1.0e-8', '3.5e-13', '3.7e-17', '4e-28', '4e-38']],
      [2000, 0.25, 'fork', ['1.5e-1', '5.7e-2', '2.4e-2', '1.5e-2', '2.8e-3', '5.9e-4', '1.2e-5', '2.0e-8']],
      [2000, 1 / 3, 'forge', ['3.8e-5', '1.8e-8', '1.6e-12', '5.4e-16', '8e-25', '5e-32']],
    ]
    for (const [population, share, event, cells] of rows)
      cells.forEach((cell, i) => {
        const committee = COMMITTEES[i] as number
        // A third of 2000 is 666 there; the calculator rounds to 667.
        const faulty = Math.floor(population * share)
        const tail = 2 ** tailLog2({ population, faulty, committee }, events[event](committee))
        // A cell has as many digits as it shows.
        const digits = /^\d\.\d/.test(cell) ? 1 : 0
        expect(tail === 0 ? '0' : tail.toExponential(digits), `${population} ${share} ${event} ${committee}`).toBe(
          /^\d\.\d/.test(cell) || cell === '0' ? cell : Number(cell).toExponential(0),
        )
      })
  })

  test('independent seats: first sizes for a third, safe sizes for two thirds', () => {
    const third = (share: number) => (n: number) => independentTailLog2(n, share, Math.ceil(n / 3))
    const firsts = (
      [
        [0.1, 300],
        [0.15, 400],
        [0.2, 700],
        [0.25, 1500],
      ] as const
    ).map(([share, max]) => [20, 30, 40].map((bits) => sizes(max, third(share), bits).first))
    expect(firsts).toEqual([
      [55, 88, 124],
      [109, 172, 238],
      [232, 367, 508],
      [649, 1036, 1426],
    ])
    const forge = (share: number) => (n: number) => independentTailLog2(n, share, failingSeats('two-thirds', n))
    expect([0.25, 1 / 3].map((share) => [30, 40, 60].map((bits) => sizes(300, forge(share), bits).safe))).toEqual([
      [49, 67, 103],
      [79, 109, 169],
    ])
  })

  test('68 mandates of 1000: forged with 2^-28.9 at a third, stopped with 2^-8 at a fifth', () => {
    const forged = committeeFailure({ population: 1000, faultyShare: 1 / 3, threshold: 'two-thirds' }, 68)
    expect(forged.toFixed(1)).toBe('-28.9')
    expect(committeeFailure({ population: 1000, faultyShare: 0.2, threshold: 'third' }, 68).toFixed(1)).toBe('-8.0')
  })
})
