import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type ArchivedBlock,
  blockKey,
  decodeBlock,
  decodeHeight,
  encodeBlock,
  encodeHeight,
  heightOfKey,
  lastHeightKey,
  shardOfKey,
  txIdsOf,
} from './archive-records.ts'

const whole = (value: Buffer) => decodeBlock(value, 'all')

/** Small parts are stored as they are, larger ones compressed. */
const part = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 1_000, maxLength: 1_500 }))
const block: fc.Arbitrary<ArchivedBlock> = fc.record({
  header: part,
  body: part,
  receipts: part,
  txIds: fc.nat(4).chain((count) => fc.uint8Array({ minLength: 32 * count, maxLength: 32 * count })),
})
const place = fc.record({ shard: fc.nat(0xffff_ffff), height: fc.nat(2 ** 48 - 1) })

test('blocks, places and heights come back; keys sort as their numbers do', () => {
  fc.assert(
    fc.property(block, place, place, fc.constantFrom('none', 'zstd'), (each, a, b, compression) => {
      const value = Buffer.concat(encodeBlock(each, compression))
      expect(decodeBlock(value, 'all')).toEqual(each)
      expect(decodeBlock(value, 'receipts')).toEqual({ ...each, body: new Uint8Array(0) })
      expect(new Uint8Array(txIdsOf(value))).toEqual(each.txIds)
      expect(decodeHeight(encodeHeight(a.height))).toBe(a.height)
      expect(heightOfKey(blockKey(a))).toBe(a.height)
      expect(shardOfKey(lastHeightKey(a.shard))).toBe(a.shard)
      const order = a.shard !== b.shard ? a.shard - b.shard : a.height - b.height
      expect(Math.sign(Buffer.compare(blockKey(a), blockKey(b)))).toBe(Math.sign(order))
    }),
  )
})

test('100,000 random or mutated values: read, or refused with ARM_STORE', () => {
  const samples = fc.sample(block, { numRuns: 20, seed: 42 }).map((each) => Buffer.concat(encodeBlock(each, 'zstd')))
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const counts = { read: 0, refused: 0 }
  for (let i = 0; i < 100_000; i++) {
    const sample = samples[i % samples.length] as Buffer
    const input =
      i % 5 < 3
        ? Buffer.from(Array.from({ length: random(40) }, () => random(256)))
        : Buffer.from(sample.subarray(0, i % 5 === 3 ? random(sample.length) : sample.length))
    for (let k = random(3); k > 0 && input.length > 0; k--) input[random(input.length)] = random(256)
    for (const read of i % 10 === 4 ? [whole, txIdsOf, decodeHeight] : [whole]) {
      try {
        read(input)
        counts.read++
      } catch (error) {
        if ((error as { code?: string }).code !== 'ARM_STORE') throw error
        counts.refused++
      }
    }
  }
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(10_000)
})
