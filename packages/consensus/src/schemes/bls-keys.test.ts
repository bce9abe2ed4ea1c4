import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fromHex, mnemonicSeed, sha256, toHex, utf8 } from '@armchain/core'
import { SecretKey } from '@chainsafe/blst'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BlsKeys, blsKeysFromMnemonic, blsKeysFromSeed, blsValidator } from './bls-keys.ts'
import { verifyPossession } from './noble-bls.ts'

type Vector = {
  readonly seed: string
  readonly masterSecret: string
  readonly childIndex: number
  readonly childSecret: string
}
const file = resolve(import.meta.dirname, '../../../../vectors/bls/eip2333.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly Vector[]

const secretOf = ({ secretKey }: BlsKeys) => BigInt(`0x${toHex(secretKey)}`).toString()

test.each(vectors)('EIP-2333: the key of a seed and its child $childIndex', (vector) => {
  const seed = fromHex(vector.seed)
  expect(secretOf(blsKeysFromSeed(seed))).toBe(vector.masterSecret)
  expect(secretOf(blsKeysFromSeed(seed, [vector.childIndex]))).toBe(vector.childSecret)
})

test('EIP-2333 from words, as its first test case says', () => {
  const words = `${'abandon '.repeat(11)}about`
  expect(toHex(mnemonicSeed(words, 'TREZOR'))).toBe(vectors[0]?.seed)
  const path = [12_381, 1, 7, 0]
  expect(blsKeysFromMnemonic(words, 7, 'TREZOR')).toEqual(blsKeysFromSeed(fromHex(vectors[0]?.seed as string), path))
  expect(blsKeysFromMnemonic(words, 8, 'TREZOR')).not.toEqual(blsKeysFromMnemonic(words, 7, 'TREZOR'))
})

test('another implementation derives the same keys', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 80 }),
      fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 2 }),
      (seed, path) => {
        const native = path.reduce((key, index) => key.deriveChildEip2333(index), SecretKey.deriveMasterEip2333(seed))
        const { secretKey, publicKey } = blsKeysFromSeed(seed, path)
        expect(toHex(secretKey)).toBe(toHex(native.toBytes()))
        expect(toHex(publicKey)).toBe(toHex(native.toPublicKey().toBytes()))
      },
    ),
    { numRuns: 20 },
  )
})

test('seeds that are too short and indexes that are none are refused', () => {
  const seed = sha256(utf8('seed'))
  expect(() => blsKeysFromSeed(seed.subarray(1))).toThrow('ARM_KEY')
  for (const index of [-1, 0.5, 2 ** 32, Number.NaN])
    expect(() => blsKeysFromSeed(seed, [0, index])).toThrow('ARM_ARGUMENT')
  expect(() => blsKeysFromMnemonic('no words')).toThrow('ARM_MNEMONIC')
})

test('a validator comes with the proof of its key', () => {
  const { publicKey, weight, blsKey, blsProof } = blsValidator(
    sha256(utf8('id')),
    blsKeysFromSeed(sha256(utf8('a'))),
    3,
  )
  expect([publicKey, weight]).toEqual([sha256(utf8('id')), 3])
  expect(verifyPossession(blsKey as Uint8Array, blsProof as Uint8Array)).toBe(true)
})
