import { KEY_TYPE_ED25519, type Transaction } from '../chain/transaction.ts'
import { isArmError, type Outcome, type Refusal, refuse } from '../errors.ts'
import { TX_BYTES_MAX, TX_EXPIRY_BLOCKS_MAX } from '../limits.ts'
import { GAS } from './gas.ts'
import type { CallDefinition } from './module.ts'
import type { Runtime } from './runtime.ts'

/** A transaction decoded once, with all that does not depend on state: pool and kernel share it. */
export type PreparedTransaction = {
  readonly bytes: Uint8Array
  readonly id: Uint8Array
  /** Account id of the sender. */
  readonly account: Uint8Array
  /** A view of `bytes`. */
  readonly tx: Transaction
  readonly call: CallDefinition
  readonly args: unknown
  /** Gas that it uses before its call runs. */
  readonly intrinsicGas: number
  /** What the call takes from the sender beside the fee. */
  readonly spends: bigint
}

/** Decodes and checks everything that needs no state. The signature and the ids are the caller's. */
export function prepareTransaction(
  runtime: Runtime,
  bytes: Uint8Array,
  id: Uint8Array,
  account: Uint8Array,
): Outcome<PreparedTransaction> {
  if (bytes.length > TX_BYTES_MAX)
    return refuse('ARM_TX_TOO_LARGE', `transaction has over ${TX_BYTES_MAX} bytes`, { sizeBytes: bytes.length })
  let tx: Transaction
  try {
    tx = runtime.transactions.view(bytes)
  } catch (error) {
    if (isArmError(error))
      return refuse('ARM_TX_DECODE', "transaction is not the canonical encoding of the chain's schema", {
        ...error.data,
      })
    throw error
  }
  const refusal = checkIdentity(runtime, tx)
  if (refusal !== undefined) return { ok: false, reason: refusal }
  const call = runtime.call(tx.call.module, tx.call.method)
  if (call === undefined)
    return refuse('ARM_TX_CALL_UNKNOWN', `no call ${tx.call.module}.${tx.call.method}`, {
      module: tx.call.module,
      method: tx.call.method,
    })
  let args: unknown
  try {
    args = call.decode(tx.call.args)
  } catch (error) {
    if (isArmError(error))
      return refuse('ARM_TX_CALL_ARGS', `arguments do not fit ${tx.call.module}.${tx.call.method}`, { ...error.data })
    throw error
  }
  const intrinsicGas = GAS.signature + GAS.txByte * bytes.length + GAS.accountWrite + call.gas
  if (tx.gasLimit < intrinsicGas)
    return refuse('ARM_TX_GAS_LOW', 'gas limit is below what the transaction itself costs', {
      gasLimit: tx.gasLimit,
      needed: intrinsicGas,
    })
  if (tx.gasLimit > runtime.scheme.blocks.maxGas)
    return refuse('ARM_TX_GAS_HIGH', 'gas limit is above that of a block', {
      gasLimit: tx.gasLimit,
      max: runtime.scheme.blocks.maxGas,
    })
  return { ok: true, value: { bytes, id, account, tx, call, args, intrinsicGas, spends: call.spends(args) } }
}

/** The block that a transaction would be in. */
export type NextBlock = {
  readonly vShard: number
  readonly height: number
  readonly baseFee: bigint
  /** Version of the rules in force. */
  readonly rules: number
}

/** What may change from block to block, for the pool and the kernel alike. */
export function checkAgainstBlock(tx: Transaction, { vShard, height, baseFee, rules }: NextBlock): Refusal | undefined {
  if (tx.version !== rules)
    return {
      code: 'ARM_TX_VERSION',
      message: 'transaction is of another version of the rules',
      data: { version: tx.version, expected: rules },
    }
  if (tx.vShard !== vShard)
    return { code: 'ARM_TX_SHARD', message: 'transaction is for another vShard', data: { vShard: tx.vShard } }
  if (tx.expiryHeight < height)
    return {
      code: 'ARM_TX_EXPIRED',
      message: 'transaction has expired',
      data: { expiryHeight: tx.expiryHeight, height },
    }
  if (tx.expiryHeight > height + TX_EXPIRY_BLOCKS_MAX) {
    return {
      code: 'ARM_TX_EXPIRY_FAR',
      message: `expiry is over ${TX_EXPIRY_BLOCKS_MAX} blocks ahead`,
      data: { expiryHeight: tx.expiryHeight, height },
    }
  }
  if (tx.maxFee < baseFee) {
    return {
      code: 'ARM_TX_FEE_LOW',
      message: 'max fee is below the base fee',
      data: { maxFeeMotes: tx.maxFee.toString(), baseFeeMotes: baseFee.toString() },
    }
  }
  return undefined
}

/** Price of a unit of gas for this transaction. */
export function gasPrice(tx: Transaction, baseFee: bigint): bigint {
  const wanted = baseFee + tx.tip
  return wanted < tx.maxFee ? wanted : tx.maxFee
}

function checkIdentity(runtime: Runtime, tx: Transaction): Refusal | undefined {
  const { scheme } = runtime
  if (tx.chainId !== scheme.chainId)
    return {
      code: 'ARM_TX_CHAIN',
      message: 'transaction is for another chain',
      data: { chainId: tx.chainId, expected: scheme.chainId },
    }
  if (tx.keyType !== KEY_TYPE_ED25519)
    return { code: 'ARM_TX_KEY', message: 'unknown key type', data: { keyType: tx.keyType } }
  if (!runtime.vShards.has(tx.vShard))
    return { code: 'ARM_TX_SHARD', message: 'unknown vShard', data: { vShard: tx.vShard } }
  return undefined
}
