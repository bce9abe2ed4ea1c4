import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { scryptAsync } from '@noble/hashes/scrypt.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { fromHex, toHex, utf8 } from '../bytes.ts'
import { ArmError, isArmError } from '../errors.ts'
import { type KeyPair, keyPairFromSecret } from './key-pair.ts'

/** A secret key under a password: scrypt, then XChaCha20-Poly1305 with everything else of the file authenticated. */
export type Keystore = {
  readonly format: 'armchain-keystore'
  readonly version: 1
  readonly account: string
  readonly kdf: {
    readonly name: 'scrypt'
    readonly n: number
    readonly r: number
    readonly p: number
    readonly salt: string
  }
  readonly cipher: { readonly name: 'xchacha20-poly1305'; readonly nonce: string; readonly ciphertext: string }
}

export type ScryptCost = { readonly n: number; readonly r: number; readonly p: number }

/** About half a second and 128 MiB. */
export const SCRYPT_COST: ScryptCost = { n: 2 ** 17, r: 8, p: 1 }
/** Most that a file may ask for, in bytes hashed, memory included: a hostile keystore must not exhaust the reader. */
const WORK_MAX = 1024 * 1024 * 1024
/** What scrypt needs beside its table, in bytes: `128 r (p + 1)` with both at their most. */
const MEMORY_EXTRA = 1024 * 1024
const PARAMETER_MAX = 64
const SALT_BYTES = 32

export type KeystoreOptions = { readonly cost?: ScryptCost; readonly onProgress?: (part: number) => void }

/** Throws `ARM_KEYSTORE` for a cost that no reader would accept. */
export async function encryptKeystore(
  key: KeyPair,
  password: string,
  { cost = SCRYPT_COST, onProgress }: KeystoreOptions = {},
): Promise<Keystore> {
  checkCost(cost)
  const header = {
    format: 'armchain-keystore',
    version: 1,
    account: toHex(key.account),
    kdf: { name: 'scrypt', n: cost.n, r: cost.r, p: cost.p, salt: toHex(randomBytes(SALT_BYTES)) },
  } as const
  const nonce = randomBytes(24)
  const secret = await derive(password, header.kdf, onProgress)
  const ciphertext = xchacha20poly1305(secret, nonce, associatedData(header)).encrypt(key.secretKey)
  return { ...header, cipher: { name: 'xchacha20-poly1305', nonce: toHex(nonce), ciphertext: toHex(ciphertext) } }
}

/** Throws `ARM_KEYSTORE` for a file that is none, `ARM_KEYSTORE_PASSWORD` where it does not open. */
export async function decryptKeystore(
  value: unknown,
  password: string,
  { onProgress }: KeystoreOptions = {},
): Promise<KeyPair> {
  const { keystore, salt, nonce, ciphertext } = checkKeystore(value)
  const secret = await derive(password, { ...keystore.kdf, salt: toHex(salt) }, onProgress)
  try {
    return keyPairFromSecret(xchacha20poly1305(secret, nonce, associatedData(keystore)).decrypt(ciphertext))
  } catch (cause) {
    throw new ArmError(
      'ARM_KEYSTORE_PASSWORD',
      'the password is wrong, or the file has been changed',
      { hint: 'try again' },
      { cause },
    )
  }
}

function derive(
  password: string,
  { n, r, p, salt }: Keystore['kdf'],
  onProgress?: (part: number) => void,
): Promise<Uint8Array> {
  const options = { N: n, r, p, dkLen: 32, maxmem: WORK_MAX + MEMORY_EXTRA, ...(onProgress && { onProgress }) }
  return scryptAsync(password.normalize('NFKC'), fromHex(salt), options)
}

function associatedData({ format, version, account, kdf }: Omit<Keystore, 'cipher'>): Uint8Array {
  return utf8([format, version, account, kdf.name, kdf.n, kdf.r, kdf.p, kdf.salt].join('|'))
}

function checkKeystore(value: unknown): {
  keystore: Keystore
  salt: Uint8Array
  nonce: Uint8Array
  ciphertext: Uint8Array
} {
  const keystore = value as Partial<Keystore> | null
  const { kdf, cipher } = keystore ?? {}
  if (keystore?.format !== 'armchain-keystore' || keystore.version !== 1)
    throw malformed('it is not an ArmChain keystore of version 1')
  if (kdf?.name !== 'scrypt' || cipher?.name !== 'xchacha20-poly1305') throw malformed('its algorithms are unknown')
  checkCost(kdf)
  try {
    const [salt, nonce, ciphertext] = [
      fromHex(String(kdf.salt)),
      fromHex(String(cipher.nonce)),
      fromHex(String(cipher.ciphertext)),
    ]
    const lengths = salt.length === SALT_BYTES && nonce.length === 24 && ciphertext.length === 48
    if (!lengths || typeof kdf.salt !== 'string' || typeof keystore.account !== 'string')
      throw malformed('a part has a wrong length')
    return { keystore: keystore as Keystore, salt, nonce, ciphertext }
  } catch (error) {
    if (isArmError(error) && error.code === 'ARM_HEX') throw malformed('a part is not hex')
    throw error
  }
}

function checkCost({ n, r, p }: ScryptCost): void {
  const powerOfTwo = Number.isInteger(n) && n >= 2 && (n & (n - 1)) === 0
  const small = [r, p].every((part) => Number.isInteger(part) && part >= 1 && part <= PARAMETER_MAX)
  if (!powerOfTwo || !small || 128 * n * r * p > WORK_MAX) throw malformed('its scrypt parameters are out of range')
}

function malformed(why: string): ArmError {
  return new ArmError('ARM_KEYSTORE', `the keystore cannot be read: ${why}`, {
    hint: 'use the file as `armchain account` wrote it',
  })
}
