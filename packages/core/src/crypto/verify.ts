import { platformEd25519, platformVerifyBatch } from '#platform'
import type { Ed25519, Ed25519Item } from '../ports.ts'

let active: Ed25519 = platformEd25519

export function activeEd25519(): Ed25519 {
  return active
}

export function useEd25519(backend: Ed25519): void {
  active = backend
}

/**
 * Checks ed25519 signatures under the ZIP215 rule exactly: cofactored, s below the group order, points in any
 * encoding. This is the path that a node's transactions take: the WebAssembly kernel, in Node on worker threads; the
 * reference where WebAssembly is forbidden.
 *
 * @returns One verdict an item, in order. Keys and signatures of a wrong length are false.
 * @see https://zips.z.cash/zip-0215
 */
export function verifyEd25519Batch(items: readonly Ed25519Item[]): Promise<boolean[]> {
  return platformVerifyBatch(items)
}
