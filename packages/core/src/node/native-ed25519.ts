import { createRequire } from 'node:module'
import { nobleEd25519, surelyInvalid } from '../crypto/noble-ed25519.ts'
import type { Ed25519, Ed25519Item } from '../ports.ts'

/** What of sodium-native is used; the package has no types of its own. */
type Sodium = {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
  crypto_core_ed25519_is_valid_point(point: Uint8Array): boolean
}

/** Verdict of the fast filter alone: a `false` of it still has to be judged. */
export type FastFilter = {
  readonly name: string
  accepts(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  acceptsKey(publicKey: Uint8Array): boolean
}

/** Expanded secret keys kept: a wallet or a validator signs with few. */
const SIGNERS_MAX = 256

/**
 * sodium-native in front of noble. Everything that sodium accepts, ZIP215 accepts; what it refuses, noble decides.
 * Without the addon noble does it all.
 */
export function createNativeEd25519(): Ed25519 {
  const sodium = loadSodium()
  if (sodium === undefined) return nobleEd25519
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

/** The native filter; one that accepts nothing where the addon does not load, so that everything is judged. */
export function createFastFilter(): FastFilter {
  const sodium = loadSodium()
  if (sodium === undefined) return { name: 'none', accepts: () => false, acceptsKey: () => false }
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
