import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fromHex, type Rng, toHex, utf8 } from '@armchain/core'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { claimsOf, open, SEALING_BYTES, type Sealing, seal, sealingDomain, sealingKey } from './sealed.ts'

const vectors = resolve(
  process.env.ARMCHAIN_VECTORS ?? resolve(import.meta.dirname, '../../../../../shared/vectors'),
  'wycheproof',
)
const present = existsSync(vectors)
const why = present ? '' : ` (skipped: no ${vectors}; set ARMCHAIN_VECTORS)`

const domain = sealingDomain(new Uint8Array(32).fill(7))
const sender = sealingKey(new Uint8Array(32).fill(1))
const recipient = sealingKey(new Uint8Array(32).fill(2))

/** Chance that a test can repeat. */
function counting(start: number): Rng {
  let next = start
  return { bytes: (count) => sha256(Uint8Array.of(next++)).subarray(0, count) }
}

function sealed(change: Partial<Sealing> = {}): Uint8Array {
  const plaintext = utf8('to one alone')
  const base = { domain, from: sender, to: recipient.publicKey, type: 5, flags: 1, sequence: 9, plaintext }
  return seal({ ...base, random: counting(0), ...change })
}

test('the recipient, and nobody else, reads what was sealed, and knows from whom', () => {
  const opened = open(domain, recipient, sealed())
  expect(opened).toEqual({
    ok: true,
    value: { type: 5, flags: 1, sender: sender.publicKey, sequence: 9, plaintext: utf8('to one alone') },
  })
  const other = sealingKey(new Uint8Array(32).fill(3))
  expect(open(domain, other, sealed())).toEqual({ ok: false, reason: { code: 'other-recipient' } })
  expect(open(domain, sender, sealed())).toEqual({ ok: false, reason: { code: 'other-recipient' } })
})

test('what is sealed on one network does not open on another', () => {
  expect(open(sealingDomain(new Uint8Array(32).fill(8)), recipient, sealed())).toEqual({
    ok: false,
    reason: { code: 'forged' },
  })
})

test('a sender cannot be claimed without its key', () => {
  const thief = sealingKey(new Uint8Array(32).fill(4))
  const envelope = sealed({ from: { secretKey: thief.secretKey, publicKey: sender.publicKey } })
  expect(open(domain, recipient, envelope)).toEqual({ ok: false, reason: { code: 'forged' } })
})

test.each([
  ['with the five fields', []],
  ['with further fields', [Uint8Array.of(1, 2, 3), new Uint8Array(0)]],
])('no byte of a sealed envelope %s can be changed, in any way that one bit can change it', (_, extensions) => {
  const envelope = sealed({ extensions })
  expect(open(domain, recipient, envelope).ok).toBe(true)
  for (let at = 0; at < envelope.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const tampered = envelope.slice()
      tampered[at] = (tampered[at] as number) ^ (1 << bit)
      expect(open(domain, recipient, tampered).ok, `byte ${at}, bit ${bit}`).toBe(false)
    }
})

test('nor replaced by any other value, cut, or added to, further fields among it', () => {
  const envelope = sealed()
  const extended = encodeEnvelope({ ...decodeEnvelope(envelope)!, extensions: [Uint8Array.of(1)] })
  expect(open(domain, recipient, extended)).toEqual({ ok: false, reason: { code: 'forged' } })
  fc.assert(
    fc.property(fc.nat(envelope.length - 1), fc.nat(255), (at, value) => {
      const tampered = envelope.slice()
      tampered[at] = value
      expect(open(domain, recipient, tampered).ok).toBe(value === envelope[at])
    }),
    { numRuns: 1000 },
  )
  for (let length = 0; length < envelope.length; length++)
    expect(open(domain, recipient, envelope.subarray(0, length)).ok).toBe(false)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (more) => {
      expect(open(domain, recipient, Uint8Array.from([...envelope, ...more])).ok).toBe(false)
    }),
  )
})

test('any bytes at all are refused without a throw', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => !open(domain, recipient, bytes).ok))
})

test('a generator that repeats itself does not repeat keys: one more sequence number changes every byte', () => {
  const first = sealed({ sequence: 9, plaintext: new Uint8Array(64) })
  const second = sealed({ sequence: 10, plaintext: new Uint8Array(64) })
  const ciphertextAt = SEALING_BYTES - 16
  const same = Array.from({ length: 64 }, (_, i) => ciphertextAt + i).filter((at) => first[at] === second[at]).length
  expect(same).toBeLessThan(8)
})

test('keys that share nothing secret are refused at both ends', () => {
  const low = new Uint8Array(32)
  expect(() => sealed({ to: low })).toThrow(expect.objectContaining({ code: 'ARM_KEY' }))
  const envelope = sealed()
  const at = SEALING_BYTES - 16 - 5 - 9 - 3 * 34
  for (const field of [0, 2]) {
    const tampered = envelope.slice()
    tampered.set(low, at + 34 * field + 2)
    expect(open(domain, recipient, tampered)).toEqual({ ok: false, reason: { code: 'forged' } })
  }
})

test('who it is for, from whom and its number are read before the work of opening', () => {
  const { body } = decodeEnvelope(sealed())!
  expect(claimsOf(body)).toMatchObject({ recipient: recipient.publicKey, sender: sender.publicKey, sequence: 9 })
  expect(claimsOf(body.subarray(1))).toBeUndefined()
})

test('the length that sealing adds is what it says', () => {
  expect(sealed({ plaintext: new Uint8Array(10) })).toHaveLength(SEALING_BYTES + 10)
})

type Vectors<Test, Group = object> = {
  testGroups: readonly (Group & { tests: readonly (Test & { tcId: number; result: string; flags: string[] })[] })[]
}

function read<Test, Group = object>(name: string): Vectors<Test, Group> {
  return JSON.parse(readFileSync(resolve(vectors, `${name}_test.json`), 'utf8'))
}

describe.runIf(present)(`the primitives below it agree with the public vectors${why}`, () => {
  test('X25519, where a secret of zeros is refused', () => {
    type Case = { public: string; private: string; shared: string }
    for (const { public: publicKey, private: secretKey, shared, tcId } of read<Case>('x25519').testGroups.flatMap(
      ({ tests }) => tests,
    )) {
      const derive = () => toHex(x25519.getSharedSecret(fromHex(secretKey), fromHex(publicKey)))
      if (/^0+$/.test(shared)) expect(derive, `case ${tcId}`).toThrow()
      else expect(derive(), `case ${tcId}`).toBe(shared)
    }
  })

  test('HKDF-SHA256', () => {
    type Case = { ikm: string; salt: string; info: string; size: number; okm: string }
    for (const { ikm, salt, info, size, okm, result, tcId } of read<Case>('hkdf_sha256').testGroups.flatMap(
      ({ tests }) => tests,
    )) {
      const derive = () => toHex(hkdf(sha256, fromHex(ikm), fromHex(salt), fromHex(info), size))
      if (result === 'valid') expect(derive(), `case ${tcId}`).toBe(okm)
      else expect(derive, `case ${tcId}`).toThrow()
    }
  })

  test('XChaCha20-Poly1305', () => {
    type Case = { key: string; iv: string; aad: string; msg: string; ct: string; tag: string }
    for (const { key, iv, aad, msg, ct, tag, result, tcId } of read<Case>('xchacha20_poly1305').testGroups.flatMap(
      ({ tests }) => tests,
    )) {
      const decrypt = () => xchacha20poly1305(fromHex(key), fromHex(iv), fromHex(aad)).decrypt(fromHex(ct + tag))
      if (result !== 'valid') expect(decrypt, `case ${tcId}`).toThrow()
      else {
        expect(toHex(decrypt()), `case ${tcId}`).toBe(msg)
        const encrypted = xchacha20poly1305(fromHex(key), fromHex(iv), fromHex(aad)).encrypt(fromHex(msg))
        expect(toHex(encrypted)).toBe(ct + tag)
      }
    }
  })
})

test('X25519 iterated a thousand times, as in RFC 7748 section 5.2', () => {
  let scalar = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 9 : 0))
  let point = scalar
  for (let i = 1; i <= 1000; i++) {
    const next = Uint8Array.from(x25519.getSharedSecret(scalar, point))
    point = scalar
    scalar = next
    if (i === 1) expect(toHex(scalar)).toBe('422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079')
  }
  expect(toHex(scalar)).toBe('684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51')
})
