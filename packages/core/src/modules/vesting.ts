import { type Codec, compile } from '../codec/codec.ts'
import { bytes32, struct, u53, u64 } from '../codec/schema.ts'
import { defineCall, defineQuery, type ModuleContext, type RuntimeModule } from '../runtime/module.ts'

/**
 * Locked allocations (requirement D10): a tenth of the whole after one month, then nine hundredths at each of ten
 * anniversaries, counted from the schedule's start by block time.
 *
 * Deviation: the paper's "10% in the first month, the remaining 10% each year, 10 years" sums to more than the whole
 * or ends in year nine; only 10% + 10 x 9% ends in year ten.
 */
export type VestingSchedule = { readonly totalMotes: bigint; readonly claimedMotes: bigint; readonly startMs: number }

const HOUR_MS = 3_600_000
const FIRST_MS: number = 730 * HOUR_MS
const YEAR_MS: number = 8760 * HOUR_MS
const YEARS = 10n
const KEY = 'schedule'

export const vestingScheduleCodec: Codec<VestingSchedule> = compile(
  struct(['totalMotes', u64], ['claimedMotes', u64], ['startMs', u53]),
)

export const vesting: RuntimeModule = {
  name: 'vesting',
  calls: {
    claim: defineCall({
      args: struct(['beneficiary', bytes32]),
      gas: 0,
      // Anyone may pay for the claim; the money goes to the beneficiary alone.
      run(context, { beneficiary }: { beneficiary: Uint8Array }) {
        const row = context.row(beneficiary)
        const schedule = readSchedule(context, row)
        const due = schedule === undefined ? 0n : vestedMotes(schedule, context.timeMs) - schedule.claimedMotes
        if (schedule === undefined || due === 0n)
          return { code: 'ARM_CALL_NOTHING_VESTED', message: 'nothing has vested since the last claim' }
        if (!context.debit(context.moduleRow('vesting'), due))
          return { code: 'ARM_CALL_FUNDS', message: 'the vesting account is short' }
        context.credit(row, due)
        context.set(row, KEY, vestingScheduleCodec.encode({ ...schedule, claimedMotes: schedule.claimedMotes + due }))
        context.emit('claimed', { beneficiary, amount: due })
        return undefined
      },
    }),
  },
  events: { claimed: struct(['beneficiary', bytes32], ['amount', u64]) },
  queries: {
    schedule: defineQuery<{ beneficiary: Uint8Array }, VestingSchedule & { vestedMotes: bigint }>({
      args: struct(['beneficiary', bytes32]),
      result: struct(['totalMotes', u64], ['claimedMotes', u64], ['startMs', u53], ['vestedMotes', u64]),
      run(context, { beneficiary }) {
        const value = context.get(context.row(beneficiary), KEY)
        const schedule =
          value === undefined ? { totalMotes: 0n, claimedMotes: 0n, startMs: 0 } : vestingScheduleCodec.decode(value)
        return { ...schedule, vestedMotes: vestedMotes(schedule, context.timeMs) }
      },
    }),
  },
}

/** Motes free of the lock at `nowMs`, claimed or not; the whole from the tenth anniversary on. */
export function vestedMotes(
  { totalMotes, startMs }: Pick<VestingSchedule, 'totalMotes' | 'startMs'>,
  nowMs: number,
): bigint {
  const elapsed = nowMs - startMs
  if (elapsed < FIRST_MS) return 0n
  const years = BigInt(Math.floor(elapsed / YEAR_MS))
  return years >= YEARS ? totalMotes : (totalMotes * (10n + 9n * years)) / 100n
}

/** State key of a schedule under its beneficiary's account, as genesis writes it. */
export const VESTING_ENTRY: string = `vesting/${KEY}`

function readSchedule(context: ModuleContext, row: number): VestingSchedule | undefined {
  const value = context.get(row, KEY)
  return value === undefined ? undefined : vestingScheduleCodec.decode(value)
}
