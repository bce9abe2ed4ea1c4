import { createRequire } from 'node:module'
import { nobleEd25519, surelyInvalid } from '../crypto/noble-ed25519.ts'
import type { Ed25519, Ed25519Item } from '../ports.ts'
import type { FastFilter } from './fast-filter.ts'
import { createOpenSslEd25519, createOpenSslFilter } from './openssl-ed25519.ts'

/** What of sodium-native is used; the package has no types of its own. */
type Sodium = {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
  crypto_core_ed25519_is_valid_point(point: Uint8Array): boolean
}

/** Expanded secret keys kept: a wallet or a validator signs with few. */
const SIGNERS_MAX = 256

/**
 * sodium-native in front of noble. Everything that sodium accepts, ZIP215 accepts; what it refuses, noble decides.
 * Without the addon OpenSSL takes its place.
 */
export function createNativeEd25519(): Ed25519 {
  const sodium = loadSodium()
  if (sodium === undefined) return createOpenSslEd25519()
  const filter = createFastFilter()
  const expanded = new Map<string, { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }>()

  function expand(seed: Uint8Array): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } {
    const name = Buffer.from(seed).toString('latin1')
    const known = expanded.get(name)
    if (known !== undefined) return known
    const publicKey = Buffer.alloc(32)
    const secretKey = Buffer.alloc(64)
    ;(sodium as Sodium).crypto_sign_seed_keypair(publicKey, secretKey, Buffer.from(seed))
    if (expanded.size >= SIGNERS_MAX) expanded.delete(expanded.keys().next().value as string)
    const pair = { publicKey: new Uint8Array(publicKey), secretKey }
    expanded.set(name, pair)
    return pair
  }

  return {
    name: 'sodium+noble',
    verify(item) {
      if (surelyInvalid(item)) return false
      return filter.accepts(item.publicKey, item.message, item.signature) || nobleEd25519.verify(item)
    },
    isAccountKey: (publicKey) =>
      publicKey.length === 32 && (filter.acceptsKey(publicKey) || nobleEd25519.isAccountKey(publicKey)),
    sign(message, secretSeed) {
      const signature = new Uint8Array(64)
      sodium.crypto_sign_detached(signature, message, expand(secretSeed).secretKey)
      return signature
    },
    publicKey: (secretSeed) => expand(secretSeed).publicKey.slice(),
  }
}

/** sodium-native, or OpenSSL where the addon does not load. */
export function createFastFilter(): FastFilter {
  const sodium = loadSodium()
  if (sodium === undefined) return createOpenSslFilter()
  return {
    name: 'sodium-native',
    accepts: (publicKey, message, signature) => sodium.crypto_sign_verify_detached(signature, message, publicKey),
    acceptsKey: (publicKey) => sodium.crypto_core_ed25519_is_valid_point(publicKey),
  }
}

export function judge(item: Ed25519Item): boolean {
  return !surelyInvalid(item) && nobleEd25519.verify(item)
}

function loadSodium(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium
  } catch {
    return undefined
  }
}
