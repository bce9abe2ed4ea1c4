import { createRequire } from 'node:module'
import { wasmEd25519 } from '../crypto/wasm-ed25519.ts'
import type { Ed25519 } from '../ports.ts'
import { createOpenSslSigner } from './openssl-signer.ts'

/** Keys and signatures of one's own. */
export type Signer = Pick<Ed25519, 'name' | 'sign' | 'publicKey'>

/** What of sodium-native is used; the package has no types of its own. */
type Sodium = {
  crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void
  crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void
}

/** Expanded secret keys kept: a wallet or a validator signs with few, a load generator with thousands in turn. */
const SIGNERS_MAX = 4096

/** Verifies by the WebAssembly kernel; signs by sodium-native, or OpenSSL where the addon does not load. */
export function createNativeEd25519(signer: Signer = createSodiumSigner() ?? createOpenSslSigner()): Ed25519 {
  const { verify, isAccountKey } = wasmEd25519
  const { sign, publicKey } = signer
  return { name: `wasm+${signer.name}`, verify, isAccountKey, sign, publicKey }
}

function createSodiumSigner(): Signer | undefined {
  const sodium = loadSodium()
  if (sodium === undefined) return undefined
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
    name: 'sodium',
    sign(message, secretSeed) {
      const signature = new Uint8Array(64)
      sodium.crypto_sign_detached(signature, message, expand(secretSeed).secretKey)
      return signature
    },
    publicKey: (secretSeed) => expand(secretSeed).publicKey.slice(),
  }
}

function loadSodium(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium
  } catch {
    return undefined
  }
}
