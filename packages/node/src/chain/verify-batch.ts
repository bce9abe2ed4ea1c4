import type { PreparedTransaction, Runtime } from '@armchain/core'
import { packTransactions, VERDICT_VALID, type VerifiedBatch, type VerifyPool } from '@armchain/core/node'
import { INTAKE_BATCH } from '../limits.ts'

/** Has the verifying threads check a batch of transactions, and compute their ids and accounts. */
export function verifyBatch(
  verifier: VerifyPool,
  { txDomain, types }: Runtime,
  transactions: readonly PreparedTransaction[],
): Promise<VerifiedBatch> {
  return verifier.verifyTransactions({
    ...packTransactions(transactions.map(({ bytes }) => bytes)),
    domain: txDomain,
    keyOffset: types.senderKeyOffset,
  })
}

/** Whether all signatures hold and their keys may own accounts, however many there are. */
export async function verifyAll(
  verifier: VerifyPool,
  runtime: Runtime,
  transactions: readonly PreparedTransaction[],
): Promise<boolean> {
  const batches: Promise<VerifiedBatch>[] = []
  for (let i = 0; i < transactions.length; i += INTAKE_BATCH)
    batches.push(verifyBatch(verifier, runtime, transactions.slice(i, i + INTAKE_BATCH)))
  return (await Promise.all(batches)).every(({ verdicts }) => verdicts.every((verdict) => verdict === VERDICT_VALID))
}
