import { ArmError } from '@armchain/core'
import { MIXING_SLOTS_MAX } from '../limits.ts'
import { committeeFailure, minCommittee, type RiskQuestion } from './committee.ts'
import { failingSeats, type Threshold } from './threshold.ts'

/**
 * What a committee's word is worth:
 * - `own`: its blocks are final by themselves, as on the main shard. A third of bad seats can fork it.
 * - `anchored`: its blocks count elsewhere once the main shard has accepted exactly one for each height. Only two thirds of bad
 *   seats can certify what is invalid; a third can stop it until it is redrawn, or fork what is not anchored yet.
 */
export type Finality = 'own' | 'anchored'

/** What a network is about to run with. */
export type CommitteePlan = {
  /** Seats, or mandates, that committees are drawn from. */
  readonly population: number
  /** Share of them that the adversary is assumed to hold. Below a half: the beacon has no bound above. */
  readonly faultyShare: number
  readonly committee: number
  readonly finality: Finality
  /** Committees of this size that are drawn at a time. */
  readonly shards: number
  /** How often a year each is drawn anew. */
  readonly drawsPerYear: number
  /** Slots of a beacon's mixing window; 0 for a beacon that nobody can bias. */
  readonly mixingSlots: number
}

/** Bits of yearly safety below which a node warns, and below which it does not start. */
export type RiskPolicy = { readonly warnBits: number; readonly refuseBits: number }

export type Assessment = {
  readonly verdict: 'safe' | 'warn' | 'refuse'
  /** Base-2 logarithms; -Infinity for what cannot happen. */
  readonly figures: {
    /** That one draw holds what breaks safety: a third of bad seats, or two thirds if anchored. */
    readonly unsafeLog2: number
    /** That this happens to any committee within a year: union bound, beacon's bias included. */
    readonly unsafeYearlyLog2: number
    /** That one draw can be stopped, and forked before it is anchored: a third of bad seats. */
    readonly stallLog2: number
    /** Draws a year that can be stopped, on average, the bias included. */
    readonly stallsPerYear: number
    /** Seeds that the adversary can choose from, on average. */
    readonly beaconChoices: number
  }
  /** Size from which on every committee of this population would be `safe`; undefined if there is none. */
  readonly safeCommittee: number | undefined
}

/**
 * Seeds that the last revealer can choose from, on average: it holds the last k slots of the window with probability
 * (1 - a) a^k, and may publish or skip in each. Sum of (1 - a) a^k 2^k over k below `mixingSlots`, and a^m 2^m for
 * the whole window; (1 - a) / (1 - 2 a) for long windows, so 1.5 for a quarter and 2 for a third.
 *
 * By the union bound, whatever has probability p for one seed has at most this times p for the best of them.
 */
export function expectedChoices(faultyShare: number, mixingSlots: number): number {
  let expected = 0
  let weight = 1
  for (let k = 0; k < mixingSlots; k++) {
    expected += (1 - faultyShare) * weight
    weight *= 2 * faultyShare
  }
  return expected + weight
}

/**
 * Whether the plan is safe for a year: the figures, and what the policy makes of them.
 *
 * @throws {ArmError} `ARM_ARGUMENT` naming the field that is out of range.
 */
export function assessCommittee(plan: CommitteePlan, { warnBits, refuseBits }: RiskPolicy): Assessment {
  checkPlan(plan)
  if (!(Number.isInteger(refuseBits) && refuseBits >= 1 && Number.isInteger(warnBits) && warnBits >= refuseBits))
    throw new ArmError('ARM_ARGUMENT', 'a policy needs 1 <= refuseBits <= warnBits', { warnBits, refuseBits })
  const { population, faultyShare, committee, finality, shards, drawsPerYear, mixingSlots } = plan
  const question = (threshold: Threshold): RiskQuestion => ({ population, faultyShare, threshold })
  const unsafe = question(finality === 'own' ? 'third' : 'two-thirds')
  const beaconChoices = expectedChoices(faultyShare, mixingSlots)
  const tries = Math.log2(shards) + Math.log2(drawsPerYear) + Math.log2(beaconChoices)
  const unsafeLog2 = committeeFailure(unsafe, committee)
  const stallLog2 = committeeFailure(question('third'), committee)
  const unsafeYearlyLog2 = Math.min(0, unsafeLog2 + tries)
  return {
    verdict: unsafeYearlyLog2 >= -refuseBits ? 'refuse' : unsafeYearlyLog2 >= -warnBits ? 'warn' : 'safe',
    figures: {
      unsafeLog2,
      unsafeYearlyLog2,
      stallLog2,
      stallsPerYear: shards * drawsPerYear * Math.min(1, beaconChoices * 2 ** stallLog2),
      beaconChoices,
    },
    safeCommittee: minCommittee(unsafe, Math.ceil(warnBits + Math.max(0, tries))).safeCommittee,
  }
}

/** One sentence for a log or a console, with the figures that the verdict rests on. */
export function explainAssessment(plan: CommitteePlan, { verdict, figures, safeCommittee }: Assessment): string {
  const seats = failingSeats(plan.finality === 'own' ? 'third' : 'two-thirds', plan.committee)
  const risk = Number.isFinite(figures.unsafeYearlyLog2) ? `2^${figures.unsafeYearlyLog2.toFixed(1)}` : '0'
  const better = safeCommittee === undefined ? 'no size of this population is' : `${safeCommittee} and more are`
  return (
    `${verdict}: ${plan.shards} committees of ${plan.committee} out of ${plan.population} seats, ` +
    `${(100 * plan.faultyShare).toFixed(1)} % of them bad, hold ${seats} bad ones or more with probability ${risk} a year` +
    (verdict === 'safe' ? '' : `; ${better} safe`)
  )
}

function checkPlan({ faultyShare, shards, drawsPerYear, mixingSlots, finality }: CommitteePlan): void {
  const bad = (why: string, data: Readonly<Record<string, unknown>>) => new ArmError('ARM_ARGUMENT', why, data)
  if (!(faultyShare >= 0 && faultyShare < 0.5)) throw bad('the faulty share is outside [0, 0.5)', { faultyShare })
  if (!Number.isInteger(shards) || shards < 1) throw bad('shards are a positive number', { shards })
  if (!(drawsPerYear > 0 && drawsPerYear < Number.POSITIVE_INFINITY))
    throw bad('draws a year are a positive number', { drawsPerYear })
  if (!Number.isInteger(mixingSlots) || mixingSlots < 0 || mixingSlots > MIXING_SLOTS_MAX)
    throw bad(`mixing slots are outside [0, ${MIXING_SLOTS_MAX}]`, { mixingSlots })
  if (finality !== 'own' && finality !== 'anchored') throw bad("finality is 'own' or 'anchored'", { finality })
}
