import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readFrames } from './bulk.ts'
import { ChunkWriter } from './submit.ts'

const LIMIT = 50

function framed(raws: readonly Uint8Array[]): Uint8Array {
  const heads = raws.map(({ length }) => Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length))
  return Uint8Array.from(raws.flatMap((raw, i) => [...(heads[i] as Uint8Array), ...raw]))
}

test('frames come back, from wherever the body lies', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: LIMIT }), fc.nat(9), (raws, offset) => {
      const body = framed(raws)
      const placed = new Uint8Array(offset + body.length + 3).fill(255)
      placed.set(body, offset)
      const frames = readFrames(placed.subarray(offset, offset + body.length), LIMIT, new ChunkWriter())
      placed.fill(0)
      expect(frames.map((frame) => [...frame])).toEqual(raws.map((raw) => [...raw]))
    }),
  )
})

test('100,000 random or mutated bodies: the frames that they are, or a coded refusal', () => {
  const samples = fc
    .sample(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 }), { numRuns: 20, seed: 42 })
    .map(framed)
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const writer = new ChunkWriter()
  const counts = { read: 0, refused: 0 }
  for (let i = 0; i < 100_000; i++) {
    const sample = samples[i % samples.length] as Uint8Array
    const input =
      i % 5 === 0
        ? Uint8Array.from({ length: random(40) }, () => random(4))
        : sample.slice(0, random(2 * sample.length))
    for (let k = random(3); k > 0 && input.length > 0; k--) input[random(input.length)] = random(256)
    try {
      const frames = readFrames(input, LIMIT, writer)
      counts.read++
      if (Buffer.compare(framed(frames), input) !== 0) throw new Error('read as other frames')
    } catch (error) {
      if (!/^ARM_RPC_(PARSE|TOO_LARGE)$/.test((error as { code?: string }).code ?? '')) throw error
      counts.refused++
    }
  }
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(10_000)
})
