import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SpareBuffers } from './spare-buffers.ts'

test('no buffer is with two at a time, and no more is kept than it may', () => {
  const sizes = fc.array(fc.record({ size: fc.nat({ max: 100_000 }), back: fc.boolean() }), { maxLength: 50 })
  fc.assert(
    fc.property(sizes, (steps) => {
      const spare = new SpareBuffers(256 * 1024)
      const taken = new Set<ArrayBuffer>()
      for (const { size, back } of steps) {
        const bytes = spare.take(size)
        expect(bytes.length).toBe(size)
        expect(taken.has(bytes.buffer)).toBe(false)
        taken.add(bytes.buffer)
        if (back) {
          spare.giveBack([...taken])
          taken.clear()
        }
        expect(spare.spareBytes).toBeLessThanOrEqual(256 * 1024)
      }
    }),
  )
})

test('what came back is used again', () => {
  const spare = new SpareBuffers(1024 * 1024)
  const { buffer } = spare.take(50_000)
  spare.giveBack([buffer])
  expect(spare.take(60_000).buffer).toBe(buffer)
  expect(spare.spareBytes).toBe(0)
})
