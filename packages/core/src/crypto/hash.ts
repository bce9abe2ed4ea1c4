import { platformHasher } from '#platform'
import type { Hasher } from '../ports.ts'

/** The protocol's hash. All backends give the same bytes; the platform's fastest is used unless told otherwise. */
let active: Hasher = platformHasher

export function activeHasher(): Hasher {
  return active
}

export function useHasher(hasher: Hasher): void {
  active = hasher
}

export function sha256(data: Uint8Array): Uint8Array {
  return active.sha256(data)
}

/** See `Hasher.sha256Into`. */
export function sha256Into(data: Uint8Array, out: Uint8Array, at: number): void {
  active.sha256Into(data, out, at)
}

/** See `Hasher.hashPairs`. */
export function hashPairs(pairs: Uint8Array, out: Uint8Array, count: number): void {
  if (count > 0) active.hashPairs(pairs, out, count)
}
