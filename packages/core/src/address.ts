import { bech32m } from '@scure/base'
import { concatBytes } from './bytes.ts'
import { KEY_TYPE_ED25519 } from './chain/transaction.ts'
import { sha256 } from './crypto/hash.ts'
import { ArmError } from './errors.ts'

/** 32 bytes: SHA-256 of the key's type and bytes, so that key types can be added. */
export type AccountId = Uint8Array

/** A sub-account: one account id on one vShard. One key holds all sub-accounts of its account. */
export type Address = { readonly account: AccountId; readonly vShard: number }

const VERSION = 0
const PAYLOAD_BYTES = 36
/** As schemes have it: the text stays within the 90 characters for which Bech32m detects four changed ones. */
const PREFIX = /^[a-z]{1,16}$/

export function accountIdOf(publicKey: Uint8Array, keyType: number = KEY_TYPE_ED25519): AccountId {
  return sha256(concatBytes(Uint8Array.of(keyType), publicKey))
}

/**
 * Bech32m text: the network's prefix, a version, the account id and the vShard, all under one checksum. Throws
 * `ARM_ADDRESS` for what could not be read back.
 *
 * @see BIP-350
 */
export function formatAddress({ account, vShard }: Address, prefix: string): string {
  if (account.length !== 32) throw unwritable('length', 'an account id has 32 bytes', { accountBytes: account.length })
  if (!Number.isInteger(vShard) || vShard < 0 || vShard > 0xffff_ffff)
    throw unwritable('shard', 'a vShard is a number in [0, 2^32)', { vShard })
  if (!PREFIX.test(prefix)) throw unwritable('prefix', 'a prefix is 1 to 16 lower-case letters', { prefix })
  const payload = new Uint8Array(PAYLOAD_BYTES)
  payload.set(account)
  new DataView(payload.buffer).setUint32(32, vShard)
  return bech32m.encode(prefix, [VERSION, ...bech32m.toWords(payload)])
}

/** Reads an address of a network. Throws `ARM_ADDRESS` and says what is wrong with it. */
export function parseAddress(text: string, prefix: string): Address {
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) throw malformed('case', 'mixes upper and lower case')
  const decoded = bech32m.decodeUnsafe(text)
  if (!decoded) throw malformed('checksum', 'has a wrong character or a wrong checksum')
  if (decoded.prefix !== prefix)
    throw malformed('prefix', `is of network "${decoded.prefix}", expected "${prefix}"`, 'use one of this network')
  const [version, ...words] = decoded.words
  if (version !== VERSION) throw malformed('version', `has version ${version}, expected ${VERSION}`)
  const payload = bech32m.fromWordsUnsafe(words)
  if (!payload || payload.length !== PAYLOAD_BYTES) throw malformed('length', 'has a wrong length')
  return { account: payload.slice(0, 32), vShard: new DataView(payload.buffer, payload.byteOffset).getUint32(32) }
}

function unwritable(reason: string, why: string, data: object): ArmError {
  return new ArmError('ARM_ADDRESS', why, { ...data, reason, hint: 'this is a fault of the caller, not of the user' })
}

function malformed(reason: string, why: string, hint = 'copy the whole address again'): ArmError {
  return new ArmError('ARM_ADDRESS', `the address ${why}`, { reason, hint })
}
