import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../crypto/hash.ts'
import { EntryMap, entryPath } from './entry-map.ts'
import { verifyTreeProof } from './sparse-tree.ts'

const KEYS = ['', 'a', 'a/b', 'ä', '\u{1f600}', '\uffff', ...Array.from({ length: 14 }, (_, i) => `key ${i}`)]
const step = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined, freq: 2 }),
  look: fc.boolean(),
})

test('any sequence of writes equals a plain map; the root depends on the contents alone; proofs tell what is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const map = new EntryMap()
      const model = new Map<string, Uint8Array>()
      for (const { key, value, look } of steps) {
        map.set(key, value)
        if (value === undefined) model.delete(key)
        else model.set(key, value)
        if (look) map.root()
      }
      expect(map.size).toBe(model.size)
      expect(map.keys()).toEqual([...model.keys()].sort())
      const rebuilt = new EntryMap()
      for (const key of [...model.keys()].sort().reverse()) rebuilt.set(key, model.get(key))
      const root = map.root()
      expect(root).toEqual(rebuilt.root())
      for (const key of KEYS) {
        const value = model.get(key)
        expect(map.get(key)).toEqual(value)
        const proof = map.prove(key)
        expect(verifyTreeProof(root, entryPath(key), value && sha256(value), proof)).toBe(true)
        expect(verifyTreeProof(root, entryPath(key), sha256(Uint8Array.of(1, 2, 3, 4, 5)), proof)).toBe(false)
      }
    }),
    { numRuns: 200 },
  )
})

test('an empty value is a value, and nothing at all has the empty root', () => {
  const map = new EntryMap()
  const empty = map.root()
  expect(empty).toEqual(new Uint8Array(32))
  map.set('a', new Uint8Array(0))
  expect(map.get('a')).toEqual(new Uint8Array(0))
  expect(map.root()).not.toEqual(empty)
  map.set('a', undefined)
  map.set('b', undefined)
  expect(map.root()).toEqual(empty)
})
