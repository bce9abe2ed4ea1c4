import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BLOCK_COST_MS, BLOCKS_COST_PART, BUSY_BLOCKS_APART_MS_MAX } from '../limits.ts'
import { BusyPace, paceOf } from './pace.ts'

const { blockTimeMs } = paceOf(0)

/** Every shard makes blocks as often as it may, for some seconds; returns how far apart they are in the end. */
function run(pace: BusyPace, shards: number, fromMs = 0): number {
  let nowMs = fromMs
  while (nowMs < fromMs + 5_000) {
    for (let shard = 0; shard < shards; shard++) pace.made(nowMs)
    nowMs += pace.apartMs(blockTimeMs)
  }
  return pace.apartMs(blockTimeMs)
}

describe('blocks on demand', () => {
  test('of a busy process are so far apart that what they cost by themselves stays within its part', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65 }), (shards) => {
        const apartMs = run(new BusyPace(0, () => 0.9), shards)
        const wanted = (shards * BLOCK_COST_MS) / BLOCKS_COST_PART
        expect(apartMs).toBeCloseTo(Math.min(Math.max(blockTimeMs, wanted), BUSY_BLOCKS_APART_MS_MAX), 6)
      }),
    )
  })

  test('are as soon as ever where the process is not busy, whatever the number of shards', () => {
    expect(run(new BusyPace(0, () => 0.3), 65)).toBe(blockTimeMs)
  })

  test('are as soon as ever again once it is not', () => {
    let busy = 0.9
    const pace = new BusyPace(0, () => busy)
    expect(run(pace, 17)).toBeGreaterThan(2 * blockTimeMs)
    busy = 0.1
    expect(run(pace, 17, 5_000)).toBe(blockTimeMs)
  })

  test('of a chain that made none for long are as soon as ever', () => {
    const pace = new BusyPace(0, () => 0.9)
    run(pace, 17)
    pace.made(60_000)
    expect(pace.apartMs(blockTimeMs)).toBe(blockTimeMs)
  })

  test('go on from a clock that was set back', () => {
    const pace = new BusyPace(1_000_000, () => 0.9)
    expect(run(pace, 17)).toBeCloseTo((17 * BLOCK_COST_MS) / BLOCKS_COST_PART, 6)
  })

  test('that are wanted further apart are', () => {
    expect(new BusyPace(0, () => 0.9).apartMs(1_000)).toBe(1_000)
  })
})
