import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTopicName, topicName } from './topic-name.ts'

const place = fc.record({
  network: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/),
  epoch: fc.maxSafeNat(),
  shard: fc.oneof(fc.constant('main' as const), fc.nat({ max: 0xffff_ffff })),
  kind: fc.stringMatching(/^[a-z][a-z-]{0,31}$/),
})

test('what is named is parsed, so no two places have one name', () => {
  expect(topicName({ network: 'testnet', epoch: 3, shard: 7, kind: 'head' })).toBe('/armchain/testnet/3/shard/7/head')
  fc.assert(
    fc.property(place, (each) => {
      expect(parseTopicName(topicName(each))).toEqual(each)
    }),
  )
})

test.each([
  '/armchain/testnet/03/shard/7/head',
  '/armchain/testnet/3/shard/07/head',
  '/armchain/testnet/3/shard/4294967296/head',
  '/armchain/testnet/9007199254740993/main/head',
  '/armchain/testnet/3/main/7/head',
  '/armchain/testnet/3/shard/7/head/',
  '/armchain/Testnet/3/shard/7/head',
  '/armchain//3/shard/7/head',
  'armchain/testnet/3/main/head',
  '',
])('%j is no name', (name) => expect(parseTopicName(name)).toBeUndefined())

test.each([
  { network: 'a/b', epoch: 0, shard: 1, kind: 'head' },
  { network: 'a', epoch: -1, shard: 1, kind: 'head' },
  { network: 'a', epoch: 0.5, shard: 1, kind: 'head' },
  { network: 'a', epoch: 0, shard: 2 ** 32, kind: 'head' },
  { network: 'a', epoch: 0, shard: 'main' as const, kind: '' },
])('%j cannot be named', (each) => {
  expect(() => topicName(each)).toThrow(expect.objectContaining({ code: 'ARM_ARGUMENT' }))
})
