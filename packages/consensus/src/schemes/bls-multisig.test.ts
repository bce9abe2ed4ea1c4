import { sha256, utf8 } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBlstBls } from '../node/blst-bls.ts'
import type { BlsBackend } from './bls-backend.ts'
import { blsMultisig } from './bls-multisig.ts'
import { nobleBls, provePossession, verifyPossession } from './noble-bls.ts'

// Scalars below the group's order.
const secrets = [1, 2, 3, 4].map((i) => sha256(utf8(`bls ${i}`)).fill(0, 0, 1))
const blst = createBlstBls() as BlsBackend
const backends: readonly (readonly [string, BlsBackend])[] = [
  ['noble', nobleBls],
  ['blst', blst],
]
const keys = secrets.map((secret) => blst.publicKey(secret))
const message = sha256(utf8('message'))
const signatures = secrets.map((secret) => blst.sign(message, secret))
const identity = (bytes: number) => new Uint8Array(bytes).fill(0xc0, 0, 1)

test('both backends make the same bytes', () => {
  expect(blst).toBeDefined()
  for (const [i, secret] of secrets.entries()) {
    expect(nobleBls.publicKey(secret)).toEqual(keys[i])
    expect(nobleBls.sign(message, secret)).toEqual(signatures[i])
  }
  expect(nobleBls.aggregate(signatures)).toEqual(blst.aggregate(signatures))
})

test.each(backends)('%s: a proof holds for exactly its signers and message', (_, backend) => {
  const { assemble, verifyProof, verifyVote } = blsMultisig(backend)
  const [a, b, c, d] = keys as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  expect(verifyVote(a, message, signatures[0] as Uint8Array)).toBe(true)
  expect(verifyVote(b, message, signatures[0] as Uint8Array)).toBe(false)
  const proof = assemble(signatures.slice(0, 3))
  expect(verifyProof([a, b, c], message, proof)).toBe(true)
  for (const other of [[a, b], [a, b, d], [a, b, c, d], [a, b, c, c], []])
    expect(verifyProof(other, message, proof)).toBe(false)
  expect(verifyProof([a, b, c], sha256(message), proof)).toBe(false)
})

test.each(backends)('%s: the identity, other lengths and what is no point are refused', (_, backend) => {
  const [key, signature] = [keys[0] as Uint8Array, signatures[0] as Uint8Array]
  expect(backend.verify([key], message, signature)).toBe(true)
  expect(backend.verify([identity(48)], message, identity(96))).toBe(false)
  expect(backend.verify([key], message, identity(96))).toBe(false)
  for (const bytes of [0, 47, 49, 96]) expect(backend.verify([new Uint8Array(bytes)], message, signature)).toBe(false)
  for (const bytes of [0, 95, 97, 192]) expect(backend.verify([key], message, new Uint8Array(bytes))).toBe(false)
})

test('changed bytes: both backends refuse alike', () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 1), fc.nat(95), fc.integer({ min: 1, max: 255 }), (what, at, change) => {
      const parts = [(keys[0] as Uint8Array).slice(), (signatures[0] as Uint8Array).slice()] as const
      const changed = parts[what] as Uint8Array
      changed[at % changed.length] = (changed[at % changed.length] as number) ^ change
      for (const [, backend] of backends) expect(backend.verify([parts[0]], message, parts[1])).toBe(false)
    }),
    { numRuns: 40 },
  )
})

test('possession: proven by who holds the secret alone, and no vote proves it', () => {
  const [secret, key] = [secrets[0] as Uint8Array, keys[0] as Uint8Array]
  expect(verifyPossession(key, provePossession(secret))).toBe(true)
  expect(verifyPossession(keys[1] as Uint8Array, provePossession(secret))).toBe(false)
  expect(verifyPossession(key, blst.sign(key, secret))).toBe(false)
  expect(verifyPossession(identity(48), identity(96))).toBe(false)
})
