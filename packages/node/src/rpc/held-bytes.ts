/**
 * Bytes of requests and answers that a server holds, on all connections. A part of each request is free, so that ordinary
 * ones are served even when others have filled the rest.
 */
export class HeldBytes {
  readonly #max: number
  readonly #freeBytes: number
  #used = 0

  constructor({ heldBytes, heldFreeBytes }: { readonly heldBytes: number; readonly heldFreeBytes: number }) {
    this.#max = heldBytes
    this.#freeBytes = heldFreeBytes
  }

  get used(): number {
    return this.#used
  }

  /** For one request, from its first byte until its answer is out. */
  share(): HeldShare {
    return new HeldShare(this, this.#freeBytes)
  }

  take(sizeBytes: number): boolean {
    if (this.#used + sizeBytes > this.#max) return false
    this.#used += sizeBytes
    return true
  }

  give(sizeBytes: number): void {
    this.#used -= sizeBytes
  }
}

export class HeldShare {
  readonly #held: HeldBytes
  #free: number
  #counted = 0
  #closed = false

  constructor(held: HeldBytes, freeBytes: number) {
    this.#held = held
    this.#free = freeBytes
  }

  /** False if there is no room; nothing is held then. */
  take(sizeBytes: number): boolean {
    const free = Math.min(this.#free, sizeBytes)
    if (this.#closed || !this.#held.take(sizeBytes - free)) return false
    this.#free -= free
    this.#counted += sizeBytes - free
    return true
  }

  /** Gives all back. */
  close(): void {
    if (!this.#closed) this.#held.give(this.#counted)
    this.#closed = true
  }
}
