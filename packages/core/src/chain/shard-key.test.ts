import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareShards, EMPTY_PREFIX, formatShardKey, sameShard, shardKeyCodec, wholeShard } from './shard-key.ts'

const shardKey = fc.record({
  vShard: fc.oneof(fc.nat(2), fc.nat(0xffff_ffff)),
  prefix: fc.oneof(fc.constantFrom(EMPTY_PREFIX, 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  born: fc.oneof(fc.nat(2), fc.maxSafeNat()),
})

test('order, equality, text and bytes of shard keys agree', () => {
  fc.assert(
    fc.property(shardKey, shardKey, shardKey, (a, b, c) => {
      const same = sameShard(a, b)
      expect(compareShards(a, b) === 0).toBe(same)
      expect(formatShardKey(a) === formatShardKey(b)).toBe(same)
      expect(Math.sign(compareShards(a, b))).toBe(0 - Math.sign(compareShards(b, a)))
      if (compareShards(a, b) <= 0 && compareShards(b, c) <= 0) expect(compareShards(a, c)).toBeLessThanOrEqual(0)
      const bytes = shardKeyCodec.encode(a)
      expect(shardKeyCodec.decode(bytes)).toEqual(a)
      expect(Math.sign(Buffer.compare(bytes, shardKeyCodec.encode(b)))).toBe(Math.sign(compareShards(a, b)))
    }),
    { numRuns: 500 },
  )
})

test('a whole vShard has the empty prefix and lives since genesis', () => {
  expect(wholeShard(5)).toEqual({ vShard: 5, prefix: 2n ** 63n, born: 0 })
  expect(formatShardKey(wholeShard(5))).toBe('5.8000000000000000.0')
})
