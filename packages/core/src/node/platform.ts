import type { Ed25519, Ed25519Item, Hasher } from '../ports.ts'
import { createNativeEd25519 } from './native-ed25519.ts'
import { createNativeHasher } from './native-hasher.ts'
import { sharedVerifyPool } from './verify-pool.ts'

/** Backends for Node: native where the addon loads, WebAssembly or JavaScript where it does not. */
export const platformHasher: Hasher = createNativeHasher()
export const platformEd25519: Ed25519 = createNativeEd25519()

export function platformVerifyBatch(items: readonly Ed25519Item[]): Promise<boolean[]> {
  return sharedVerifyPool().verify(items)
}
