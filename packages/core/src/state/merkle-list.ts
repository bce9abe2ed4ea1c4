import { concatBytes, equalBytes } from '../bytes.ts'
import { writeU32 } from '../codec/primitives.ts'
import { hashPairs, sha256, sha256Into } from '../crypto/hash.ts'

/**
 * A binary Merkle tree over a list of 32-byte leaves, with its length in the root.
 *
 * Rules: pairs are hashed level by level, an odd last node moves up unhashed, and
 * `root = SHA-256(top || count as 32 bytes)`. The count fixes the shape, so that an inner node can never pass for
 * a leaf. A range proof shows any contiguous run of leaves with at most two siblings a level.
 */
export function merkleListRoot(leaves: Uint8Array): Uint8Array {
  const count = leaves.length / 32
  let level = leaves
  while (level.length > 32) level = parentLevel(level)
  return sealRoot(count === 0 ? EMPTY : level, count)
}

/** Siblings that lead from leaves `[start, end)` to the root, level by level, left before right. */
export function merkleRangeProof(leaves: Uint8Array, start: number, end: number): Uint8Array[] {
  const siblings: Uint8Array[] = []
  let level = leaves
  let from = start
  let to = end
  while (level.length > 32) {
    const width = level.length / 32
    if (from % 2 === 1) siblings.push(level.slice(32 * (from - 1), 32 * from))
    if (to % 2 === 1 && to < width) siblings.push(level.slice(32 * to, 32 * (to + 1)))
    from = from >> 1
    to = (to + 1) >> 1
    level = parentLevel(level)
  }
  return siblings
}

/** True if `leaves` (concatenated, at least one) are the leaves from `start` of a list of `count` with this root. */
export function verifyMerkleRange(
  root: Uint8Array,
  count: number,
  start: number,
  leaves: Uint8Array,
  siblings: readonly Uint8Array[],
): boolean {
  const end = start + leaves.length / 32
  if (leaves.length === 0 || leaves.length % 32 !== 0 || start < 0 || end > count) return false
  if (siblings.some((sibling) => sibling.length !== 32)) return false
  let level = leaves
  let from = start
  let to = end
  let used = 0
  for (let width = count; width > 1; width = (width + 1) >> 1) {
    const parts: Uint8Array[] = []
    if (from % 2 === 1) parts.push(siblings[used++] ?? EMPTY)
    parts.push(level)
    if (to % 2 === 1 && to < width) parts.push(siblings[used++] ?? EMPTY)
    if (used > siblings.length) return false
    level = parentLevel(parts.length === 1 ? level : concatBytes(...parts))
    from = from >> 1
    to = (to + 1) >> 1
  }
  return used === siblings.length && equalBytes(sealRoot(level, count), root)
}

/** Leaves of a list: the SHA-256 of each item. */
export function hashLeaves(items: readonly Uint8Array[]): Uint8Array {
  const leaves = new Uint8Array(32 * items.length)
  for (let i = 0; i < items.length; i++) sha256Into(items[i] as Uint8Array, leaves, 32 * i)
  return leaves
}

const EMPTY: Uint8Array = new Uint8Array(32)

function parentLevel(level: Uint8Array): Uint8Array {
  const width = level.length / 32
  const pairs = width >> 1
  const next = new Uint8Array(32 * ((width + 1) >> 1))
  if (pairs > 0) hashPairs(level.subarray(0, 64 * pairs), next.subarray(0, 32 * pairs), pairs)
  if (width % 2 === 1) next.set(level.subarray(32 * (width - 1)), 32 * pairs)
  return next
}

function sealRoot(top: Uint8Array, count: number): Uint8Array {
  const sealed = new Uint8Array(64)
  sealed.set(top)
  writeU32(sealed, 60, count)
  return sha256(sealed)
}
