import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes, equalBytes } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { hashTwo, leafHash, SparseTree, verifyTreeProof } from './sparse-tree.ts'

type Contents = ReadonlyMap<number, Uint8Array>

/** The root straight from the definition, for keys of `contents` that share the first `depth` bits. */
function referenceRoot(
  keys: readonly Uint8Array[],
  contents: Contents,
  slots: readonly number[],
  depth = 0,
): Uint8Array {
  if (slots.length === 0) return new Uint8Array(32)
  const only = slots[0] as number
  if (slots.length === 1) return leafHash(keys[only] as Uint8Array, contents.get(only) as Uint8Array)
  const bit = (slot: number) => ((keys[slot]?.[depth >> 3] as number) >> (7 - (depth & 7))) & 1
  return hashTwo(
    referenceRoot(
      keys,
      contents,
      slots.filter((slot) => bit(slot) === 0),
      depth + 1,
    ),
    referenceRoot(
      keys,
      contents,
      slots.filter((slot) => bit(slot) === 1),
      depth + 1,
    ),
  )
}

// Half of the keys share 248 bits with another, so that long paths, forks and lifts all happen.
const keys: Uint8Array[] = Array.from({ length: 24 }, (_, i) => {
  const key = sha256(Uint8Array.of(i >> 1))
  if (i % 2 === 1) key[31] = (key[31] as number) ^ (1 << (i % 8))
  return key
})

const operation = fc.record({
  slot: fc.nat(keys.length - 1),
  value: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 })),
  hash: fc.boolean(),
})

test('the root follows the definition after any sequence of sets and deletes, and proofs tell presence from absence', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const tree = new SparseTree({ bytes: concatBytes(...keys) })
      const contents = new Map<number, Uint8Array>()
      for (const { slot, value, hash } of operations) {
        if (value === null) {
          tree.delete(slot)
          contents.delete(slot)
        } else {
          tree.setMany([slot], value, 1)
          contents.set(slot, value)
        }
        if (hash) expect(tree.root()).toEqual(referenceRoot(keys, contents, [...contents.keys()]))
      }
      const root = tree.root()
      expect(root).toEqual(referenceRoot(keys, contents, [...contents.keys()]))
      for (let slot = 0; slot < keys.length; slot++) {
        const key = keys[slot] as Uint8Array
        const proof = tree.prove(key, (other) => contents.get(other) as Uint8Array)
        const value = contents.get(slot)
        expect(tree.find(key)).toBe(value === undefined ? undefined : slot)
        expect(verifyTreeProof(root, key, value, proof)).toBe(true)
        const lie = value === undefined ? new Uint8Array(32).fill(7) : undefined
        expect(verifyTreeProof(root, key, lie, proof)).toBe(false)
      }
    }),
    { numRuns: 300 },
  )
})

test('a proof with any byte changed proves nothing', () => {
  const tree = new SparseTree({ bytes: concatBytes(...keys) })
  const values = concatBytes(...keys)
  tree.setMany([...keys.keys()], values, keys.length - 1)
  const root = tree.root()
  const absent = keys[keys.length - 1] as Uint8Array
  for (const key of keys) {
    const value = equalBytes(key, absent) ? undefined : key
    const proof = tree.prove(key, (slot) => keys[slot] as Uint8Array)
    for (let i = 0; i < proof.siblings.length; i++) {
      const siblings = proof.siblings.map((sibling) => sibling.slice())
      const sibling = siblings[i] as Uint8Array
      sibling[i % 32] = (sibling[i % 32] as number) ^ 1
      expect(verifyTreeProof(root, key, value, { ...proof, siblings })).toBe(false)
    }
    expect(verifyTreeProof(root, key, value, { ...proof, siblings: proof.siblings.slice(1) })).toBe(false)
  }
})

test('an inner node does not pass for a leaf', () => {
  const tree = new SparseTree({ bytes: concatBytes(...keys) })
  tree.setMany([...keys.keys()], concatBytes(...keys), keys.length)
  const { siblings } = tree.prove(keys[0] as Uint8Array, () => new Uint8Array(32))
  const [top] = siblings
  const forged = verifyTreeProof(tree.root(), top as Uint8Array, top, { siblings: [] })
  expect(forged).toBe(false)
})
