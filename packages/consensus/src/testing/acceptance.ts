import type { FaultModel } from '../committee.ts'
import type { EngineFactory } from '../engine.ts'
import { type RunReport, type Scenario, TestWorld } from './test-world.ts'

/** An engine that wants to be accepted, and what it claims. */
export type EngineSubject = {
  readonly factory: EngineFactory
  /** What its committees bear. */
  readonly faults: FaultModel
  /** Committee sizes that it takes; 1, 4 and 7 if left out. */
  readonly sizes?: readonly number[]
  /** What it does beyond the rest: ends epochs; goes on when one validator, whichever, has lost its records. */
  readonly claims: readonly ('epochs' | 'amnesia')[]
}

/** One thing that every engine must do. `run` throws an error that says what was broken, when, and in which scenario. */
export type AcceptanceCase = {
  readonly name: string
  readonly run: (subject: EngineSubject) => readonly RunReport[]
}

const SEEDS = [1, 2, 3, 4, 5]
const DEFAULT_SIZES = [1, 4, 7]

const WELL = { chaosMs: 0, calmMs: 10_000, loss: 0, duplicates: 0, upsets: [], upsetMs: 0, progressBlocks: 40 } as const
const CHAOS = {
  chaosMs: 15_000,
  calmMs: 10_000,
  loss: 0.1,
  duplicates: 0.02,
  upsetMs: 400,
  progressBlocks: 20,
} as const

/**
 * What any `ConsensusEngine` must pass, as data: no test runner is needed, and any will do. Each case runs committees of
 * the engine in a small world of virtual time that checks, at every effect, that heights come in order without gaps,
 * that no two validators finalise different blocks, that certificates hold, that nothing abandoned becomes final, and
 * that no correct validator is accused; and in the end that every validator went on once all was well.
 */
export const engineAcceptance: readonly AcceptanceCase[] = [
  {
    name: 'makes blocks while all is well',
    run: (subject) => runAll(subject, WELL),
  },
  {
    name: 'agrees and goes on while messages are lost, repeated and late',
    run: (subject) => runAll(subject, { ...CHAOS, upsets: [] }),
  },
  {
    name: 'agrees across partitions, and goes on when they heal',
    run: (subject) => runAll(subject, { ...CHAOS, upsets: ['partition'] }),
  },
  {
    name: 'crashes at any step, with the last writes torn off, and forgets nothing that counts',
    run: (subject) => runAll(subject, { ...CHAOS, upsets: ['crash', 'partition', 'crash'] }),
  },
  {
    name: 'comes back when every validator crashed at once',
    run: (subject) => runAll(subject, { ...CHAOS, upsets: ['crashAll', 'crash', 'partition'] }),
  },
  {
    name: 'weighs votes by seat',
    run: (subject) =>
      sizesOf(subject).some((size) => size >= 4)
        ? runWeighted(subject, { ...CHAOS, upsets: ['crash', 'partition'] })
        : [],
  },
  {
    name: 'does not vote where its records are lost, and follows the others',
    run: (subject) =>
      runSome(
        subject,
        { ...CHAOS, upsets: ['amnesia', 'partition'] },
        (size) => size >= 4 && subject.claims.includes('amnesia'),
      ),
  },
  {
    name: "ends an epoch with its last block final by that block's own certificate",
    run: (subject) =>
      subject.claims.includes('epochs')
        ? runAll(subject, { ...CHAOS, upsets: ['crash', 'partition'], endHeight: 60 })
        : [],
  },
  {
    name: 'is deterministic: the same scenario gives the same run',
    run(subject) {
      const [first = [], second = []] = [1, 2].map(() => runAll(subject, { ...CHAOS, upsets: ['crash', 'partition'] }))
      for (const [i, { auditHash }] of first.entries())
        if (auditHash !== second[i]?.auditHash) throw new Error(`two runs of seed ${SEEDS[i]} differ`)
      return first
    },
  },
]

type Conditions = Omit<Scenario, 'seed' | 'weights' | 'faults'>

function runAll(subject: EngineSubject, conditions: Conditions): RunReport[] {
  return runSome(subject, conditions, () => true)
}

function runSome(subject: EngineSubject, conditions: Conditions, takes: (size: number) => boolean): RunReport[] {
  return sizesOf(subject)
    .filter(takes)
    .flatMap((size) =>
      runSeeds(
        subject,
        conditions,
        Array.from({ length: size }, () => 1),
      ),
    )
}

/** One seat that nothing is decided without, and others that are light. */
function runWeighted(subject: EngineSubject, conditions: Conditions): RunReport[] {
  return [[30, 20, 20, 15, 10, 5].map((weight) => weight * 1_000_003), [40, 20, 20, 20]].flatMap((weights) =>
    runSeeds(subject, conditions, weights),
  )
}

function runSeeds({ factory, faults }: EngineSubject, conditions: Conditions, weights: readonly number[]): RunReport[] {
  return SEEDS.map((seed) => new TestWorld({ ...conditions, seed, weights, faults }, factory).run())
}

function sizesOf({ sizes = DEFAULT_SIZES }: EngineSubject): readonly number[] {
  return sizes
}
