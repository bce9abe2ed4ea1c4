import { sha256, toHex } from '@armchain/core'
import { describe, expect, test } from 'vitest'
import { lawDeviation } from './chi-square.fixture.ts'
import { domain, seedOf } from './dealing.fixture.ts'
import { deriveSeed, SeedStream, sample } from './seed-stream.ts'

const DRAWS = 1_000_000

describe('SeedStream', () => {
  test('words are SHA-256 of seed and counter, in order', () => {
    const seed = seedOf('words')
    const stream = new SeedStream(seed)
    const words = Array.from({ length: 20 }, () => stream.below(2 ** 32))
    const expected = [0, 1, 2].flatMap((counter) => {
      const block = sha256(Uint8Array.from([...seed, 0, 0, 0, 0, 0, 0, 0, counter]))
      return Array.from({ length: 8 }, (_, i) => new DataView(block.buffer, block.byteOffset).getUint32(4 * i))
    })
    expect(words).toEqual(expected.slice(0, 20))
  })

  test.each([2, 3, 7, 64, 100, 1000])('a million integers below %d are uniform', (bound) => {
    const stream = new SeedStream(seedOf(bound))
    const counts = new Array<number>(bound).fill(0)
    for (let i = 0; i < DRAWS; i++) (counts[stream.below(bound)] as number)++
    expect(lawDeviation(counts, new Array(bound).fill(1))).toBeLessThan(5)
  })

  test('values that would favour small results are drawn again', () => {
    // 3 * 2^30 takes three quarters of the words: the remainder alone would give the lowest third twice as often.
    const bound = 3 * 2 ** 30
    const stream = new SeedStream(seedOf('rejection'))
    const thirds = [0, 0, 0]
    for (let i = 0; i < 300_000; i++) (thirds[Math.floor(stream.below(bound) / 2 ** 30)] as number)++
    expect(lawDeviation(thirds, [1, 1, 1])).toBeLessThan(5)
  })

  test('bounds at the ends, and beyond', () => {
    const stream = new SeedStream(seedOf('ends'))
    expect([stream.below(1), stream.below(1)]).toEqual([0, 0])
    for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => stream.below(bound)).toThrow(/bound/)
    expect(() => new SeedStream(new Uint8Array(31))).toThrow(/32 bytes/)
  })
})

describe('sample', () => {
  test('each order of three out of four has the same chance', () => {
    const stream = new SeedStream(seedOf('orders'))
    const counts = new Map<string, number>()
    for (let i = 0; i < 240_000; i++) {
      const order = sample(['a', 'b', 'c', 'd'], 3, stream).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    expect(lawDeviation([...counts.values()], new Array(24).fill(1))).toBeLessThan(5)
  })

  test('takes nothing, everything, and never more', () => {
    const items = [1, 2, 3, 4, 5]
    const stream = new SeedStream(seedOf('all'))
    expect(sample(items, 0, stream)).toEqual([])
    expect(sample(items, 5, stream).toSorted()).toEqual(items)
    expect(items).toEqual([1, 2, 3, 4, 5])
    expect(() => sample(items, 6, stream)).toThrow(/no larger/)
  })
})

test('seeds of other purposes, chains and parts have nothing in common', () => {
  const part = Uint8Array.of(1)
  const seeds = [
    deriveSeed(domain, 'pools', part),
    deriveSeed(domain, 'term', part),
    deriveSeed(domain, 'pools', Uint8Array.of(2)),
    deriveSeed({ ...domain, genesisHash: seedOf('another chain') }, 'pools', part),
    deriveSeed({ ...domain, schemaVersion: 2 }, 'pools', part),
  ]
  expect(new Set(seeds.map(toHex)).size).toBe(seeds.length)
})
