import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../crypto/hash.ts'
import { decodeAccountRecord } from './account-proof.ts'
import { type Account, AccountTable } from './account-table.ts'

// The last four bytes choose the place in the index: half of the ids share theirs with others.
const ids = Array.from({ length: 120 }, (_, i) => {
  const id = sha256(Uint8Array.of(i))
  if (i % 2 === 0) id.set([0, 0, 0, 7], 28)
  return id
})

const account: fc.Arbitrary<Account> = fc.record({
  balance: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  nonce: fc.oneof(fc.nat(3), fc.maxSafeNat()),
  keyType: fc.oneof(fc.nat(1), fc.nat(255)),
})
const step = fc.record({ id: fc.nat(ids.length - 1), account: fc.option(account, { nil: undefined }) })

test('any sequence of writes equals a plain map, counts and total included', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(1, 4, 64), (steps, capacity) => {
      const table = new AccountTable(capacity)
      const model = new Map<number, Account>()
      const rows = new Map<number, number>()
      for (const { id, account: written } of steps) {
        const row = table.intern(ids[id] as Uint8Array)
        expect(row).toBe(rows.get(id) ?? rows.size)
        rows.set(id, row)
        table.write(row, written)
        if (written === undefined) model.delete(id)
        else model.set(id, written)
      }
      expect(table.rows).toBe(rows.size)
      expect(table.count).toBe(model.size)
      expect(table.totalBalance).toBe([...model.values()].reduce((sum, { balance }) => sum + balance, 0n))
      for (const [i, id] of ids.entries()) {
        const row = rows.get(i) ?? -1
        const expected = model.get(i)
        expect(table.find(id)).toBe(row)
        expect(table.exists(row)).toBe(expected !== undefined)
        const { balance, nonce, keyType } = expected ?? { balance: 0n, nonce: 0, keyType: 0 }
        expect([table.balance(row), table.nonce(row), table.keyType(row)]).toEqual([balance, nonce, keyType])
        if (row < 0) continue
        expect(table.id(row)).toEqual(id)
        const record = new Uint8Array(40).fill(0xff)
        table.record(row, record, 4)
        expect(decodeAccountRecord(record.subarray(4, 36))).toEqual({ balance, nonce, keyType })
        expect(record.subarray(21, 36)).toEqual(new Uint8Array(15))
      }
    }),
    { numRuns: 200 },
  )
})

test('an id is read where the caller says, and copied', () => {
  const table = new AccountTable(1)
  const buffer = new Uint8Array(40)
  buffer.set(ids[3] as Uint8Array, 5)
  expect(table.find(buffer, 5)).toBe(-1)
  const row = table.intern(buffer, 5)
  buffer.fill(0)
  expect(table.find(ids[3] as Uint8Array)).toBe(row)
  expect(table.exists(row)).toBe(false)
})
