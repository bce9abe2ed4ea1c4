import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AccountCache } from './account-cache.ts'

/** Every fifth key may own nothing; an account is its key backwards. */
function nameKey(key: Uint8Array): Uint8Array | undefined {
  return (key[31] as number) % 5 === 0 ? undefined : key.toReversed()
}

/** Half of the keys agree in what decides where they go. */
function keyOf(n: number): Uint8Array {
  const key = new Uint8Array(32).fill(n % 2 === 0 ? 0 : n)
  key[30] = n >> 8
  key[31] = n
  return key
}

test('it gives what naming the key gives, whatever was asked before', () => {
  const asked = fc.array(fc.nat({ max: 5_000 }), { maxLength: 4_000 })
  const secret = fc.uint32Array({ minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(asked, secret, fc.constantFrom(1, 7, 100, 10_000), (keys, chance, keysMax) => {
      const cache = new AccountCache(nameKey, { keysMax, secret: chance })
      const data = new Uint8Array(40)
      for (const n of keys) {
        const key = keyOf(n)
        data.set(key, 5)
        const out = new Uint8Array(40).fill(0xee)
        const expected = nameKey(key)
        expect(cache.write(data, 5, out, 3)).toBe(expected !== undefined)
        expect(out.subarray(3, 35)).toEqual(expected ?? new Uint8Array(32).fill(0xee))
      }
    }),
    { numRuns: 30 },
  )
})

test('a key is named once while it is remembered, and again once all are forgotten', () => {
  let named = 0
  const cache = new AccountCache(
    (key) => {
      named++
      return key
    },
    { keysMax: 3, secret: Uint32Array.of(1, 2, 3, 4) },
  )
  const ask = (n: number): boolean => cache.write(keyOf(n), 0, new Uint8Array(32), 0)
  for (const n of [1, 2, 3, 1, 2, 3]) ask(n)
  expect(named).toBe(3)
  ask(4)
  expect(named).toBe(4)
  ask(1)
  expect(named).toBe(5)
})
