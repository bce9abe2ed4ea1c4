import { nobleEd25519 } from './crypto/noble-ed25519.ts'
import { nobleHasher } from './crypto/noble-hasher.ts'
import type { Ed25519, Ed25519Item, Hasher } from './ports.ts'

/** Backends for browsers and every other platform that is not Node. */
export const platformHasher: Hasher = await loadHasher()
export const platformEd25519: Ed25519 = nobleEd25519

/** Signatures checked between two turns of the event loop: about 50 ms. */
const TURN = 16

export async function platformVerifyBatch(items: readonly Ed25519Item[]): Promise<boolean[]> {
  const verdicts: boolean[] = []
  for (const item of items) {
    if (verdicts.length % TURN === TURN - 1) await new Promise((resolve) => globalThis.setTimeout(resolve, 0))
    verdicts.push(nobleEd25519.verify(item))
  }
  return verdicts
}

/** Where a policy of the page or of the device forbids WebAssembly, merely loading that module throws. */
async function loadHasher(): Promise<Hasher> {
  try {
    return (await import('./crypto/wasm-hasher.ts')).wasmHasher
  } catch {
    return nobleHasher
  }
}
