import { randomBytes } from 'node:crypto'
import type { BlockPlace, TransactionPlace } from '../archive-records.ts'
import { TX_ID_BYTES } from '../archive-records.ts'
import type { RecordCursor } from './merge.ts'
import { compareRecords, type IdKey, matches, placeAt, RECORD_WORDS } from './record.ts'

const RECORDS_MIN = 1_024
const DIGITS = 2 ** 16

/** The newest transactions, in flat memory: found by their ids, and sorted once they become a run. */
export class IdTable {
  #words: Uint32Array = new Uint32Array(RECORDS_MIN * RECORD_WORDS)
  /** Numbers of records plus one, open-addressed by ids; twice as many as fit, so that half are free. */
  #slots: Int32Array = new Int32Array(2 * RECORDS_MIN)
  #records = 0
  /** Drawn by each node: ids cannot be chosen to collide here. */
  readonly #salts: Int32Array = new Int32Array(new Uint8Array(randomBytes(8)).buffer)

  get records(): number {
    return this.#records
  }

  /** @param txIds - 32 bytes each, in the order of the block. */
  add({ shard, height }: BlockPlace, txIds: Uint8Array): void {
    const count = txIds.length / TX_ID_BYTES
    this.#reserve(this.#records + count)
    const view = new DataView(txIds.buffer, txIds.byteOffset, txIds.byteLength)
    const words = this.#words
    const heightHigh = Math.floor(height / 2 ** 32)
    for (let index = 0; index < count; index++) {
      const id = index * TX_ID_BYTES
      const at = (this.#records + index) * RECORD_WORDS
      words[at] = view.getUint32(id)
      words[at + 1] = view.getUint32(id + 4)
      words[at + 2] = (view.getUint16(id + 8) << 16) | heightHigh
      words[at + 3] = height
      words[at + 4] = shard
      words[at + 5] = index
    }
    this.#link(this.#records, this.#records + count)
    this.#records += count
  }

  /** Where the id may be, the latest first. */
  candidates(key: IdKey): TransactionPlace[] {
    const places: TransactionPlace[] = []
    const mask = this.#slots.length - 1
    for (let slot = this.#slot(key.word0, key.word1); ; slot = (slot + 1) & mask) {
      const record = (this.#slots[slot] as number) - 1
      if (record < 0) return places.reverse()
      if (matches(this.#words, record * RECORD_WORDS, key)) places.push(placeAt(this.#words, record * RECORD_WORDS))
    }
  }

  /** All records in their order. Nothing may be added until the cursor has been used. */
  sorted(): RecordCursor {
    const [words, order] = [this.#words, this.#order()]
    let next = 0
    return {
      words,
      at: 0,
      advance() {
        if (next === order.length) return false
        this.at = (order[next++] as number) * RECORD_WORDS
        return true
      },
    }
  }

  /** Empties it, and keeps its memory: fresh memory costs more than all that is done in it. */
  clear(): void {
    this.#records = 0
    this.#slots.fill(0)
  }

  #reserve(records: number): void {
    let capacity = this.#slots.length / 2
    if (records <= capacity) return
    while (capacity < records) capacity *= 2
    const words = new Uint32Array(capacity * RECORD_WORDS)
    words.set(this.#words.subarray(0, this.#records * RECORD_WORDS))
    this.#words = words
    this.#slots = new Int32Array(2 * capacity)
    this.#link(0, this.#records)
  }

  #link(from: number, to: number): void {
    const [words, slots] = [this.#words, this.#slots]
    const mask = slots.length - 1
    for (let record = from; record < to; record++) {
      const at = record * RECORD_WORDS
      let slot = this.#slot(words[at] as number, words[at + 1] as number)
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = record + 1
    }
  }

  #slot(word0: number, word1: number): number {
    const [salt0, salt1] = this.#salts as unknown as [number, number]
    const mixed = Math.imul(word0 ^ salt0, 0x9e3779b1) ^ Math.imul(word1 ^ salt1, 0x85ebca6b)
    return (mixed ^ (mixed >>> 15)) & (this.#slots.length - 1)
  }

  /** Numbers of the records in their order: two passes of 16 bits over the first word, whatever the ids are. */
  #order(): Uint32Array {
    const words = this.#words
    let order = new Uint32Array(this.#records)
    for (let i = 0; i < order.length; i++) order[i] = i
    let sorted = new Uint32Array(this.#records)
    for (const shift of [0, 16]) {
      const ends = new Uint32Array(DIGITS)
      const digitOf = (record: number): number => ((words[record * RECORD_WORDS] as number) >>> shift) & (DIGITS - 1)
      for (let record = 0; record < order.length; record++) (ends[digitOf(record)] as number)++
      for (let digit = 1; digit < DIGITS; digit++) (ends[digit] as number) += ends[digit - 1] as number
      for (let i = order.length - 1; i >= 0; i--) {
        const record = order[i] as number
        sorted[--(ends[digitOf(record)] as number)] = record
      }
      ;[order, sorted] = [sorted, order]
    }
    sortTies(words, order)
    return order
  }
}

/** Records that share the first word, which few do by chance, and none can make many: each costs 2^32 hashes. */
function sortTies(words: Uint32Array, order: Uint32Array): void {
  for (let i = 1; i < order.length; i++) {
    const record = order[i] as number
    let to = i
    for (; to > 0; to--) {
      const before = order[to - 1] as number
      if (words[before * RECORD_WORDS] !== words[record * RECORD_WORDS]) break
      if (compareRecords(words, before * RECORD_WORDS, words, record * RECORD_WORDS) <= 0) break
      order[to] = before
    }
    order[to] = record
  }
}
