import { concatBytes } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameReader, joinFrames } from './frame-reader.ts'

function takeAll(reader: FrameReader): Uint8Array[] {
  const taken: Uint8Array[] = []
  for (let message = reader.take(); message !== undefined; message = reader.take()) taken.push(message)
  return taken
}

test('messages come out as they went in, however the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 12 })
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), (sent, cuts) => {
      const stream = joinFrames(sent)
      const reader = new FrameReader(50)
      const taken: Uint8Array[] = []
      for (let at = 0, i = 0; at < stream.length; i++) {
        const next = at + (cuts[i % cuts.length] ?? 1)
        reader.feed(stream.subarray(at, next))
        taken.push(...takeAll(reader))
        at = next
      }
      expect(taken.map((each) => [...each])).toEqual(sent.map((each) => [...each]))
      expect(reader.heldBytes).toBe(0)
    }),
  )
})

test('a frame that says it is too large is refused before any of it is kept', () => {
  const reader = new FrameReader(100)
  reader.feed(joinFrames([new Uint8Array(101)]).subarray(0, 4))
  expect(() => reader.take()).toThrow(expect.objectContaining({ code: 'ARM_NETWORK' }))
})

test('a frame that comes byte by byte holds no more than has come', () => {
  const reader = new FrameReader(1 << 20)
  const stream = joinFrames([new Uint8Array(1 << 20).fill(7)])
  for (let i = 0; i < 1_000; i++) {
    reader.feed(stream.subarray(i, i + 1))
    expect(reader.take()).toBeUndefined()
    expect(reader.heldBytes).toBe(i + 1)
  }
  reader.feed(concatBytes(stream.subarray(1_000), joinFrames([new Uint8Array(3)])))
  expect(takeAll(reader).map(({ length }) => length)).toEqual([1 << 20, 3])
})
