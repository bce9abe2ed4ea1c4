import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AccountTable, INDEX_KEY_BYTES, keyAccountIndex } from './account-table.ts'

test('a table that was made under one key keeps it when another is set', () => {
  const table = new AccountTable()
  const ids = Array.from({ length: 500 }, (_, i) => Uint8Array.from({ length: 32 }, (_, k) => (i * 7 + k * i) & 255))
  const rows = ids.map((id) => table.intern(id))
  keyAccountIndex(Uint8Array.from({ length: INDEX_KEY_BYTES }, (_, i) => (i * 37 + 11) & 255))
  expect(ids.map((id) => table.find(id))).toEqual(rows)
  expect(ids.map((id) => new AccountTable().find(id))).toEqual(ids.map(() => -1))
})

test('ids that agree in all but a few chosen bits are found as fast as others', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: INDEX_KEY_BYTES, maxLength: INDEX_KEY_BYTES }), (key) => {
      keyAccountIndex(key)
      const table = new AccountTable()
      for (let i = 0; i < 2_000; i++) {
        const id = new Uint8Array(32)
        // Only the top bits of every word differ: what a hash by words mixes least.
        for (let word = 0; word < 8; word++) id[4 * word] = ((i >> word) & 1) << 7
        new DataView(id.buffer).setUint16(12, i)
        table.intern(id)
      }
      expect(table.longestProbe).toBeLessThan(200)
    }),
    { numRuns: 20 },
  )
})
