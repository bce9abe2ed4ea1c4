import { compareRecords } from './record.ts'
import type { RunWriter } from './run.ts'

/** Records in their order: after each `advance` that gives true, one is at `at` of `words`. */
export interface RecordCursor {
  words: Uint32Array
  at: number
  advance(): boolean
}

/** Merges sorted records into a run, a slice at a time. */
export class Merge {
  readonly #writer: RunWriter
  readonly #cursors: RecordCursor[]
  /** First words of the records that the cursors are at. */
  readonly #heads: number[]

  constructor(cursors: readonly RecordCursor[], writer: RunWriter) {
    this.#writer = writer
    this.#cursors = cursors.filter((cursor) => cursor.advance())
    this.#heads = this.#cursors.map(({ words, at }) => words[at] as number)
  }

  /** Takes up to `records`; gives whether there are more. */
  step(records: number): boolean {
    const [cursors, heads, writer] = [this.#cursors, this.#heads, this.#writer]
    for (let taken = 0; taken < records && cursors.length > 0; taken++) {
      const least = this.#least()
      const cursor = cursors[least] as RecordCursor
      writer.add(cursor.words, cursor.at)
      if (cursor.advance()) heads[least] = cursor.words[cursor.at] as number
      else {
        cursors.splice(least, 1)
        heads.splice(least, 1)
      }
    }
    return cursors.length > 0
  }

  #least(): number {
    const [cursors, heads] = [this.#cursors, this.#heads]
    let least = 0
    for (let i = 1; i < heads.length; i++) {
      if ((heads[i] as number) > (heads[least] as number)) continue
      const [left, right] = [cursors[i] as RecordCursor, cursors[least] as RecordCursor]
      if (heads[i] !== heads[least] || compareRecords(left.words, left.at, right.words, right.at) < 0) least = i
    }
    return least
  }
}
