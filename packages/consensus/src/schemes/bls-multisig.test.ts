import { fromHex, sha256, toHex, utf8 } from '@armchain/core'
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

/** Points have several encodings that a lax decoder takes: flags that contradict, and coordinates above the field's order. */
test('no point has a second encoding, in either backend', () => {
  const [key, signature] = [keys[0] as Uint8Array, signatures[0] as Uint8Array]
  const order = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn
  /** The same residue in the 48 bytes from `at` on, where that fits beside the flags. */
  const raised = (bytes: Uint8Array, at: number): Uint8Array | undefined => {
    const flags = at === 0 ? (bytes[0] as number) & 0xe0 : 0
    const part = Uint8Array.from(bytes.subarray(at, at + 48))
    if (at === 0) part[0] = (part[0] as number) & 0x1f
    const value = BigInt(`0x${toHex(part)}`) + order
    if (value >= 1n << (at === 0 ? 381n : 384n)) return undefined
    const changed = bytes.slice()
    changed.set(fromHex(value.toString(16).padStart(96, '0')), at)
    changed[0] = (changed[0] as number) | flags
    return changed
  }
  let tried = 0
  for (let i = 0; i < 40; i++) {
    const other = sha256(utf8(`raised ${i}`)).fill(0, 0, 1)
    const [ownKey, own] = [blst.publicKey(other), blst.sign(message, other)]
    for (const changed of [raised(own, 0), raised(own, 48)]) {
      if (changed === undefined) continue
      tried++
      for (const [, backend] of backends) expect(backend.verify([ownKey], message, changed)).toBe(false)
    }
    const changedKey = raised(ownKey, 0)
    if (changedKey === undefined) continue
    tried++
    for (const [, backend] of backends) expect(backend.verify([changedKey], message, own)).toBe(false)
  }
  expect(tried).toBeGreaterThan(20)
  for (let flags = 0; flags < 8; flags++) {
    if (flags === 4 || flags === 5) continue
    for (const [a, b] of [
      [key, withFlags(signature, flags)],
      [withFlags(key, flags), signature],
    ] as const)
      for (const [, backend] of backends) expect(backend.verify([a], message, b)).toBe(false)
  }
})

function withFlags(bytes: Uint8Array, flags: number): Uint8Array {
  const changed = bytes.slice()
  changed[0] = ((changed[0] as number) & 0x1f) | (flags << 5)
  return changed
}
