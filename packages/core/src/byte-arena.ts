/** The first chunk, and what chunks grow to: small for a block of a few transactions, and few for a large one. */
const CHUNK_BYTES_MIN = 4 * 1024
const CHUNK_BYTES_MAX = 64 * 1024

/**
 * Byte strings cut from shared chunks, for many small ones that live and die together. A byte string of its own over 64
 * bytes lies outside the engine's heap: allocating and freeing it costs more than filling it.
 */
export class ByteArena {
  #chunk: Uint8Array = new Uint8Array(0)
  #used = 0
  #nextBytes = CHUNK_BYTES_MIN

  /** `sizeBytes` zero bytes that nobody else has; they keep at most a chunk of others alive. */
  take(sizeBytes: number): Uint8Array {
    if (sizeBytes > this.#chunk.length - this.#used) {
      this.#chunk = new Uint8Array(Math.max(sizeBytes, this.#nextBytes))
      this.#used = 0
      this.#nextBytes = Math.min(CHUNK_BYTES_MAX, 2 * this.#nextBytes)
    }
    const start = this.#used
    this.#used = start + sizeBytes
    return this.#chunk.subarray(start, this.#used)
  }
}
