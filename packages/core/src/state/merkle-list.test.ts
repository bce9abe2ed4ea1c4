import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { hashLeaves, merkleListRoot, merkleRangeProof, verifyMerkleRange } from './merkle-list.ts'
import { hashTwo } from './sparse-tree.ts'

const SIZES = Array.from({ length: 40 }, (_, i) => i + 1)

function leavesOf(count: number): Uint8Array {
  return hashLeaves(Array.from({ length: count }, (_, i) => Uint8Array.of(i, count)))
}

/** The root straight from the rule. */
function referenceRoot(leaves: Uint8Array): Uint8Array {
  let level = Array.from({ length: leaves.length / 32 }, (_, i) => leaves.subarray(32 * i, 32 * i + 32))
  const count = new Uint8Array(32)
  new DataView(count.buffer).setUint32(28, level.length)
  if (level.length === 0) level = [new Uint8Array(32)]
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Uint8Array, level[i + 1]]
      above.push(right === undefined ? left : hashTwo(left, right))
    }
    level = above
  }
  return sha256(concatBytes(level[0] as Uint8Array, count))
}

test('roots of 0 to 40 leaves follow the rule and differ', () => {
  const roots = [0, ...SIZES].map((count) => {
    const leaves = leavesOf(count)
    expect(merkleListRoot(leaves)).toEqual(referenceRoot(leaves))
    return Buffer.from(merkleListRoot(leaves)).toString('hex')
  })
  expect(new Set(roots).size).toBe(41)
})

test('a list of leaves is no list of the nodes above them', () => {
  const leaves = leavesOf(4)
  const above = concatBytes(
    hashTwo(leaves.subarray(0, 32), leaves.subarray(32, 64)),
    hashTwo(leaves.subarray(64, 96), leaves.subarray(96)),
  )
  expect(merkleListRoot(above)).not.toEqual(merkleListRoot(leaves))
})

test('every range of every list up to 40 is proven, with at most two siblings a level', () => {
  for (const count of SIZES) {
    const leaves = leavesOf(count)
    const root = merkleListRoot(leaves)
    for (let start = 0; start < count; start++) {
      for (let end = start + 1; end <= count; end++) {
        const siblings = merkleRangeProof(leaves, start, end)
        expect(siblings.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count)))
        const range = leaves.subarray(32 * start, 32 * end)
        if (!verifyMerkleRange(root, count, start, range, siblings)) throw new Error(`${start}..${end} of ${count}`)
      }
    }
  }
})

test('a proof with any byte changed proves nothing: of leaves, siblings or root', () => {
  for (const count of SIZES) {
    const leaves = leavesOf(count)
    const root = merkleListRoot(leaves)
    const start = count % 7 < count ? count % 7 : 0
    const end = Math.min(count, start + 1 + (count % 4))
    const siblings = merkleRangeProof(leaves, start, end)
    const whole = concatBytes(root, leaves.subarray(32 * start, 32 * end), ...siblings)
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      const part = (from: number, to: number) => changed.subarray(32 * from, 32 * to)
      const range = part(1, 1 + end - start)
      const others = siblings.map((_, i) => part(1 + end - start + i, 2 + end - start + i))
      if (verifyMerkleRange(part(0, 1), count, start, range, others)) throw new Error(`byte ${at} of ${count}`)
    }
  }
})

test('a proof holds for its own place, count, leaves and siblings only', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.nat(), (count, a, b) => {
      const leaves = leavesOf(count)
      const root = merkleListRoot(leaves)
      const start = a % count
      const end = start + 1 + (b % (count - start))
      const range = leaves.subarray(32 * start, 32 * end)
      const siblings = merkleRangeProof(leaves, start, end)
      const verify = verifyMerkleRange
      for (let other = -1; other <= count; other++)
        expect(verify(root, count, other, range, siblings)).toBe(other === start)
      for (let other = 0; other <= 64; other++)
        expect(verify(root, other, start, range, siblings)).toBe(other === count)
      expect(verify(root, count, start, range, [...siblings, new Uint8Array(32)])).toBe(false)
      expect(verify(root, count, start, range.subarray(1), siblings)).toBe(false)
      expect(verify(root, count, start, new Uint8Array(0), siblings)).toBe(false)
      expect(verify(root, count, start, concatBytes(range, range), siblings)).toBe(false)
      if (siblings.length === 0) return
      expect(verify(root, count, start, range, siblings.slice(1))).toBe(false)
      expect(verify(root, count, start, range, siblings.slice(0, -1))).toBe(false)
      expect(verify(root, count, start, range, [new Uint8Array(31), ...siblings.slice(1)])).toBe(false)
    }),
    { numRuns: 300 },
  )
})
