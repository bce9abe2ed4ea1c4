/**
 * A transaction in the index: six words of 32 bits.
 *
 * | word | holds |
 * | --- | --- |
 * | 0, 1 | bytes 0 to 7 of the id, big-endian, so that words sort as ids do |
 * | 2 | bytes 8 and 9 of the id, then bits 32 to 47 of the height |
 * | 3 | bits 0 to 31 of the height |
 * | 4 | shard |
 * | 5 | index in the block |
 *
 * Ten bytes of an id do not prove that a transaction is there: whoever finds a record compares the whole id with the
 * block's own list. So chosen collisions (2^40 hashes) cost a reader a look at one more block and never an answer, and a
 * block may go, or be replaced, without its records being deleted.
 */
import type { TransactionPlace } from '../archive-records.ts'

export const RECORD_WORDS = 6

/** The part of an id that is in its record. */
export type IdKey = { readonly word0: number; readonly word1: number; readonly half2: number }

/** @param txId - 32 bytes. */
export function keyOf(txId: Uint8Array): IdKey {
  const view = new DataView(txId.buffer, txId.byteOffset, txId.byteLength)
  return { word0: view.getUint32(0), word1: view.getUint32(4), half2: view.getUint16(8) }
}

/** Whether the record at `at` of `words` may be that of the id. */
export function matches(words: Uint32Array, at: number, { word0, word1, half2 }: IdKey): boolean {
  return words[at] === word0 && words[at + 1] === word1 && (words[at + 2] as number) >>> 16 === half2
}

export function placeAt(words: Uint32Array, at: number): TransactionPlace {
  return {
    shard: words[at + 4] as number,
    height: ((words[at + 2] as number) & 0xffff) * 2 ** 32 + (words[at + 3] as number),
    index: words[at + 5] as number,
  }
}

/** The order of runs: by id, then by place. Zero for records that are the same. */
export function compareRecords(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number): number {
  for (let i = 0; i < RECORD_WORDS; i++) {
    const [left, right] = [a[aAt + i] as number, b[bAt + i] as number]
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}
