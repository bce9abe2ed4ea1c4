/** Chance that can be replayed: a small fast counting generator (sfc32) seeded by 32 bits. Not for secrets. */
export class SeededRandom {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = mix(seed ^ 0x9e3779b9)
    this.#b = mix(this.#a ^ 0x243f6a88)
    this.#c = mix(this.#b ^ 0xb7e15162)
    for (let i = 0; i < 12; i++) this.bits()
  }

  /** 32 random bits. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor((this.bits() / 0x1_0000_0000) * limit)
  }

  chance(probability: number): boolean {
    return this.bits() < probability * 0x1_0000_0000
  }

  /** Up to so many of the items, each set as likely as another. */
  sample<Item>(items: readonly Item[], count: number): Item[] {
    const pool = [...items]
    const taken = Math.min(count, pool.length)
    for (let i = 0; i < taken; i++) {
      const other = i + this.below(pool.length - i)
      const item = pool[i] as Item
      pool[i] = pool[other] as Item
      pool[other] = item
    }
    return pool.slice(0, taken)
  }
}

/** A bijection of 32 bits in which every input bit moves every output bit (the finalizer of MurmurHash3). */
export function mix(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}
