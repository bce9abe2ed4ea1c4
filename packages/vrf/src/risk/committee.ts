import { ArmError } from '@armchain/core'
import { POPULATION_MAX, RISK_BITS_MAX } from '../limits.ts'
import { type Draw, exactTail, isBelow } from './exact.ts'
import { TAIL_ERROR_BITS, tailLog2 } from './tail.ts'
import { failingSeats, THRESHOLDS, type Threshold } from './threshold.ts'

/** A population of seats, a share of them bad, and what makes a committee out of it fail. */
export type RiskQuestion = {
  /** Seats that committees are drawn from: mandates, not owners. 1 to `POPULATION_MAX`. */
  readonly population: number
  /** The bad share, from 0 to 1, read as the decimal that it prints as: 0.285 of 100 is 28.5 seats, so 29. */
  readonly faultyShare: number
  readonly threshold: Threshold
}

/** The answer to how large committees have to be. */
export type RiskAnswer = {
  /** The first size whose failure is below 2^-bits; undefined if there is none. */
  readonly minCommittee: number | undefined
  /** The first size from which on every size up to the population passes; undefined if not even the whole does. */
  readonly safeCommittee: number | undefined
  /** Base-2 logarithm of the failure at `minCommittee`; -Infinity where it cannot fail. */
  readonly failureLog2: number | undefined
}

/** Seats that a share makes, to the nearest, halves up; in decimal arithmetic, so that no platform rounds otherwise. */
export function faultySeats(population: number, faultyShare: number): number {
  if (!(faultyShare >= 0 && faultyShare <= 1))
    throw new ArmError('ARM_ARGUMENT', 'the faulty share is outside [0, 1]', { faultyShare })
  const [, whole = '0', fraction = '', exponent = '0'] =
    /^(\d+)(?:\.(\d+))?(?:e-(\d+))?$/.exec(String(faultyShare)) ?? []
  const denominator = 10n ** BigInt(fraction.length + Number(exponent))
  return Number((2n * BigInt(population) * BigInt(whole + fraction) + denominator) / (2n * denominator))
}

/**
 * Base-2 logarithm of the probability that a committee of `committee` seats, drawn without replacement, fails: that at
 * least `failingSeats` of them are bad. -Infinity if it cannot happen.
 *
 * @throws {ArmError} `ARM_ARGUMENT` naming the argument that is out of range; so do all functions of this file.
 */
export function committeeFailure(question: RiskQuestion, committee: number): number {
  const draw = drawOf(question, committee)
  return tailLog2(draw, failingSeats(question.threshold, committee))
}

/** Whether that probability is below 2^-bits. Exact: where floating point could err, integers decide. */
export function isSafe(question: RiskQuestion, committee: number, bits: number): boolean {
  checkBits(bits)
  return isSafeDraw(drawOf(question, committee), question.threshold, bits)
}

/**
 * How large a committee has to be for its failure to stay below 2^-bits. The failure saw-tooths in the size, as one
 * seat more often means that one bad seat more is needed and sometimes not, so there are two answers: the first size
 * that passes, and the first from which all do.
 */
export function minCommittee(question: RiskQuestion, bits: number): RiskAnswer {
  checkBits(bits)
  const { population, threshold } = question
  const { faulty } = drawOf(question, population)
  const passes = (committee: number): boolean => isSafeDraw({ population, faulty, committee }, threshold, bits)
  let first = 1
  while (first <= population && !passes(first)) first++
  let safe = population + 1
  while (safe > 1 && passes(safe - 1)) safe--
  if (first > population) return { minCommittee: undefined, safeCommittee: undefined, failureLog2: undefined }
  return {
    minCommittee: first,
    safeCommittee: safe > population ? undefined : safe,
    failureLog2: tailLog2({ population, faulty, committee: first }, failingSeats(threshold, first)),
  }
}

function isSafeDraw(draw: Draw, threshold: Threshold, bits: number): boolean {
  const seats = failingSeats(threshold, draw.committee)
  const distance = tailLog2(draw, seats) + bits
  if (Math.abs(distance) > TAIL_ERROR_BITS) return distance < 0
  return isBelow(exactTail(draw, seats), bits)
}

function drawOf({ population, faultyShare, threshold }: RiskQuestion, committee: number): Draw {
  if (!Number.isInteger(population) || population < 1 || population > POPULATION_MAX)
    throw new ArmError('ARM_ARGUMENT', `the population is outside [1, ${POPULATION_MAX}]`, { population })
  if (!Number.isInteger(committee) || committee < 1 || committee > population)
    throw new ArmError('ARM_ARGUMENT', 'the committee is outside [1, population]', { committee, population })
  if (!THRESHOLDS.includes(threshold))
    throw new ArmError('ARM_ARGUMENT', `the threshold is none of ${THRESHOLDS.join(', ')}`, { threshold })
  return { population, faulty: faultySeats(population, faultyShare), committee }
}

function checkBits(bits: number): void {
  if (Number.isInteger(bits) && bits >= 1 && bits <= RISK_BITS_MAX) return
  throw new ArmError('ARM_ARGUMENT', `bits are outside [1, ${RISK_BITS_MAX}]`, { bits })
}
