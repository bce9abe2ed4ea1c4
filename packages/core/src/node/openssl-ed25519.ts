import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { nobleEd25519, surelyInvalid } from '../crypto/noble-ed25519.ts'
import type { Ed25519 } from '../ports.ts'
import type { FastFilter } from './fast-filter.ts'

/** Parsed keys kept: parsing one costs a third of checking a signature. */
const KEYS_MAX = 16_384
const SIGNERS_MAX = 256

/** RFC 8410 headers, in front of the 32 bytes of a public key (SPKI) and of a seed (PKCS 8). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/**
 * OpenSSL where sodium-native has no build: half its speed. Everything that OpenSSL accepts, ZIP215 accepts: it has
 * s below the order and compares R byte by byte. It has no check of a key's order, so keys go to the reference.
 */
export function createOpenSslFilter(): FastFilter {
  const keys = new Map<string, KeyObject>()
  return {
    name: 'openssl',
    accepts(publicKey, message, signature) {
      try {
        return verify(null, message, cached(keys, KEYS_MAX, publicKey, parsePublic), signature)
      } catch {
        return false
      }
    },
    acceptsKey: (publicKey) => nobleEd25519.isAccountKey(publicKey),
  }
}

/** OpenSSL in front of noble; the same verdicts as every other backend. */
export function createOpenSslEd25519(): Ed25519 {
  const filter = createOpenSslFilter()
  const signers = new Map<string, KeyObject>()
  return {
    name: 'openssl+noble',
    verify(item) {
      if (surelyInvalid(item)) return false
      return filter.accepts(item.publicKey, item.message, item.signature) || nobleEd25519.verify(item)
    },
    isAccountKey: nobleEd25519.isAccountKey,
    sign: (message, secretSeed) =>
      new Uint8Array(sign(null, message, cached(signers, SIGNERS_MAX, secretSeed, parseSecret))),
    publicKey(secretSeed) {
      const key = createPublicKey(cached(signers, SIGNERS_MAX, secretSeed, parseSecret))
      return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length))
    },
  }
}

function parsePublic(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' })
}

function parseSecret(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })
}

/** The oldest entry makes room. */
function cached(
  keys: Map<string, KeyObject>,
  limit: number,
  bytes: Uint8Array,
  parse: (bytes: Uint8Array) => KeyObject,
): KeyObject {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const known = keys.get(name)
  if (known !== undefined) return known
  const key = parse(bytes)
  if (keys.size >= limit) keys.delete(keys.keys().next().value as string)
  keys.set(name, key)
  return key
}
