import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { concatBytes, equalBytes, type Rng, sha256, utf8 } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Compressor } from './compressor.ts'
import { decodeEnvelope, encodeEnvelope } from './envelope.ts'
import { createPacker, type Form, type MessageType, type Packer, type Packing } from './packer.ts'
import { ReplayGuard } from './replay-guard.ts'
import { type SealingKey, sealingDomain, sealingKey } from './sealed.ts'

const NOW_MS = 1_800_000_000_000
const zstd: Compressor = {
  compress: (bytes) => zstdCompressSync(bytes),
  decompress: (bytes, maxBytes) =>
    new Uint8Array(zstdDecompressSync(bytes, { maxOutputLength: Math.max(1, maxBytes) })),
}
const FORMS: readonly Form[] = ['plain', 'zstd', 'sealed', 'sealed-zstd']
const any: MessageType = { id: 1, name: 'any', forms: FORMS, bytesMax: 100_000 }
const secret: MessageType = { id: 2, name: 'secret', forms: ['sealed'], bytesMax: 1000 }
const alice = sealingKey(new Uint8Array(32).fill(1))
const bob = sealingKey(new Uint8Array(32).fill(2))
const domain = sealingDomain(new Uint8Array(32))

function counting(): Rng {
  let next = 0
  return { bytes: (count) => sha256(utf8(`${next++}`)).subarray(0, count) }
}

function packerOf(key: SealingKey, types: readonly MessageType[] = [any, secret], older: SealingKey[] = []): Packer {
  const guard = new ReplayGuard(NOW_MS - 1000)
  const knows = (sender: Uint8Array) => [alice, bob].some(({ publicKey }) => equalBytes(publicKey, sender))
  return createPacker({
    types,
    compressor: zstd,
    sealing: { domain, keys: [key, ...older], guard, random: counting(), knows },
  })
}

function packing(form: Form): Packing {
  return form === 'plain' || form === 'zstd' ? { form } : { form, to: bob.publicKey, nowMs: NOW_MS }
}

test('the form changes from message to message on one link', () => {
  const [from, to] = [packerOf(alice), packerOf(bob)]
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...FORMS), fc.uint8Array({ maxLength: 2000 }))), (messages) => {
      for (const [form, body] of messages) {
        const unpacked = to.unpack(from.pack(any, body, packing(form)), NOW_MS)
        const sender = form.startsWith('sealed') ? alice.publicKey : undefined
        expect(unpacked).toEqual({ verdict: 'accept', type: any, flags: form === 'sealed-zstd' ? 1 : 0, body, sender })
      }
    }),
    { numRuns: 20 },
  )
})

test('compression makes what repeats smaller, sealed or not', () => {
  const body = new Uint8Array(50_000).fill(3)
  for (const form of ['zstd', 'sealed-zstd'] as const)
    expect(packerOf(alice).pack(any, body, packing(form)).length).toBeLessThan(500)
})

test('a sealed message is taken once', () => {
  const [from, to] = [packerOf(alice), packerOf(bob)]
  const [first, second] = [1, 2].map((i) => from.pack(secret, Uint8Array.of(i), packing('sealed'))) as [
    Uint8Array,
    Uint8Array,
  ]
  expect(to.unpack(second, NOW_MS)).toMatchObject({ verdict: 'accept', body: Uint8Array.of(2) })
  expect(to.unpack(first, NOW_MS)).toMatchObject({ verdict: 'accept', body: Uint8Array.of(1) })
  for (const again of [first, second]) expect(to.unpack(again, NOW_MS)).toEqual({ verdict: 'ignore', code: 'stale' })
})

test('a key that was replaced still opens while the node keeps it, and what is for others is not opened', () => {
  const renewed = sealingKey(new Uint8Array(32).fill(5))
  const note = packerOf(alice).pack(secret, Uint8Array.of(1), packing('sealed'))
  expect(packerOf(renewed, [secret], [bob]).unpack(note, NOW_MS)).toMatchObject({ verdict: 'accept' })
  expect(packerOf(renewed).unpack(note, NOW_MS)).toEqual({ verdict: 'ignore', code: 'other-recipient' })
})

test('a forgery does not use up the number of the genuine message', () => {
  const to = packerOf(bob)
  const genuine = packerOf(alice).pack(secret, Uint8Array.of(1), packing('sealed'))
  const forged = genuine.slice()
  forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1
  expect(to.unpack(forged, NOW_MS)).toEqual({ verdict: 'ignore', code: 'forged' })
  expect(to.unpack(genuine, NOW_MS)).toMatchObject({ verdict: 'accept' })
})

test('strangers cost no work, and a seal cannot be stripped off', () => {
  const stranger = sealingKey(new Uint8Array(32).fill(9))
  const from = packerOf(stranger).pack(secret, Uint8Array.of(1), packing('sealed'))
  expect(packerOf(bob).unpack(from, NOW_MS)).toEqual({ verdict: 'ignore', code: 'unknown-sender' })
  const plain = encodeEnvelope({
    version: 1,
    encoding: 0,
    type: secret.id,
    flags: 0,
    body: Uint8Array.of(1),
    extensions: [],
  })
  expect(packerOf(bob).unpack(plain, NOW_MS)).toEqual({ verdict: 'reject', code: 'form-not-allowed' })
})

test('a decompression bomb is refused by what it declares, and by what it does not declare', () => {
  const to = packerOf(bob)
  const bomb = packerOf(alice, [{ ...any, bytesMax: 10_000_000 }]).pack(
    { ...any, bytesMax: 10_000_000 },
    new Uint8Array(10_000_000),
    packing('zstd'),
  )
  expect(to.unpack(bomb, NOW_MS)).toEqual({ verdict: 'reject', code: 'too-large' })
  const envelope = decodeEnvelope(bomb)!
  for (const declared of [0, 1, 99_999, 100_000]) {
    const body = envelope.body.slice()
    new DataView(body.buffer).setUint32(2, declared)
    expect(to.unpack(encodeEnvelope({ ...envelope, body }), NOW_MS)).toEqual({ verdict: 'reject', code: 'malformed' })
  }
})

test('what a receiver does not know it ignores, and blames nobody', () => {
  const to = packerOf(bob)
  const known = { version: 1, encoding: 0, type: any.id, flags: 0, body: Uint8Array.of(1), extensions: [] }
  const verdict = (change: object) => to.unpack(encodeEnvelope({ ...known, ...change }), NOW_MS)
  expect(verdict({ version: 2 })).toEqual({ verdict: 'ignore', code: 'unknown-version' })
  expect(verdict({ encoding: 3 })).toEqual({ verdict: 'ignore', code: 'unknown-encoding' })
  expect(verdict({ type: 999 })).toEqual({ verdict: 'ignore', code: 'unknown-type' })
  expect(verdict({ flags: 0x0100 })).toEqual({ verdict: 'ignore', code: 'unknown-flag' })
  expect(verdict({ flags: 0x0080 })).toMatchObject({ verdict: 'accept', flags: 0x0080 })
  expect(verdict({ extensions: [Uint8Array.of(1, 2)] })).toMatchObject({ verdict: 'accept' })
  expect(verdict({ body: new Uint8Array(100_001) })).toEqual({ verdict: 'reject', code: 'too-large' })
})

test('a node without zstd ignores what is compressed', () => {
  const packer = createPacker({ types: [any], compressor: undefined, sealing: undefined })
  const envelope = packerOf(alice).pack(any, Uint8Array.of(1), packing('zstd'))
  expect(packer.unpack(envelope, NOW_MS)).toEqual({ verdict: 'ignore', code: 'unknown-encoding' })
  for (const form of ['zstd', 'sealed'] as const)
    expect(() => packer.pack(any, Uint8Array.of(1), packing(form))).toThrow(
      expect.objectContaining({ code: 'ARM_ARGUMENT' }),
    )
})

test('what the sender may not pack is refused where it is made', () => {
  const packer = packerOf(alice)
  const refused = expect.objectContaining({ code: 'ARM_ARGUMENT' })
  expect(() => packer.pack(secret, Uint8Array.of(1), packing('plain'))).toThrow(refused)
  expect(() => packer.pack(secret, new Uint8Array(1001), packing('sealed'))).toThrow(refused)
})

test('any bytes, and any damage, give a verdict and no throw', () => {
  const [from, to] = [packerOf(alice), packerOf(bob)]
  const damaged = fc
    .tuple(fc.constantFrom(...FORMS), fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(255))
    .map(([form, body, at, value]) => {
      const bytes = from.pack(any, body, packing(form))
      bytes[at % bytes.length] = value
      return bytes
    })
  const noise = fc.uint8Array({ maxLength: 100 })
  const headed = noise.map((body) => concatBytes(from.pack(any, body, packing('plain')).subarray(0, 16), body))
  fc.assert(
    fc.property(fc.oneof(damaged, noise, headed), (bytes) => {
      expect(['accept', 'ignore', 'reject']).toContain(to.unpack(bytes, NOW_MS).verdict)
    }),
    { numRuns: 300 },
  )
})
