import type { PreparedTransaction } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { idPrefix, PendingTransactions } from './pending.ts'

/** Ids of which many agree in the bytes that they are first told apart by. */
function idOf(n: number): Uint8Array {
  const id = new Uint8Array(32).fill(n % 3)
  id[31] = n
  return id
}

function prepared(n: number): PreparedTransaction {
  return { id: idOf(n) } as PreparedTransaction
}

test('it holds what a map by id would hold, also where ids begin alike', () => {
  const change = fc.record({ what: fc.constantFrom('set', 'delete'), n: fc.nat({ max: 20 }) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 100 }), (changes) => {
      const pending = new PendingTransactions()
      const model = new Set<number>()
      for (const { what, n } of changes) {
        if (what === 'set') {
          pending.set(prepared(n))
          model.add(n)
        } else {
          pending.delete(idOf(n))
          model.delete(n)
        }
      }
      for (let n = 0; n <= 20; n++) expect(pending.get(idOf(n)) !== undefined).toBe(model.has(n))
      pending.clear()
      for (let n = 0; n <= 20; n++) expect(pending.get(idOf(n))).toBeUndefined()
    }),
  )
})

test('the prefix is 30 bits of the first four bytes, big end first', () => {
  expect(idPrefix(Uint8Array.of(1, 2, 3, 4, 5, 6, 7))).toBe(0x01020304)
  expect(idPrefix(new Uint8Array(32).fill(255))).toBe(2 ** 30 - 1)
})
