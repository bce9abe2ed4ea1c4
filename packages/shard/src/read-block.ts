import {
  accountIdOf,
  type Block,
  type Body,
  bodyCodec,
  type Details,
  type Head,
  headCodec,
  isArmError,
  type Outcome,
  type PreparedTransaction,
  prepareTransaction,
  type Runtime,
  refuse,
  transactionId,
} from '@armchain/core'

/** A block with everything that can be known of it without the chain. */
export type ReadBlock = {
  readonly block: Omit<Block, 'certificate'>
  readonly head: Head
  readonly details: Details
  readonly body: Body
  readonly transactions: readonly PreparedTransaction[]
}

/** Decodes a block and its transactions; their signatures are left to the caller. */
export function readBlock(block: Omit<Block, 'certificate'>, runtime: Runtime): Outcome<ReadBlock> {
  const decoded = decodeBlock(block, runtime)
  if (!decoded.ok) return decoded
  const keyOffset = runtime.types.senderKeyOffset
  const transactions: PreparedTransaction[] = []
  for (const bytes of decoded.value.body.transactions) {
    const account = accountIdOf(bytes.subarray(keyOffset, keyOffset + 32))
    const prepared = prepareTransaction(runtime, bytes, transactionId(bytes), account)
    if (!prepared.ok)
      return refuse('ARM_BLOCK_TX', `a transaction is malformed: ${prepared.reason.message}`, {
        cause: prepared.reason.code,
      })
    transactions.push(prepared.value)
  }
  return { ok: true, value: { block, ...decoded.value, transactions } }
}

/** Decodes a block's three parts. */
export function decodeBlock(
  block: Omit<Block, 'certificate'>,
  runtime: Runtime,
): Outcome<{ head: Head; details: Details; body: Body }> {
  try {
    return {
      ok: true,
      value: {
        head: headCodec.decode(block.head),
        details: runtime.details.decode(block.details),
        body: bodyCodec.decode(block.body),
      },
    }
  } catch (error) {
    if (!isArmError(error)) throw error
    return refuse('ARM_BLOCK_DECODE', 'a part of the block is malformed', { ...error.data })
  }
}
