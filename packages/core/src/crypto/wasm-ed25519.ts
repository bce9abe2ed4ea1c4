import { createEd25519Kernel, type Ed25519Kernel } from '@armchain/ed25519-batch'
import type { Ed25519, Ed25519Item } from '../ports.ts'
import { nobleEd25519 } from './noble-ed25519.ts'

let kernel: Ed25519Kernel | undefined

/** The thread's kernel, started on first use. */
function started(): Ed25519Kernel {
  kernel ??= createEd25519Kernel()
  return kernel
}

/**
 * Verification by the WebAssembly kernel: the ZIP215 rule in a twentieth of the reference's time. Keys and signatures of
 * one's own are the reference's, as the kernel is not constant in time.
 */
export const wasmEd25519: Ed25519 = {
  ...nobleEd25519,
  name: 'wasm',
  verify: ({ publicKey, message, signature }) => started().verify(publicKey, message, signature),
  isAccountKey: (publicKey) => started().isAccountKey(publicKey),
}

/** Many at once, each by the same rule; a signature costs a quarter of what it costs alone. */
export function verifyItems(items: readonly Ed25519Item[]): boolean[] {
  return started().verifyItems(items)
}
