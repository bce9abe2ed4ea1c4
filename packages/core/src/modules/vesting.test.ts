import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Allocation, carve, genesisState, tokenAllocations } from '../chain/genesis.ts'
import type { Receipt } from '../chain/receipt.ts'
import { balanceOf, createTestChain, prepare, runBlock, USER_MOTES, users } from '../chain.fixture.ts'
import { compile } from '../codec/codec.ts'
import { bytes32, struct } from '../codec/schema.ts'
import { sha256 } from '../crypto/hash.ts'
import { moduleAccount } from '../runtime/runtime.ts'
import type { ShardState } from '../state/shard-state.ts'
import { VESTING_ENTRY, vestedMotes, vestingScheduleCodec } from './vesting.ts'

const HOUR_MS = 3_600_000
const MONTH_MS = 730 * HOUR_MS
const YEAR_MS = 8760 * HOUR_MS
const START_MS = 1_000

test('a tenth after the first month, then nine hundredths at each of ten anniversaries', () => {
  const at = (ms: number) => vestedMotes({ totalMotes: 1_000n, startMs: START_MS }, START_MS + ms)
  expect([0, MONTH_MS - 1, MONTH_MS, YEAR_MS - 1].map(at)).toEqual([0n, 0n, 100n, 100n])
  expect(Array.from({ length: 11 }, (_, i) => at((i + 1) * YEAR_MS))).toEqual([
    190n,
    280n,
    370n,
    460n,
    550n,
    640n,
    730n,
    820n,
    910n,
    1_000n,
    1_000n,
  ])
  expect(at(10 * YEAR_MS - 1)).toBe(910n)
  expect(at(-1)).toBe(0n)
})

test('what has vested never falls and never passes the whole', () => {
  const moment = fc.oneof(
    fc.nat(12 * YEAR_MS),
    fc.nat(12).map((years) => years * YEAR_MS),
  )
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), moment, moment, (totalMotes, a, b) => {
      const vested = (ms: number) => vestedMotes({ totalMotes, startMs: START_MS }, START_MS + ms)
      const [early, late] = a < b ? [a, b] : [b, a]
      expect(vested(early) <= vested(late) && vested(late) <= totalMotes).toBe(true)
      expect(vested(10 * YEAR_MS)).toBe(totalMotes)
    }),
  )
})

const chain = createTestChain()
const beneficiary = sha256(Uint8Array.of(7))
const beneficiaryCodec = compile<{ beneficiary: Uint8Array }>(struct(['beneficiary', bytes32]))

/** vShard 1 with `motes` locked for the beneficiary. */
function lockedState(motes: bigint): ShardState {
  const lock: Allocation = { purpose: 'locked', vShard: 1, account: beneficiary, motes, lock: 'vesting' }
  const rest = chain.genesis.allocations.filter(({ purpose }) => purpose === 'user')
  const allocations = carve(carve(tokenAllocations(), 'early-sales', rest), 'team', [lock])
  return genesisState({ ...chain.genesis, allocations }, 1)
}

/** Claims at a time, paid by user 0, who gets nothing. */
function claim(state: ShardState, nonce: number, timeMs: number, who = beneficiary): Receipt {
  const call = { module: 'vesting', method: 'claim', args: beneficiaryCodec.encode({ beneficiary: who }) }
  let receipt: Receipt | undefined
  runBlock(
    chain,
    state,
    (execution) => {
      const outcome = execution.transaction(prepare(chain, 0, { nonce, call, maxFee: 10_000n }))
      if (outcome.ok) receipt = outcome.value
    },
    { timeMs },
  )
  return receipt as Receipt
}

test('claims pay what has vested since the last, to the beneficiary alone, and never more than was locked', () => {
  const gap = fc.oneof(fc.nat(MONTH_MS), fc.nat(3 * YEAR_MS))
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 12n }), fc.array(gap, { maxLength: 12 }), (locked, gaps) => {
      const state = lockedState(locked)
      let timeMs = START_MS
      let claimed = 0n
      for (const [nonce, wait] of gaps.entries()) {
        timeMs += wait
        const vested = vestedMotes({ totalMotes: locked, startMs: START_MS }, timeMs)
        const receipt = claim(state, nonce, timeMs)
        expect(receipt.ok ? '' : 'ARM_CALL_NOTHING_VESTED').toBe(receipt.code)
        expect(receipt.ok).toBe(vested > claimed)
        claimed = vested
        expect(balanceOf(state, beneficiary)).toBe(claimed)
        expect(balanceOf(state, moduleAccount('vesting'))).toBe(locked - claimed)
      }
      const stored = state.entry(state.accounts.find(beneficiary), VESTING_ENTRY) as Uint8Array
      expect(vestingScheduleCodec.decode(stored)).toEqual({
        totalMotes: locked,
        claimedMotes: claimed,
        startMs: START_MS,
      })
    }),
    { numRuns: 60 },
  )
})

test('who has nothing locked claims nothing, and whoever claims for another pays only the fee', () => {
  const state = lockedState(1_000n)
  const receipts = [
    claim(state, 0, START_MS + MONTH_MS, users[1]?.account as Uint8Array),
    claim(state, 1, START_MS + MONTH_MS),
  ]
  expect(receipts.map(({ code }) => code)).toEqual(['ARM_CALL_NOTHING_VESTED', ''])
  const fees = receipts.reduce((sum, { fee }) => sum + fee, 0n)
  expect(balanceOf(state, users[0]?.account as Uint8Array)).toBe(USER_MOTES - fees)
  expect(balanceOf(state, beneficiary)).toBe(100n)
})
