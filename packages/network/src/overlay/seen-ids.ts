import { toHex } from '@armchain/core'

/** Remembers something of each id for a while, in bounded memory: the oldest goes when there are too many. */
export class SeenIds<Note> {
  readonly #notes: Map<string, { readonly atMs: number; readonly note: Note }> = new Map()
  readonly #countMax: number
  readonly #forMs: number

  constructor(limits: { readonly countMax: number; readonly forMs: number }) {
    this.#countMax = limits.countMax
    this.#forMs = limits.forMs
  }

  get size(): number {
    return this.#notes.size
  }

  get(id: Uint8Array): Note | undefined {
    return this.#notes.get(toHex(id))?.note
  }

  /** What is remembered of the id; `fresh` makes and keeps it if that is nothing. */
  note(id: Uint8Array, nowMs: number, fresh: () => Note): Note {
    this.#forget(nowMs)
    const key = toHex(id)
    const known = this.#notes.get(key)
    if (known !== undefined) return known.note
    const note = fresh()
    this.#notes.set(key, { atMs: nowMs, note })
    return note
  }

  /** A map keeps the order of insertion, so the oldest stand first. */
  #forget(nowMs: number): void {
    for (const [key, { atMs }] of this.#notes) {
      if (this.#notes.size < this.#countMax && nowMs - atMs <= this.#forMs) return
      this.#notes.delete(key)
    }
  }
}
