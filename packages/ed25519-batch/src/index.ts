export type { Arithmetic } from './arithmetic.ts'
export { createEd25519Kernel, type Ed25519Kernel, instantiateEd25519Kernel, type KernelOptions } from './kernel.ts'
export { type Batch, type Item, type ItemBatch, packItems, type TransactionBatch } from './batch.ts'
export { BATCH_MAX, DATA_BYTES_MAX, KEY_CACHE_DEFAULT, KEY_CACHE_MAX, MULTIPLY_MAX } from './limits.ts'
