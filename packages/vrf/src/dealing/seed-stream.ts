import { concatBytes, invariant, sha256, signingDomain } from '@armchain/core'
import type { ChainDomain } from '../ecvrf/alpha.ts'

/** What a seed is used for: streams of different purposes have nothing in common. */
export type SeedPurpose = 'pools' | 'witnesses' | 'term' | 'epoch'

/** A seed of one purpose on one chain, out of encoded parts. */
export function deriveSeed(domain: ChainDomain, purpose: SeedPurpose, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(concatBytes(signingDomain(domain.genesisHash, `seed/${purpose}`, domain.schemaVersion), ...parts))
}

const WORDS_PER_BLOCK = 8
const WORD_RANGE = 2 ** 32

/**
 * Uniform integers out of a seed of 32 bytes: block i is SHA-256(seed || i as 8 bytes, big-endian), read as eight 32-bit
 * words. Values that would favour small results are drawn again, so every result has exactly the same chance; for
 * that, a draw may use several words.
 */
export class SeedStream {
  /** Seed and counter, hashed as they are. */
  readonly #input: Uint8Array = new Uint8Array(40)
  readonly #counter: DataView = new DataView(this.#input.buffer, 32)
  #block: DataView = new DataView(new ArrayBuffer(0))
  #blocks = 0
  #word = WORDS_PER_BLOCK

  constructor(seed: Uint8Array) {
    invariant(seed.length === 32, 'a seed has 32 bytes')
    this.#input.set(seed)
  }

  /** An integer from 0 to below `bound`, which is from 1 to 2^32. */
  below(bound: number): number {
    invariant(Number.isInteger(bound) && bound >= 1 && bound <= WORD_RANGE, 'a bound is from 1 to 2^32')
    const accepted = WORD_RANGE - (WORD_RANGE % bound)
    let word = this.#next()
    while (word >= accepted) word = this.#next()
    return word % bound
  }

  #next(): number {
    if (this.#word === WORDS_PER_BLOCK) {
      this.#counter.setUint32(0, Math.floor(this.#blocks / WORD_RANGE))
      this.#counter.setUint32(4, this.#blocks % WORD_RANGE)
      const block = sha256(this.#input)
      this.#block = new DataView(block.buffer, block.byteOffset, 32)
      this.#blocks++
      this.#word = 0
    }
    return this.#block.getUint32(4 * this.#word++)
  }
}

/**
 * `count` of the items in random order, each ordered choice with the same chance: the first steps of a Fisher-Yates
 * shuffle. Which items are chosen depends on where they stand in the list; with what chance does not.
 */
export function sample<Item>(items: readonly Item[], count: number, stream: SeedStream): Item[] {
  invariant(count >= 0 && count <= items.length, 'a sample is no larger than what it is taken from')
  const rest = [...items]
  for (let i = 0; i < count; i++) {
    const chosen = i + stream.below(rest.length - i)
    const item = rest[chosen] as Item
    rest[chosen] = rest[i] as Item
    rest[i] = item
  }
  rest.length = count
  return rest
}
