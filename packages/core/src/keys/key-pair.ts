import { hmac } from '@noble/hashes/hmac.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { generateMnemonic, mnemonicToSeedSync, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { HDKey } from 'micro-key-producer/slip10.js'
import { accountIdOf } from '../address.ts'
import { activeEd25519 } from '../crypto/verify.ts'
import { ArmError } from '../errors.ts'

export type KeyPair = {
  /** 32-byte seed of RFC 8032. */
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
  /** Account id that the key holds, on every vShard. */
  readonly account: Uint8Array
}

/** SLIP-44 coin type of all test networks. */
export const COIN_TYPE = 1

/** Twelve words of BIP-39 for 16 random bytes, twenty-four for 32; of the platform's generator by default. */
export function createMnemonic(words: 12 | 24 = 12): string {
  return generateMnemonic(wordlist, words === 12 ? 128 : 256)
}

export function isMnemonic(mnemonic: string): boolean {
  return validateMnemonic(normalise(mnemonic), wordlist)
}

/** SLIP-10 derivation, path `m/44'/1'/index'/0'/0'`. Throws `ARM_MNEMONIC` if a word or the checksum is wrong. */
export function keyPairFromMnemonic(mnemonic: string, index = 0, passphrase = ''): KeyPair {
  return mnemonicKeys(mnemonic, passphrase)(index)
}

/** The same for many indexes: stretching the words is most of the work, and is done once. */
export function mnemonicKeys(mnemonic: string, passphrase = ''): (index: number) => KeyPair {
  const coin = HDKey.fromMasterSeed(mnemonicSeed(mnemonic, passphrase)).derive(`m/44'/${COIN_TYPE}'`)
  return (index) => {
    if (!Number.isInteger(index) || index < 0 || index >= 2 ** 31)
      throw new ArmError('ARM_ARGUMENT', 'index is outside [0, 2^31)', { index, hint: 'take one from 0 to 2147483647' })
    let node: Slip10Node = { key: coin.privateKey, chainCode: coin.chainCode }
    for (const child of [index, 0, 0]) node = hardenedChild(node, child)
    return keyPairFromSecret(node.key.slice())
  }
}

/** The 64 bytes of BIP-39 that keys of any curve derive from. Throws `ARM_MNEMONIC` if a word or the checksum is wrong. */
export function mnemonicSeed(mnemonic: string, passphrase = ''): Uint8Array {
  if (isMnemonic(mnemonic)) return mnemonicToSeedSync(normalise(mnemonic), passphrase)
  throw new ArmError('ARM_MNEMONIC', 'not a BIP-39 mnemonic of English words', {
    words: normalise(mnemonic).split(' ').length,
    hint: 'check spelling and order of the words',
  })
}

type Slip10Node = { readonly key: Uint8Array; readonly chainCode: Uint8Array }

/**
 * A hardened child by SLIP-10 for ed25519. The library computes a public key at each level, for fingerprints that are not
 * used here: a thousand accounts of a testnet would take seconds. A test holds this against it.
 */
function hardenedChild({ key, chainCode }: Slip10Node, index: number): Slip10Node {
  const data = new Uint8Array(37)
  data.set(key, 1)
  new DataView(data.buffer).setUint32(33, 0x8000_0000 + index)
  const derived = hmac(sha512, chainCode, data)
  return { key: derived.subarray(0, 32), chainCode: derived.subarray(32) }
}

/** Throws `ARM_KEY` unless given 32 bytes. */
export function keyPairFromSecret(secretKey: Uint8Array): KeyPair {
  if (secretKey.length !== 32) throw new ArmError('ARM_KEY', 'a secret key has 32 bytes', { bytes: secretKey.length })
  const publicKey = activeEd25519().publicKey(secretKey)
  return { secretKey, publicKey, account: accountIdOf(publicKey) }
}

function normalise(mnemonic: string): string {
  return mnemonic.normalize('NFKD').trim().split(/\s+/).join(' ')
}
