import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { concatBytes, fromHex, toHex, utf8 } from '../bytes.ts'
import { createNativeEd25519 } from '../node/native-ed25519.ts'
import { createOpenSslSigner } from '../node/openssl-signer.ts'
import { platformVerifyBatch } from '../platform.ts'
import type { Ed25519, Ed25519Item } from '../ports.ts'
import { nobleEd25519 } from './noble-ed25519.ts'
import { activeEd25519, useEd25519, verifyEd25519Batch } from './verify.ts'
import { wasmEd25519 } from './wasm-ed25519.ts'

const vectors = resolve(process.env.ARMCHAIN_VECTORS ?? resolve(import.meta.dirname, '../../../../../shared/vectors'))
const present = existsSync(vectors)
const why = present ? '' : ` (skipped: no ${vectors}; set ARMCHAIN_VECTORS)`

const native = createNativeEd25519()
const platform = activeEd25519()
/** Every backend, and the batch path of Node and of elsewhere: one function for all. */
const verifiers: readonly {
  readonly name: string
  readonly verify: (items: readonly Ed25519Item[]) => Promise<boolean[]>
}[] = [
  ...[nobleEd25519, native].map(({ name, verify }) => ({
    name,
    verify: async (items: readonly Ed25519Item[]) => items.map(verify),
  })),
  { name: 'batch elsewhere', verify: platformVerifyBatch },
  { name: 'batch in Node', verify: verifyEd25519Batch },
  {
    name: 'batch in Node, one by one',
    verify: async (items) => (await Promise.all(items.map((item) => verifyEd25519Batch([item])))).flat(),
  },
  { name: 'batch in Node among 64 good and bad', verify: async (items) => unmix(await verifyEd25519Batch(mix(items))) },
]

const Point = ed25519.Point
const L = Point.Fn.ORDER
const secretSeed = Uint8Array.from({ length: 32 }, (_, i) => i)
const honest = signed(utf8('honest'), secretSeed)
const forged = { ...honest, message: utf8('forged') }

afterEach(() => useEd25519(platform))

function signed(message: Uint8Array, seed: Uint8Array): Ed25519Item {
  return { publicKey: ed25519.getPublicKey(seed), message, signature: ed25519.sign(message, seed) }
}

/** Each item between a good and a bad signature, and at least 64 of those. */
function mix(items: readonly Ed25519Item[]): Ed25519Item[] {
  const padding = Array.from({ length: 64 }, (_, i) => (i % 2 === 0 ? honest : forged))
  return [...items.flatMap((item) => [honest, item, forged]), ...padding]
}

function unmix(verdicts: readonly boolean[]): boolean[] {
  const count = (verdicts.length - 64) / 3
  const neighbours = Array.from({ length: count }, (_, i) => [verdicts[3 * i], verdicts[3 * i + 2]])
  expect(neighbours).toEqual(Array.from({ length: count }, () => [true, false]))
  expect(verdicts.slice(3 * count)).toEqual(Array.from({ length: 64 }, (_, i) => i % 2 === 0))
  return Array.from({ length: count }, (_, i) => verdicts[3 * i + 1] as boolean)
}

function scalarBytes(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

function challenge(R: Uint8Array, A: Uint8Array, message: Uint8Array): bigint {
  const digest = createHash('sha512')
    .update(concatBytes(R, A, message))
    .digest()
  return BigInt(`0x${digest.reverse().toString('hex')}`) % L
}

/** On which nine libraries fell into four camps (see the performance notes): name, item, verdict of ZIP215. */
function crafted(): readonly (readonly [string, Ed25519Item, boolean])[] {
  const [a, r, B] = [123456789123456789n, 987654321987654321n, Point.BASE]
  const torsion = ED25519_TORSION_SUBGROUP.map((hex) => Point.fromHex(hex, true))
  const order8 = torsion.find((point) => !point.multiplyUnsafe(4n).is0()) as (typeof torsion)[number]
  const [A, R] = [B.multiply(a).toBytes(), B.multiply(r).toBytes()]
  const mixedA = B.multiply(a).add(order8).toBytes()
  const mixedR = B.multiply(r).add(order8).toBytes()
  const identity = Point.ZERO.toBytes()
  const identityNonCanonical = scalarBytes(2n ** 255n - 19n + 1n)
  const identityMinusZero = identity.with(31, 0x80)
  const message = Uint8Array.of(1, 2, 3)
  // One for which the torsion does not cancel by itself.
  const uneven =
    [...Array(64).keys()].map((i) => Uint8Array.of(i)).find((m) => challenge(R, mixedA, m) % 8n !== 0n) ?? message
  const item = (publicKey: Uint8Array, first: Uint8Array, s: bigint, over = message): Ed25519Item => ({
    publicKey,
    message: over,
    signature: concatBytes(first, scalarBytes(s)),
  })
  const s = (first: Uint8Array, start: bigint, key = A, over = message): bigint =>
    (start + challenge(first, key, over) * a) % L
  return [
    ['honest', item(A, R, s(R, r)), true],
    ['s + L', item(A, R, s(R, r) + L), false],
    ['key of mixed order', item(mixedA, R, s(R, r, mixedA, uneven), uneven), true],
    ['R of mixed order', item(A, mixedR, s(mixedR, r)), true],
    ['key is the identity', item(identity, R, r), true],
    ['key and R are the identity, s = 0', item(identity, identity, 0n), true],
    ['key is the identity, not canonical', item(identityNonCanonical, R, r), true],
    ['R is the identity, not canonical', item(A, identityNonCanonical, s(identityNonCanonical, 0n)), true],
    ['key is "minus zero"', item(identityMinusZero, R, r), true],
  ]
}

test('the nine crafted signatures are of the kinds they claim', () => {
  const items = crafted()
  expect(
    items.map(([, item]) => ed25519.verify(item.signature, item.message, item.publicKey, { zip215: false })),
  ).toEqual([true, false, true, true, false, false, false, false, false])
})

describe.each(verifiers)('$name', ({ verify }) => {
  test('nine crafted signatures, as ZIP215 says', async () => {
    const items = crafted()
    const verdicts = await verify(items.map(([, item]) => item))
    expect(items.map(([name], i) => [name, verdicts[i]])).toEqual(items.map(([name, , expected]) => [name, expected]))
  })

  test('wrong lengths are false, not an error', async () => {
    const { publicKey, message, signature } = honest
    const bad: Ed25519Item[] = [0, 1, 31, 33, 64].map((length) => ({
      publicKey: new Uint8Array(length),
      message,
      signature,
    }))
    bad.push(...[0, 32, 63, 65, 128].map((length) => ({ publicKey, message, signature: new Uint8Array(length) })))
    expect(await verify(bad)).toEqual(bad.map(() => false))
  })

  test('empty and long messages, and nothing at all', async () => {
    expect(await verify([signed(new Uint8Array(0), secretSeed), signed(new Uint8Array(200_000), secretSeed)])).toEqual([
      true,
      true,
    ])
    expect(await verify([])).toEqual([])
  })

  test.skipIf(!present)(`ZIP215 test vectors: all 196 accepted${why}`, async () => {
    const cases: { vk_bytes: string; sig_bytes: string; valid_zip215: boolean }[] = JSON.parse(
      readFileSync(resolve(vectors, 'zip215.json'), 'utf8'),
    )
    expect(cases).toHaveLength(196)
    const items = cases.map((each) => ({
      publicKey: fromHex(each.vk_bytes),
      message: utf8('Zcash'),
      signature: fromHex(each.sig_bytes),
    }))
    expect(await verify(items)).toEqual(cases.map((each) => each.valid_zip215))
  })

  test.skipIf(!present)(`Wycheproof: all valid accepted, all invalid but one refused${why}`, async () => {
    const cases = wycheproof()
    const verdicts = await verify(cases.map(({ item }) => item))
    const accepted = cases.filter((_, i) => verdicts[i])
    expect(accepted.filter(({ result }) => result === 'valid')).toHaveLength(88)
    expect(accepted.filter(({ result }) => result === 'invalid').map(({ tcId }) => tcId)).toEqual(INVALID_BUT_ZIP215)
    expect(cases).toHaveLength(151)
  })
})

/**
 * Wycheproof says invalid, ZIP215 valid, by tcId. 151 (`InvalidEncoding`): R is the identity with the sign bit of x set,
 * which RFC 8032 refuses to decode and ZIP215 tells verifiers to accept.
 */
const INVALID_BUT_ZIP215: readonly number[] = [151]

function wycheproof(): { readonly tcId: number; readonly result: string; readonly item: Ed25519Item }[] {
  const { testGroups } = JSON.parse(readFileSync(resolve(vectors, 'wycheproof/ed25519_test.json'), 'utf8')) as {
    testGroups: { publicKey: { pk: string }; tests: { tcId: number; msg: string; sig: string; result: string }[] }[]
  }
  return testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ tcId, msg, sig, result }) => ({
      tcId,
      result,
      item: { publicKey: fromHex(publicKey.pk), message: fromHex(msg), signature: fromHex(sig) },
    })),
  )
}

const backends: readonly Ed25519[] = [native, createNativeEd25519(createOpenSslSigner()), wasmEd25519]

describe.each(backends)('$name agrees with noble', (backend) => {
  test('on random and mutated signatures', () => {
    const mutation = fc.tuple(
      fc.constantFrom('publicKey', 'signature', 'message'),
      fc.nat(255),
      fc.integer({ min: 1, max: 255 }),
    )
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 1, maxLength: 99 }),
        fc.option(mutation),
        (seed, message, change) => {
          const item = signed(message, seed)
          if (change) {
            const [part, at, xor] = change
            const bytes = item[part as keyof Ed25519Item]
            bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ xor
          }
          expect(backend.verify(item)).toBe(nobleEd25519.verify(item))
          expect(backend.isAccountKey(item.publicKey)).toBe(nobleEd25519.isAccountKey(item.publicKey))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('on what it signs, again and again', () => {
    for (let i = 0; i < 300; i++) {
      const seed = new Uint8Array(
        createHash('sha256')
          .update(`${i % 290}`)
          .digest(),
      )
      if (i % 30 > 0)
        backend.publicKey(seed) // Fills the cache.
      else {
        expect(backend.publicKey(seed)).toEqual(nobleEd25519.publicKey(seed))
        expect(backend.sign(utf8(`${i}`), seed)).toEqual(nobleEd25519.sign(utf8(`${i}`), seed))
      }
    }
    expect(backend.sign(new Uint8Array(0), secretSeed)).toEqual(nobleEd25519.sign(new Uint8Array(0), secretSeed))
  })

  test('gives away nothing of its caches', () => {
    backend.publicKey(secretSeed).fill(0)
    expect(backend.publicKey(secretSeed)).toEqual(nobleEd25519.publicKey(secretSeed))
  })
})

describe.each([nobleEd25519, ...backends])('account keys of $name', (backend) => {
  test('a key off the prime subgroup may not own an account, whichever of the eight torsion points it holds', () => {
    for (const hex of ED25519_TORSION_SUBGROUP) {
      const torsion = Point.fromHex(hex, true)
      expect(backend.isAccountKey(torsion.toBytes())).toBe(false)
      // CVE-2025-69277: libsodium took keys with a part of order two for good ones.
      for (const k of [3n, 977n])
        expect(backend.isAccountKey(Point.BASE.multiply(k).add(torsion).toBytes())).toBe(torsion.is0())
    }
  })

  test('nor one that is not canonical, not on the curve, or of a wrong length', () => {
    const offCurve = [...Array(256).keys()]
      .map((i) => Uint8Array.of(i, ...new Uint8Array(31)))
      .filter((key) => {
        try {
          return Point.fromBytes(key, true) === undefined
        } catch {
          return true
        }
      })
    expect(offCurve.length).toBeGreaterThan(50)
    for (const key of offCurve) expect(backend.isAccountKey(key)).toBe(false)
    for (let excess = 0n; excess < 19n; excess++)
      expect(backend.isAccountKey(scalarBytes(2n ** 255n - 19n + excess))).toBe(false)
    for (const length of [0, 31, 33]) expect(backend.isAccountKey(honest.publicKey.slice(0, length))).toBe(length > 32)
  })
})

test('the platform default in Node is the native backend, and can be replaced', () => {
  expect(platform.name).toBe(native.name)
  useEd25519(nobleEd25519)
  expect(activeEd25519()).toBe(nobleEd25519)
})

test('the order of verdicts is that of the items in a batch of thousands', async () => {
  const pattern = Array.from({ length: 3000 }, (_, i) => i % 97 !== 0)
  expect(await verifyEd25519Batch(pattern.map((good) => (good ? honest : forged)))).toEqual(pattern)
  expect(toHex(honest.publicKey)).toBe('03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8')
})
