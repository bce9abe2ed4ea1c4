import { bech32, bech32m } from '@scure/base'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { accountIdOf, formatAddress, parseAddress } from './address.ts'
import { concatBytes, toHex } from './bytes.ts'
import { nobleHasher } from './crypto/noble-hasher.ts'
import { ArmError, isArmError } from './errors.ts'

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const account = Uint8Array.from({ length: 32 }, (_, i) => 7 * i)
const text = formatAddress({ account, vShard: 5 }, 'armt')

const anyAddress = fc.record({
  account: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  vShard: fc.integer({ min: 0, max: 0xffff_ffff }),
})

function reasonOf(parse: () => unknown): unknown {
  try {
    parse()
  } catch (error) {
    if (isArmError(error) && error.code === 'ARM_ADDRESS' && error.hint !== undefined) return error.data.reason
    throw error
  }
  return undefined
}

test('an account id is the hash of the key type and the key', () => {
  const publicKey = new Uint8Array(32).fill(9)
  expect(accountIdOf(publicKey)).toEqual(nobleHasher.sha256(concatBytes(Uint8Array.of(1), publicKey)))
  expect(accountIdOf(publicKey, 2)).not.toEqual(accountIdOf(publicKey))
})

test('the text of an address is fixed', () => {
  expect(toHex(account)).toBe('00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9')
  expect(text).toBe('armt1qqqrsu9guyv4rzwplgex4gkmzd9c8wl593jfe4gdg47mtm3xt6tvsqqqqq5875x8k')
})

test('parse(format(x)) = x, for any address and prefix, in lower and in upper case', () => {
  fc.assert(
    fc.property(anyAddress, fc.constantFrom('arm', 'armt', 'armdev'), (address, prefix) => {
      const written = formatAddress(address, prefix)
      expect(parseAddress(written, prefix)).toEqual(address)
      expect(parseAddress(written.toUpperCase(), prefix)).toEqual(address)
    }),
  )
})

test('every replacement of a single character is detected', () => {
  for (let i = 0; i < text.length; i++) {
    for (const letter of `${ALPHABET}1bio`) {
      if (letter === text[i]) continue
      const mutated = text.slice(0, i) + letter + text.slice(i + 1)
      expect(() => parseAddress(mutated, 'armt'), mutated).toThrow(ArmError)
    }
  }
})

test('says what is wrong', () => {
  const words = bech32m.toWords(new Uint8Array(36))
  const cases: readonly [string, string][] = [
    ['checksum', text.slice(0, -1)],
    ['checksum', `${text} `],
    ['checksum', ''],
    ['checksum', bech32.encode('armt', [0, ...words])], // Bech32 in place of Bech32m
    ['prefix', formatAddress({ account, vShard: 5 }, 'arm')],
    ['case', text.slice(0, -1) + text.slice(-1).toUpperCase()],
    ['version', bech32m.encode('armt', [1, ...words])],
    ['length', bech32m.encode('armt', [0, ...words.slice(0, -2)])],
    ['length', bech32m.encode('armt', [0, ...bech32m.toWords(new Uint8Array(37))])],
    ['length', bech32m.encode('armt', [0, ...words, 0])], // A word too many
    ['length', bech32m.encode('armt', [0, ...words.slice(0, -1), 1])], // Padding bits that are not zero
    ['version', bech32m.encode('armt', [])],
  ]
  for (const [reason, bad] of cases) expect([reasonOf(() => parseAddress(bad, 'armt')), bad]).toEqual([reason, bad])
})

test('refuses to write what cannot be read back', () => {
  expect(reasonOf(() => formatAddress({ account: new Uint8Array(31), vShard: 0 }, 'arm'))).toBe('length')
  for (const vShard of [-1, 0.5, 2 ** 32, Number.NaN])
    expect(reasonOf(() => formatAddress({ account, vShard }, 'arm'))).toBe('shard')
  for (const prefix of ['', 'Arm', 'a m', 'a'.repeat(40), 'ärm'])
    expect(reasonOf(() => formatAddress({ account, vShard: 0 }, prefix))).toBe('prefix')
})

test('100,000 arbitrary and mutated texts: an ArmError, or the one text of an address', () => {
  const mutation = fc.tuple(fc.nat(text.length), fc.nat(2), fc.string({ unit: 'binary', maxLength: 2 }))
  const mutated = fc
    .array(mutation, { minLength: 1, maxLength: 3 })
    .map((edits) =>
      edits.reduce((current, [at, drop, put]) => current.slice(0, at) + put + current.slice(at + drop), text),
    )
  const charset = fc.array(fc.constantFrom(...ALPHABET), { maxLength: 90 }).map((letters) => `armt1${letters.join('')}`)
  const encoded = fc
    .array(fc.integer({ min: 0, max: 31 }), { maxLength: 70 })
    .map((words) => bech32m.encode('armt', words, false))
  fc.assert(
    fc.property(fc.oneof(mutated, charset, encoded, fc.string({ unit: 'binary', maxLength: 100 })), (candidate) => {
      try {
        const written = formatAddress(parseAddress(candidate, 'armt'), 'armt')
        if (written !== candidate && written.toUpperCase() !== candidate) throw new Error(`two texts: ${candidate}`)
      } catch (error) {
        if (!isArmError(error)) throw error
      }
    }),
    { numRuns: 100_000 },
  )
})
