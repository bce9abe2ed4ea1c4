import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isArmError } from '../errors.ts'
import { keyPairFromSecret } from './key-pair.ts'
import { decryptKeystore, encryptKeystore, type Keystore, SCRYPT_COST } from './keystore.ts'

/** So that tests are quick; no default anywhere. */
const cost = { n: 16, r: 1, p: 1 }
const key = keyPairFromSecret(new Uint8Array(32).fill(7))
const password = 'correct horse'

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return 'none'
  } catch (error) {
    if (isArmError(error)) return error.code
    throw error
  }
}

test('the default cost is 2^17, 8, 1', () => {
  expect(SCRYPT_COST).toEqual({ n: 2 ** 17, r: 8, p: 1 })
})

test('opens with its password after a trip through JSON, and never twice with one salt or nonce', async () => {
  const [first, second] = [
    await encryptKeystore(key, password, { cost }),
    await encryptKeystore(key, password, { cost }),
  ]
  expect(await decryptKeystore(JSON.parse(JSON.stringify(first)), password)).toEqual(key)
  expect(first.kdf.salt).not.toBe(second.kdf.salt)
  expect(first.cipher.nonce).not.toBe(second.cipher.nonce)
  expect(JSON.stringify(first)).not.toContain('07070707')
})

test('one password in two Unicode forms opens the same file', async () => {
  const keystore = await encryptKeystore(key, 'p\u00e4ss', { cost })
  expect(await decryptKeystore(keystore, 'pa\u0308ss')).toEqual(key)
})

test('a wrong password is told from a broken file', async () => {
  const keystore = await encryptKeystore(key, password, { cost })
  expect(await codeOf(decryptKeystore(keystore, 'wrong'))).toBe('ARM_KEYSTORE_PASSWORD')
  expect(await codeOf(decryptKeystore(keystore, ''))).toBe('ARM_KEYSTORE_PASSWORD')
})

test('every field is authenticated: no changed file opens', async () => {
  const keystore = await encryptKeystore(key, password, { cost })
  const { kdf, cipher } = keystore
  const flip = (hex: string): string => (hex[0] === '0' ? '1' : '0') + hex.slice(1)
  const changed: readonly unknown[] = [
    { ...keystore, account: flip(keystore.account) },
    { ...keystore, kdf: { ...kdf, n: 32 } },
    { ...keystore, kdf: { ...kdf, r: 2 } },
    { ...keystore, kdf: { ...kdf, p: 2 } },
    { ...keystore, kdf: { ...kdf, salt: flip(kdf.salt) } },
    { ...keystore, cipher: { ...cipher, nonce: flip(cipher.nonce) } },
    { ...keystore, cipher: { ...cipher, ciphertext: flip(cipher.ciphertext) } },
  ]
  for (const file of changed) expect(await codeOf(decryptKeystore(file, password))).toBe('ARM_KEYSTORE_PASSWORD')
})

test('malformed files are refused, and costs that would exhaust the reader before any work is done', async () => {
  const keystore = await encryptKeystore(key, password, { cost })
  const withKdf = (change: object): unknown => ({ ...keystore, kdf: { ...keystore.kdf, ...change } })
  const withCipher = (change: object): unknown => ({ ...keystore, cipher: { ...keystore.cipher, ...change } })
  const malformed: readonly unknown[] = [
    undefined,
    null,
    1,
    'text',
    [],
    {},
    { ...keystore, format: 'other' },
    { ...keystore, version: 2 },
    { ...keystore, kdf: null },
    { ...keystore, cipher: 5 },
    { ...keystore, account: 7 },
    withKdf({ name: 'pbkdf2' }),
    withKdf({ n: 0 }),
    withKdf({ n: 1 }),
    withKdf({ n: 15 }),
    withKdf({ n: 2 ** 32 }),
    withKdf({ n: 2 ** 31 }),
    withKdf({ n: 2 ** 24 }),
    withKdf({ n: Number.POSITIVE_INFINITY }),
    withKdf({ n: '16' }),
    withKdf({ r: 0 }),
    withKdf({ r: 2 ** 20 }),
    withKdf({ r: 0.5 }),
    withKdf({ p: 0 }),
    withKdf({ p: 1e9 }),
    withKdf({ n: 2 ** 17, r: 8, p: 64 }),
    withKdf({ n: 2 ** 17, r: 64, p: 64 }),
    withKdf({ n: 2 ** 23, r: 1, p: 64 }),
    withKdf({ salt: 'zz' }),
    withKdf({ salt: '' }),
    withKdf({ salt: 12 }),
    withCipher({ name: 'aes' }),
    withCipher({ nonce: '00' }),
    withCipher({ ciphertext: '00' }),
    withCipher({ ciphertext: 'x' }),
  ]
  for (const file of malformed)
    expect([await codeOf(decryptKeystore(file, password)), file]).toEqual(['ARM_KEYSTORE', file])
})

test('nobody writes a file that nobody will read', async () => {
  for (const bad of [
    { n: 15, r: 1, p: 1 },
    { n: 2 ** 30, r: 8, p: 1 },
    { n: 16, r: 1, p: 0 },
  ])
    expect(await codeOf(encryptKeystore(key, password, { cost: bad }))).toBe('ARM_KEYSTORE')
})

test('arbitrary JSON in any field throws only our errors', async () => {
  const keystore = await encryptKeystore(key, password, { cost })
  const field = fc.constantFrom('format', 'version', 'account', 'kdf', 'cipher')
  await fc.assert(
    fc.asyncProperty(field, fc.jsonValue(), async (name, value) => {
      const code = await codeOf(decryptKeystore({ ...keystore, [name]: value }, password))
      const same = JSON.stringify(value) === JSON.stringify(keystore[name as keyof Keystore])
      expect(same ? 'none' : code).toMatch(same ? 'none' : /^ARM_KEYSTORE/)
    }),
    { numRuns: 200 },
  )
})

test('reports progress up to the end', async () => {
  const parts: number[] = []
  const keystore = await encryptKeystore(key, password, {
    cost: { n: 2 ** 10, r: 8, p: 1 },
    onProgress: (part) => parts.push(part),
  })
  expect(parts.at(-1)).toBe(1)
  expect(parts).toEqual([...parts].sort((a, b) => a - b))
  expect(await decryptKeystore(keystore, password)).toEqual(key)
})
