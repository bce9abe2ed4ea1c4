import { hash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  newMarker,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentIndexOf,
  segmentName,
} from './wal-format.ts'

const header: SegmentHeader = {
  index: 7,
  marker: newMarker(),
  genesisHash: new Uint8Array(hash('sha256', 'genesis', 'buffer')),
  chain: new Uint8Array(hash('sha256', 'chain', 'buffer')),
}

test('a header comes back, and so does the index from the name of a file', () => {
  expect(decodeSegmentHeader(encodeSegmentHeader(header))).toEqual(header)
  for (const index of [1, 99, 10 ** 15]) expect(segmentIndexOf(segmentName(index))).toBe(index)
  for (const name of ['wal-1.log', 'wal-0000000000000001.log.tmp', 'snapshot-0000000000000001.bin'])
    expect(segmentIndexOf(name)).toBeUndefined()
})

test('any bit of a header changed, and 100,000 random ones: told why it is none', () => {
  const good = encodeSegmentHeader(header)
  for (let bit = 0; bit < 8 * good.length; bit++) {
    const changed = Buffer.from(good)
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    expect(decodeSegmentHeader(changed)).toBeTypeOf('string')
  }
  const noise = randomBytes(100_000 + SEGMENT_HEADER_BYTES)
  for (let at = 0; at < 100_000; at++) {
    const input = noise.subarray(at, at + SEGMENT_HEADER_BYTES)
    if (at % 2 === 0) input.set(good.subarray(0, 8))
    if (typeof decodeSegmentHeader(input) !== 'string') throw new Error(`taken for a header: ${input.toString('hex')}`)
  }
})

test('a marker holds no zero byte', () => {
  for (let i = 0; i < 2_000; i++) {
    const marker = newMarker()
    expect([0, 8, 16, 24].every((shift) => ((marker >>> shift) & 255) !== 0)).toBe(true)
  }
})
