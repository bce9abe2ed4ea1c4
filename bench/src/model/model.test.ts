import { expect, test } from 'vitest'
import { type Assumptions, type Inputs, needFor } from './model.ts'

const inputs: Inputs = {
  transferUs: 50,
  mainThreadUs: 25,
  crossUs: 20,
  blockUs: 400,
  voteUs: 40,
  transferBytes: 225,
  voteBytes: 128,
  anchorBytes: 900,
  signerBytes: 64,
  historyBytes: 400,
  crossHistoryBytes: 1_500,
  messageBytes: 250,
}
const assumptions: Assumptions = { seats: 4, blockSeconds: 1, utilisation: 0.8, cross: 0 }

test('a thread at 80 % takes 32,000 transfers of 25 us a second, less what blocks take', () => {
  expect(needFor(31_900, inputs, assumptions).vShards).toBe(1)
  expect(needFor(32_000, inputs, assumptions).vShards).toBe(2)
})

test('by hand: one shard, four seats, ten thousand a second', () => {
  const need = needFor(10_000, inputs, assumptions)
  expect(need.nodes).toBe(8)
  // Transfers, the blocks of the two shards, and two rounds of four votes on each.
  expect(need.coresPerNode).toBeCloseTo(0.5 + 0.0008 + 0.00064, 9)
  const main = 900 + 3 * 64 + 0.5
  expect(need.megabitsPerNode).toBeCloseTo((8 * (2 * 2_250_000 + 16 * 128 + 2 * main)) / 1e6, 9)
  expect(need.leaderMegabits).toBeCloseTo(54, 9)
  expect(need.gigabytesPerNodeDay).toBeCloseTo((86_400 * (4_000_000 + main)) / 1e9, 9)
})

test('more transfers never need less, and crossing never makes it cheaper', () => {
  for (const cross of [0, 0.2, 'uniform'] as const) {
    let before = 0
    for (const tps of [10_000, 50_000, 200_000, 1_000_000]) {
      const need = needFor(tps, inputs, { ...assumptions, cross })
      expect(need.cores).toBeGreaterThanOrEqual(before)
      expect(need.cores).toBeGreaterThanOrEqual(needFor(tps, inputs, assumptions).cores)
      before = need.cores
    }
  }
})

test('where anchors alone take the thread, it says so', () => {
  expect(() => needFor(1_000_000, { ...inputs, blockUs: 100_000 }, assumptions)).toThrow(RangeError)
})
