export {
  createVerifyPool,
  packTransactions,
  sharedVerifyPool,
  type TransactionBatch,
  type VerifiedBatch,
  type VerifyPool,
} from './verify-pool.ts'
export { VERDICT_INVALID, VERDICT_KEY, VERDICT_VALID } from './verify-job.ts'
export { createNativeEd25519 } from './native-ed25519.ts'
export { createNativeHasher } from './native-hasher.ts'
