/** Items in one WebAssembly call; larger batches are split. Costs about 500 bytes of memory an item. */
export const BATCH_MAX = 4_096

/** Message bytes in one WebAssembly call; a larger batch is split, a larger message is hashed in parts of this size. */
export const DATA_BYTES_MAX: number = 4 * 1024 * 1024

/** Keys kept decompressed unless told otherwise: 7 MiB. */
export const KEY_CACHE_DEFAULT = 16_384

/** Most keys that may be asked for: 420 MiB. */
export const KEY_CACHE_MAX = 1_000_000

/** Points in one sum: each takes 1.5 KiB while it runs. */
export const MULTIPLY_MAX = 4_096
