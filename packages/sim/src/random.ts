/**
 * Chance that can be replayed. Two kinds, for two needs:
 *
 * - a *stream* (`createRandom`), for what is drawn once and in order, such as a scenario;
 * - a *keyed draw* (`keyed`), a pure function of seed and key, for what must not shift when something before it is
 *   removed: the delay of the 7th message from 0 to 3 is the same whether or not the 6th was lost.
 */
export type Random = {
  /** 32 random bits. */
  readonly bits: () => number
  /** An integer in [0, limit). */
  readonly below: (limit: number) => number
  /** An integer in [from, to]. */
  readonly between: (from: number, to: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <Item>(items: readonly Item[]) => Item
}

/** Small fast counting generator of 128 bits of state (sfc32), seeded by 32 bits. Passes PractRand; not for secrets. */
export function createRandom(seed: number): Random {
  let a = mix(seed ^ 0x9e3779b9)
  let b = mix(a ^ 0x243f6a88)
  let c = mix(b ^ 0xb7e15162)
  let counter = 1
  const bits = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) bits()
  const below = (limit: number): number => Math.floor((bits() / 0x1_0000_0000) * limit)
  return {
    bits,
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => bits() < probability * 0x1_0000_0000,
    pick: (items) => items[below(items.length)] as never,
  }
}

/** The same bytes with one bit changed; of none, one that was drawn. */
export function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0) return noise(random, 1)
  const changed = bytes.slice()
  const at = random.below(changed.length)
  changed[at] = (changed[at] as number) ^ (1 << random.below(8))
  return changed
}

export function noise(random: Random, sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, () => random.below(256))
}

/** 32 bits that depend on the seed and all three parts of the key and on nothing else. */
export function keyed(seed: number, first: number, second: number, third: number): number {
  return mix(mix(mix(mix(seed) + first) + Math.imul(second, 0x85ebca6b)) + Math.imul(third, 0xc2b2ae35)) >>> 0
}

/** A bijection of 32 bits in which every input bit moves every output bit (the finalizer of MurmurHash3). */
export function mix(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/** 32 bits as a fraction in [0, 1). */
export function fraction(bits: number): number {
  return (bits >>> 0) / 0x1_0000_0000
}

/** A non-cryptographic digest of bytes, continued from `state`. */
export function mixBytes(state: number, bytes: Uint8Array): number {
  let x = state | 0
  let i = 0
  for (; i + 4 <= bytes.length; i += 4) {
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24)
    x = Math.imul(x ^ word, 0x9e3779b1)
    x ^= x >>> 15
  }
  for (; i < bytes.length; i++) x = Math.imul(x ^ (bytes[i] as number), 0x01000193)
  return mix(x ^ bytes.length)
}
