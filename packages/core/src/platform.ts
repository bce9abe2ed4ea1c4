import { nobleEd25519 } from './crypto/noble-ed25519.ts'
import { nobleHasher } from './crypto/noble-hasher.ts'
import type { Ed25519, Ed25519Item, Hasher } from './ports.ts'

/**
 * Backends for browsers and every other platform that is not Node. Where a policy of the page or of the device forbids
 * WebAssembly, those in JavaScript take their place: the same results, slower.
 */
export const platformHasher: Hasher = await loadHasher()
const wasm = await loadEd25519()
export const platformEd25519: Ed25519 = wasm?.wasmEd25519 ?? nobleEd25519

/** Signatures checked between two turns of the event loop: about 10 ms in WebAssembly, 50 ms in JavaScript. */
const TURN = wasm === undefined ? 16 : 512

export async function platformVerifyBatch(items: readonly Ed25519Item[]): Promise<boolean[]> {
  const verdicts: boolean[] = []
  for (let start = 0; start < items.length; start += TURN) {
    if (start > 0) await new Promise((resolve) => globalThis.setTimeout(resolve, 0))
    const part = items.slice(start, start + TURN)
    verdicts.push(...(wasm?.verifyItems(part) ?? part.map((item) => nobleEd25519.verify(item))))
  }
  return verdicts
}

/** Merely loading that module throws where WebAssembly is forbidden. */
async function loadHasher(): Promise<Hasher> {
  try {
    return (await import('./crypto/wasm-hasher.ts')).wasmHasher
  } catch {
    return nobleHasher
  }
}

async function loadEd25519(): Promise<typeof import('./crypto/wasm-ed25519.ts') | undefined> {
  try {
    const loaded = await import('./crypto/wasm-ed25519.ts')
    loaded.verifyItems([])
    return loaded
  } catch {
    return undefined
  }
}
