import fc from 'fast-check'
import { expect, test } from 'vitest'
import { carveBytes } from './bytes.ts'

test('carved bytes are zeroed, of the size that was asked for, and share nothing with each other', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 60 }), (sizes) => {
      const carved = sizes.map(carveBytes)
      carved.forEach((bytes, i) => {
        expect(bytes).toEqual(new Uint8Array(sizes[i] as number))
        bytes.fill(i + 1)
      })
      carved.forEach((bytes, i) => {
        expect(bytes.every((byte) => byte === i + 1)).toBe(true)
      })
    }),
  )
})

test('what is large has memory of its own, so that it does not keep a slab from being freed', () => {
  const large = carveBytes(513)
  expect(large.buffer.byteLength).toBe(513)
  expect(carveBytes(512).buffer.byteLength).toBeGreaterThan(512)
})
