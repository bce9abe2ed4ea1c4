import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { toHex, utf8 } from '../bytes.ts'
import { createNativeHasher } from '../node/native-hasher.ts'
import type { Hasher } from '../ports.ts'
import { activeHasher, hashPairs, sha256, sha256Into, useHasher } from './hash.ts'
import { nobleHasher } from './noble-hasher.ts'
import { wasmHasher } from './wasm-hasher.ts'

const native = createNativeHasher()
const backends: readonly Hasher[] = [nobleHasher, wasmHasher, native]
const platform = activeHasher()

afterEach(() => useHasher(platform))

test('the platform default in Node is the native backend', () => {
  expect(platform.name).toBe(native.name)
})

test('the active hasher can be replaced', () => {
  useHasher(nobleHasher)
  expect(activeHasher()).toBe(nobleHasher)
})

describe.each(backends)('$name', (hasher) => {
  test('FIPS 180-4 examples', () => {
    useHasher(hasher)
    expect(toHex(sha256(utf8('')))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(toHex(sha256(utf8('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(toHex(sha256(new Uint8Array(1_000_000).fill(97)))).toBe(
      'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
    )
  })

  test('every length from 0 to 600, also as a view at an odd offset, equals the reference', () => {
    const buffer = Uint8Array.from({ length: 700 }, (_, i) => (i * 131) & 255)
    for (let length = 0; length <= 600; length++) {
      const view = buffer.subarray(3, 3 + length)
      expect(hasher.sha256(view)).toEqual(nobleHasher.sha256(view))
    }
  })

  test('a digest is 32 bytes of plain Uint8Array that later calls leave alone', () => {
    const first = hasher.sha256(utf8('first'))
    const kept = first.slice()
    hasher.sha256(utf8('second'))
    expect(first).toEqual(kept)
    expect(first.constructor).toBe(Uint8Array)
  })

  test('a digest written in place is the same, and nothing beside it is touched', () => {
    useHasher(hasher)
    const out = new Uint8Array(40).fill(7)
    sha256Into(utf8('abc'), out, 5)
    expect(out.subarray(5, 37)).toEqual(nobleHasher.sha256(utf8('abc')))
    expect([...out.subarray(0, 5), ...out.subarray(37)]).toEqual(new Array(8).fill(7))
  })

  test('pairs of any count, from and into unaligned views, write exactly 32 bytes each', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 257),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer(),
        (count, before, behind, seed) => {
          useHasher(hasher)
          const source = Uint8Array.from(
            { length: before + 64 * count + behind },
            (_, i) => Math.imul(i + 1, seed) >>> 7,
          )
          const pairs = source.subarray(before)
          const out = new Uint8Array(before + 32 * count + behind).fill(0xee)
          hashPairs(pairs, out.subarray(before), count)
          for (let i = 0; i < count; i++) {
            const expected = nobleHasher.sha256(pairs.subarray(64 * i, 64 * i + 64))
            expect(out.subarray(before + 32 * i, before + 32 * i + 32)).toEqual(expected)
          }
          expect(out.subarray(0, before).every((byte) => byte === 0xee)).toBe(true)
          expect(out.subarray(before + 32 * count).every((byte) => byte === 0xee)).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })
})
