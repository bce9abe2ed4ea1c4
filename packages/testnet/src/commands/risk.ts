import { ArmError } from '@armchain/core'
import { committeeFailure, faultySeats, limits, minCommittee, THRESHOLDS, type Threshold } from '@armchain/vrf'
import { type Command, integer, text, type Values } from './command.ts'

const { POPULATION_MAX, RISK_BITS_MAX } = limits

export const riskCommand: Command = {
  usage: `risk --population N [options]           how large a committee has to be, so that it hardly ever fails
  --population N      seats that committees are drawn from, without replacement
  --faulty SHARE      the bad part of them, from 0 to 1 (default 0.2)
  --threshold T       a committee fails with so many bad seats: third (default; it can be stopped), half, or
                      two-thirds (it can certify anything)
  --bits B            its failure is to be below 2^-B (default 30)
  --committee N       how often one of this size fails, instead`,
  options: {
    population: { type: 'string' },
    faulty: { type: 'string' },
    threshold: { type: 'string' },
    bits: { type: 'string' },
    committee: { type: 'string' },
  },
  positionals: [0, 0],
  async run({ values, output }) {
    const population = integer(values, 'population', 0, { min: 1, max: POPULATION_MAX })
    if (population === 0)
      throw new ArmError('ARM_CLI_USAGE', 'how many seats are drawn from is missing', { hint: '--population 400' })
    const faultyShare = readShare(values)
    const threshold = readThreshold(values)
    const question = { population, faultyShare, threshold }
    const bad = `${faultySeats(population, faultyShare)} of ${population} seats are bad`
    const committee = integer(values, 'committee', 0, { min: 1, max: population })
    if (committee > 0) {
      const failureLog2 = committeeFailure(question, committee)
      output.value({ committee, failureLog2: finite(failureLog2) })
      return output.text(`${bad}: a committee of ${committee} fails with a probability of ${power(failureLog2)}`)
    }
    const bits = integer(values, 'bits', 30, { min: 1, max: RISK_BITS_MAX })
    const answer = minCommittee(question, bits)
    const { minCommittee: first, safeCommittee: safe, failureLog2 } = answer
    output.value({
      minCommittee: first ?? null,
      safeCommittee: safe ?? null,
      failureLog2: failureLog2 === undefined ? null : finite(failureLog2),
    })
    if (first === undefined || failureLog2 === undefined)
      return output.text(`${bad}: no committee, nor all of them together, fails less often than 2^-${bits}`)
    output.text(
      `${bad}: the first committee that fails less often than 2^-${bits} has ${first} seats (${power(failureLog2)})`,
    )
    output.text(
      safe === undefined ? 'larger ones may fail more often' : `every committee of ${safe} seats or more does, too`,
    )
  },
}

function readShare(values: Values): number {
  const given = text(values, 'faulty') ?? '0.2'
  const share = /^\d*\.?\d+$/.test(given) ? Number(given) : Number.NaN
  if (share >= 0 && share <= 1) return share
  throw new ArmError('ARM_CLI_USAGE', '--faulty is not a share from 0 to 1', { value: given, hint: '--faulty 0.2' })
}

function readThreshold(values: Values): Threshold {
  const given = text(values, 'threshold') ?? 'third'
  const threshold = THRESHOLDS.find((each) => each === given)
  if (threshold !== undefined) return threshold
  throw new ArmError('ARM_CLI_USAGE', `unknown threshold "${given}"`, { hint: THRESHOLDS.join(', ') })
}

/** JSON has no infinity: null where it cannot happen. */
function finite(log2: number): number | null {
  return Number.isFinite(log2) ? log2 : null
}

function power(log2: number): string {
  return Number.isFinite(log2) ? `2^${log2.toFixed(2)}` : 'nothing: it cannot happen'
}
