import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Item } from './batch.ts'
import { createEd25519Kernel } from './kernel.ts'
import { reference as judged, messageOf, signed } from './signatures.fixture.ts'

/** The reference takes a millisecond; what it said of an item is kept. */
const said = new Map<string, boolean>()

function reference(each: Item): boolean {
  const name = [each.publicKey, each.signature, each.message].join('|')
  const known = said.get(name) ?? judged(each)
  said.set(name, known)
  return known
}

describe.each(['scalar', 'simd'] as const)('%s', (arithmetic) => {
  const own = resolve(import.meta.dirname, '../../../vectors/ed25519')
  const vectors = resolve(process.env.ARMCHAIN_VECTORS ?? resolve(import.meta.dirname, '../../../../shared/vectors'))
  const present = existsSync(vectors)
  const why = present ? '' : ` (skipped: no ${vectors}; set ARMCHAIN_VECTORS)`

  const kernel = createEd25519Kernel({ arithmetic })
  const honest = signed(0, messageOf(50))
  const forged = { ...honest, message: messageOf(51) }

  /** Ways to ask: each has to say the same. */
  const ways: Readonly<Record<string, (items: readonly Item[]) => boolean[]>> = {
    single: (items) => items.map(({ publicKey, message, signature }) => kernel.verify(publicKey, message, signature)),
    'batches of one': (items) => items.map((item) => kernel.verifyItems([item])[0] as boolean),
    'one batch': (items) => kernel.verifyItems(items),
    'one batch of the valid ones': (items) => {
      const valid = items.map(reference)
      const verdicts = kernel.verifyItems(items.filter((_, i) => valid[i]))
      expect(verdicts.every(Boolean)).toBe(true)
      return valid
    },
    'batches of three among good and bad': (items) =>
      items.map((item) => {
        const [before, verdict, behind] = kernel.verifyItems([honest, item, forged])
        expect([before, behind]).toEqual([true, false])
        return verdict as boolean
      }),
    'one batch among good and bad': (items) => {
      const verdicts = kernel.verifyItems(items.flatMap((item) => [honest, item, forged]))
      expect(verdicts.filter((_, i) => i % 3 !== 1)).toEqual(items.flatMap(() => [true, false]))
      return verdicts.filter((_, i) => i % 3 === 1)
    },
  }

  describe.each(Object.entries(ways))('%s', (_, verify) => {
    test('RFC 8032, 7.1', () => {
      const items = RFC8032.map(([key, message, signature]) => item(key, hex(message), signature))
      expect(verify(items)).toEqual(items.map(() => true))
    })

    test('CCTV: all but those whose k is hashed from another encoding', () => {
      const cases: { key: string; sig: string; msg: string; flags: string[] | null }[] = read(own, 'cctv.json')
      expect(cases).toHaveLength(914)
      const items = cases.map(({ key, sig, msg }) => item(key, utf8(msg), sig))
      const expected = items.map(reference)
      expect(cases.every(({ flags }, i) => expected[i] || flags?.includes('reencoded_k'))).toBe(true)
      expect(verify(items)).toEqual(expected)
    })

    test('speccheck: what ZIP215 says of its twelve cases', () => {
      const cases: { message: string; pub_key: string; signature: string }[] = read(own, 'speccheck.json')
      const items = cases.map(({ message, pub_key, signature }) => item(pub_key, hex(message), signature))
      expect(verify(items)).toEqual(items.map(reference))
      expect(verify(items)).toEqual(SPECCHECK)
    })

    test.skipIf(!present)(`ZIP215: all 196 accepted${why}`, () => {
      const cases: { vk_bytes: string; sig_bytes: string; valid_zip215: boolean }[] = read(vectors, 'zip215.json')
      expect(cases).toHaveLength(196)
      const items = cases.map(({ vk_bytes, sig_bytes }) => item(vk_bytes, utf8('Zcash'), sig_bytes))
      expect(verify(items)).toEqual(cases.map(({ valid_zip215 }) => valid_zip215))
    })

    test.skipIf(!present)(`Wycheproof: all valid accepted, all invalid but one refused${why}`, () => {
      const { testGroups } = read<Wycheproof>(vectors, 'wycheproof/ed25519_test.json')
      const cases = testGroups.flatMap(({ publicKey, tests }) =>
        tests.map(({ tcId, msg, sig, result }) => ({ tcId, result, item: item(publicKey.pk, hex(msg), sig) })),
      )
      const verdicts = verify(cases.map((each) => each.item))
      const accepted = cases.filter((_, i) => verdicts[i])
      expect(cases).toHaveLength(151)
      expect(accepted.filter(({ result }) => result === 'valid')).toHaveLength(88)
      // 151: R is the identity with the sign of x set, which RFC 8032 does not decode and ZIP215 does.
      expect(accepted.filter(({ result }) => result === 'invalid').map(({ tcId }) => tcId)).toEqual([151])
    })
  })

  type Wycheproof = {
    testGroups: { publicKey: { pk: string }; tests: { tcId: number; msg: string; sig: string; result: string }[] }[]
  }

  /** Refused: 6 and 7, whose s is too large, and 8, whose k is hashed from another encoding of R. */
  const SPECCHECK: readonly boolean[] = [true, true, true, true, true, true, false, false, false, true, true, true]

  function read<T>(folder: string, file: string): T {
    return JSON.parse(readFileSync(resolve(folder, file), 'utf8'))
  }

  function item(publicKey: string, message: Uint8Array, signature: string): Item {
    return { publicKey: hex(publicKey), message, signature: hex(signature) }
  }

  function hex(text: string): Uint8Array {
    return new Uint8Array(Buffer.from(text, 'hex'))
  }

  function utf8(text: string): Uint8Array {
    return new TextEncoder().encode(text)
  }

  /** Key, message, signature. */
  const RFC8032: readonly (readonly [string, string, string])[] = [
    [
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ]
})
