import { sha256 } from '@noble/hashes/sha2.js'
import type { Hasher } from '../ports.ts'

/** The reference: plain JavaScript, runs anywhere. */
export const nobleHasher: Hasher = {
  name: 'noble',
  sha256: (data) => sha256(data),
  sha256Into: (data, out, at) => out.set(sha256(data), at),
  hashPairs(pairs, out, count) {
    for (let i = 0; i < count; i++) out.set(sha256(pairs.subarray(64 * i, 64 * i + 64)), 32 * i)
  },
}
