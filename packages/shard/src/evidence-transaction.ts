import { type Call, KEY_TYPE_ED25519, MAIN_VSHARD, type Runtime, rulesVersion, signTransaction } from '@armchain/core'
import { EVIDENCE_MODULE, type ReportArgs, reportArgsCodec } from './evidence-module.ts'

/** Covers a report under any certificates: under BLS the two checks alone are 7,800. */
export const EVIDENCE_GAS_LIMIT = 20_000
/** The base fee may double four times before a report no longer fits. */
const FEE_ROOM = 16n
/** Main-shard blocks until it expires. */
const EXPIRY_BLOCKS = 1_000

/** Who reports, and what the main shard says of it now. */
export type EvidenceSender = {
  readonly publicKey: Uint8Array
  readonly sign: (message: Uint8Array) => Uint8Array
  /** Of its account on the main shard. */
  readonly nonce: number
  /** Of the main shard, in motes per unit of gas. */
  readonly baseFee: bigint
  /** Of the main shard's latest block. */
  readonly height: number
  /** What the scheme's transactions have beyond the usual fields. */
  readonly fields?: Readonly<Record<string, unknown>>
}

export function reportCall(report: ReportArgs): Call {
  return { module: EVIDENCE_MODULE, method: 'report', args: reportArgsCodec.encode(report) }
}

/** A signed transaction for the main shard that reports what an engine's `evidence` effect holds. */
export function evidenceTransaction(runtime: Runtime, report: ReportArgs, sender: EvidenceSender): Uint8Array {
  const { scheme, transactions, txDomain } = runtime
  const { publicKey, sign, nonce, baseFee, height, fields } = sender
  const unsigned = {
    version: rulesVersion(scheme, height),
    chainId: scheme.chainId,
    vShard: MAIN_VSHARD,
    keyType: KEY_TYPE_ED25519,
    senderKey: publicKey,
    nonce,
    gasLimit: EVIDENCE_GAS_LIMIT,
    maxFee: FEE_ROOM * baseFee + 1n,
    tip: 1n,
    expiryHeight: height + EXPIRY_BLOCKS,
    call: reportCall(report),
    ...fields,
  }
  return signTransaction(transactions, unsigned, txDomain, sign)
}
