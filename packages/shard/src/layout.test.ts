import { accountPath, EMPTY_PREFIX, MAIN_VSHARD, SUPPLY_MOTES, sha256, wholeShard } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { genesisTip } from './chain.ts'
import { findShard, isMain, type Layout, ownsAccount, resolveShard } from './layout.ts'
import { createWorld } from './world.fixture.ts'

const bits = fc.array(fc.nat(1), { maxLength: 63 })

/** The prefix as `ShardKey` has it: the bits from the top, then a one, then zeros. */
function prefixOf(path: readonly number[]): bigint {
  return BigInt(`0b${[...path, 1].join('').padEnd(64, '0')}`)
}

/** Bits of where an account stands in the tree, from the top. */
function pathBits(account: Uint8Array): number[] {
  return [...accountPath(account)].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (byte >> bit) & 1))
}

test('a shard owns the accounts whose path begins with its prefix, and no other', () => {
  expect(prefixOf([])).toBe(EMPTY_PREFIX)
  fc.assert(
    fc.property(
      fc.nat(63),
      bits,
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.nat(9),
      (length, other, id, at) => {
        const placed = new Uint8Array(50)
        placed.set(id, at)
        const own = placed.subarray(at, at + 32)
        const path = pathBits(id).slice(0, length)
        const owns = (prefix: readonly number[]) => ownsAccount({ vShard: 1, prefix: prefixOf(prefix), born: 0 }, own)
        expect(owns(path)).toBe(true)
        for (let cut = 0; cut < path.length; cut++) {
          expect(owns(path.slice(0, cut))).toBe(true)
          expect(owns([...path.slice(0, cut), 1 - (path[cut] as number)])).toBe(false)
        }
        expect(owns(other)).toBe(other.every((bit, i) => pathBits(id)[i] === bit))
      },
    ),
    { numRuns: 500 },
  )
})

test('of two halves of a vShard exactly one holds an account', () => {
  const halves = [0, 1].map((bit) => ({ vShard: 1, prefix: prefixOf([bit]), born: 3 }))
  const { layout } = createWorld(1)
  const [main] = layout.shards as [Layout['shards'][number]]
  const split = { ...layout, shards: [main, ...halves.map((key) => ({ ...main, key }))] }
  for (let i = 0; i < 64; i++) {
    const account = sha256(Uint8Array.of(i))
    expect(resolveShard(split, 1, account)).toBe(halves[pathBits(account)[0] as number])
    expect(resolveShard(split, 2, account)).toBeUndefined()
  }
})

test('at genesis each vShard is whole, found by its key, and holds its part of the supply', () => {
  const world = createWorld(3)
  const { layout } = world
  expect(layout.shards.map(({ key }) => key)).toEqual([0, 1, 2, 3].map(wholeShard))
  expect(layout.shards.map(({ key }) => isMain(key))).toEqual([true, false, false, false])
  expect(findShard(layout, wholeShard(2))).toBe(layout.shards[2])
  expect(findShard(layout, { ...wholeShard(2), born: 1 })).toBeUndefined()
  expect(findShard(layout, wholeShard(9))).toBeUndefined()
  expect(layout.shards.reduce((sum, { genesisMotes }) => sum + genesisMotes, 0n)).toBe(SUPPLY_MOTES)
  const states = world.states()
  for (const [i, descriptor] of layout.shards.entries()) {
    const { head, height, hash } = genesisTip(descriptor)
    expect([height, head.height, hash]).toEqual([0, 0, descriptor.genesisHeadHash])
    expect(head.stateRoot).toEqual(states[i]?.root())
    expect(head.genesis).toEqual(layout.genesisHash)
    expect(head.shard).toEqual(descriptor.key)
  }
  expect(layout.shards[0]?.key.vShard).toBe(MAIN_VSHARD)
})
