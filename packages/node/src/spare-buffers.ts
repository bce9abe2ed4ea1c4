/** Smallest buffer that is made. */
const BYTES_MIN = 4 * 1024

/**
 * Buffers for another use. A fresh one has the system provide and clear every page as it is first touched, which takes
 * longer than writing it.
 */
export class SpareBuffers {
  readonly #bytesMax: number
  readonly #spare: ArrayBuffer[] = []
  #spareBytes = 0

  /** Keeps at most `bytesMax`. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get spareBytes(): number {
    return this.#spareBytes
  }

  /** The first `sizeBytes` of a buffer that nobody else has; what it held before may still stand in it. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#spare.findIndex(({ byteLength }) => byteLength >= sizeBytes)
    const [buffer] = at < 0 ? [] : this.#spare.splice(at, 1)
    this.#spareBytes -= buffer?.byteLength ?? 0
    return new Uint8Array(buffer ?? new ArrayBuffer(roundedUp(sizeBytes)), 0, sizeBytes)
  }

  giveBack(buffers: readonly ArrayBuffer[]): void {
    for (const buffer of buffers) {
      if (this.#spareBytes + buffer.byteLength > this.#bytesMax) continue
      this.#spare.push(buffer)
      this.#spareBytes += buffer.byteLength
    }
    this.#spare.sort((a, b) => a.byteLength - b.byteLength)
  }
}

/** Of few sizes, so that one fits the next block as well. */
function roundedUp(sizeBytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(BYTES_MIN, sizeBytes)))
}
