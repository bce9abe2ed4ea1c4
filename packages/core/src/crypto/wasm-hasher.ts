import { digest, hashInto } from '@chainsafe/as-sha256'
import type { Hasher } from '../ports.ts'

/** WebAssembly with SIMD where the engine has it: the fastest without a native addon. */
export const wasmHasher: Hasher = {
  name: 'as-sha256',
  sha256: (data) => digest(data),
  sha256Into: (data, out, at) => out.set(digest(data), at),
  hashPairs: (pairs, out, count) => hashInto(pairs.subarray(0, 64 * count), out.subarray(0, 32 * count)),
}
