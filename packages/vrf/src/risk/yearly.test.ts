import { describe, expect, test } from 'vitest'
import { committeeFailure } from './committee.ts'
import { assessCommittee, type CommitteePlan, expectedChoices, explainAssessment } from './yearly.ts'

const POLICY = { warnBits: 30, refuseBits: 20 }
/** The notes' defaults: 64 shards, ten-minute draws. */
const plan: CommitteePlan = {
  population: 400,
  faultyShare: 0.25,
  committee: 100,
  finality: 'anchored',
  shards: 64,
  drawsPerYear: 52_560,
  mixingSlots: 4_096,
}

describe('choices of the last revealer', () => {
  test('1.5 for a quarter and 2 for a third, as in the notes', () => {
    expect(expectedChoices(0.25, 10_000)).toBeCloseTo(1.5, 12)
    expect(expectedChoices(1 / 3, 10_000)).toBeCloseTo(2, 12)
    expect(expectedChoices(0, 10_000)).toBe(1)
  })

  test('a window bounds them, and none leaves one', () => {
    expect(expectedChoices(0.25, 0)).toBe(1)
    expect(expectedChoices(0.25, 1)).toBe(0.75 + 0.5)
    for (let slots = 0; slots < 60; slots++)
      expect(expectedChoices(0.4, slots + 1)).toBeGreaterThan(expectedChoices(0.4, slots))
    expect(expectedChoices(0.4, 400)).toBeCloseTo(0.6 / 0.2, 9)
  })
})

describe('assessCommittee', () => {
  test('the union bound over shards, draws and choices', () => {
    const { figures, verdict } = assessCommittee(plan, POLICY)
    const one = committeeFailure({ population: 400, faultyShare: 0.25, threshold: 'two-thirds' }, 100)
    expect(figures.unsafeLog2).toBe(one)
    expect(figures.unsafeYearlyLog2).toBeCloseTo(one + Math.log2(64 * 52_560 * 1.5), 9)
    expect(verdict).toBe('safe')
    // A hundred seats hold a third of bad ones in 1.3 % of draws: what anchoring is for.
    expect(2 ** figures.stallLog2).toBeCloseTo(0.013, 3)
    expect(figures.stallsPerYear).toBeCloseTo(64 * 52_560 * 1.5 * 2 ** figures.stallLog2, 3)
  })

  test('the same committee on its own is refused', () => {
    const alone = assessCommittee({ ...plan, finality: 'own' }, POLICY)
    expect(alone.verdict).toBe('refuse')
    expect(alone.figures.unsafeYearlyLog2).toBe(0)
  })

  test('every size from safeCommittee on is safe, and the one below is not', () => {
    for (const finality of ['own', 'anchored'] as const)
      for (const shards of [1, 64]) {
        const wanted = { ...plan, population: 300, finality, shards }
        const { safeCommittee = 0 } = assessCommittee(wanted, POLICY)
        expect(safeCommittee).toBeGreaterThan(30)
        for (let committee = safeCommittee; committee <= 300; committee += 7)
          expect(assessCommittee({ ...wanted, committee }, POLICY).verdict).toBe('safe')
      }
  })

  test('verdicts follow the policy', () => {
    const at = (committee: number): string => assessCommittee({ ...plan, committee }, POLICY).verdict
    const verdicts = Array.from({ length: 120 }, (_, i) => at(i + 1))
    expect(new Set(verdicts)).toEqual(new Set(['refuse', 'warn', 'safe']))
    expect(verdicts[0]).toBe('refuse')
    expect(verdicts.at(-1)).toBe('safe')
    expect(assessCommittee({ ...plan, committee: 64 }, { warnBits: 1, refuseBits: 1 }).verdict).toBe('safe')
  })

  test('a population without a safe size says so', () => {
    const hopeless = assessCommittee({ ...plan, faultyShare: 0.4, finality: 'own' }, POLICY)
    expect([hopeless.verdict, hopeless.safeCommittee]).toEqual(['refuse', undefined])
    expect(explainAssessment({ ...plan, faultyShare: 0.4, finality: 'own' }, hopeless)).toMatch(/^refuse: .* no size/)
    expect(explainAssessment(plan, assessCommittee(plan, POLICY))).toMatch(/^safe: 64 committees of 100/)
  })

  test.each([
    { faultyShare: 0.5 },
    { shards: 0 },
    { drawsPerYear: Number.POSITIVE_INFINITY },
    { mixingSlots: -1 },
    { finality: 'soft' as 'own' },
    { committee: 401 },
  ])('%j is refused', (change) => {
    expect(() => assessCommittee({ ...plan, ...change }, POLICY)).toThrow(
      expect.objectContaining({ code: 'ARM_ARGUMENT' }),
    )
  })

  test('a policy that warns later than it refuses is refused', () => {
    expect(() => assessCommittee(plan, { warnBits: 20, refuseBits: 30 })).toThrow(
      expect.objectContaining({ code: 'ARM_ARGUMENT' }),
    )
  })
})
