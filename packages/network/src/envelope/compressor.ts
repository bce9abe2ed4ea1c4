/**
 * Compression of bodies. In Node it is `zlib.zstdCompressSync` and `zlib.zstdDecompressSync` with `maxOutputLength`; a
 * platform without zstd has none, and then ignores what comes compressed.
 */
export interface Compressor {
  compress(bytes: Uint8Array): Uint8Array
  /**
   * Never makes more than `maxBytes`, whatever the input claims: it stops there.
   *
   * @throws Anything, if the input is malformed or would give more.
   */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array
}
