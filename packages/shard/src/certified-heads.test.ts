import { sha256, utf8 } from '@armchain/core'
import { expect, test } from 'vitest'
import { CertifiedHeads } from './certified-heads.ts'

const bytes = (name: string): Uint8Array => sha256(utf8(name))

test('a head is known with its own certificate, and with no other', () => {
  const heads = new CertifiedHeads()
  heads.add(bytes('head'), bytes('certificate'))
  expect(heads.has(bytes('head'), bytes('certificate'))).toBe(true)
  expect(heads.has(bytes('head'), bytes('another'))).toBe(false)
  expect(heads.has(bytes('other'), bytes('certificate'))).toBe(false)
  expect(heads.has(bytes('head'), bytes('certificate').subarray(1))).toBe(false)
})

test('the oldest are forgotten first', () => {
  const heads = new CertifiedHeads(2)
  for (const name of ['a', 'b', 'b', 'c']) heads.add(bytes(name), bytes('certificate'))
  expect(['a', 'b', 'c'].map((name) => heads.has(bytes(name), bytes('certificate')))).toEqual([false, true, true])
})
