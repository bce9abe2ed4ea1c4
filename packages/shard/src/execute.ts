import {
  type Anchor,
  BlockExecution,
  type BlockResult,
  GAS,
  type Import,
  type Inbox,
  messageGasLimit,
  type Outcome,
  type PreparedTransaction,
  type Refusal,
  type Runtime,
  readInbox,
  refuse,
  type ShardKey,
  type StateReader,
  writeInbox,
} from '@armchain/core'
import { applyAnchors, type CheckedAnchor, owe } from './anchors.ts'
import type { CertifiedHeads } from './certified-heads.ts'
import { checkImport, type MainHead } from './imports.ts'
import { isMain, type Layout, resolveShard } from './layout.ts'

/** What surrounds one block of one shard. */
export type BlockRules = {
  readonly runtime: Runtime
  readonly layout: Layout
  readonly shard: ShardKey
  readonly height: number
  readonly timeMs: number
  readonly mainHeight: number
  readonly mainHead: (height: number) => MainHead | undefined
  /** See `AnchorRules`. */
  readonly certified?: CertifiedHeads | undefined
}

export type Executed = { readonly result: BlockResult; readonly anchors: readonly CheckedAnchor[] }

export function beginBlock(reader: StateReader, rules: BlockRules): BlockExecution {
  const { runtime, layout, shard, height, timeMs, mainHeight } = rules
  const resolve = (vShard: number, account: Uint8Array): ShardKey | undefined => resolveShard(layout, vShard, account)
  return new BlockExecution({ runtime, shard, height, timeMs, mainHeight, resolve }, reader)
}

/** Takes an import: checks it against the anchored heads and the cursor, then delivers each message. */
export function runImport(execution: BlockExecution, item: Import, rules: BlockRules): Refusal | undefined {
  const { prefix } = rules.shard
  const inbox = (source: ShardKey): Inbox => readInbox(execution.draft, source, prefix)
  const checked = checkImport(item, { ...rules, inbox })
  if (!checked.ok) return checked.reason
  const { messages } = checked.value
  writeInbox(execution.draft, item.source, prefix, checked.value.inbox)
  for (const { bytes, message } of messages) execution.message(bytes, message)
  return undefined
}

/** Runs a received block's parts in order; the first thing that does not hold makes the block invalid. */
export function executeParts(
  reader: StateReader,
  parts: {
    readonly imports: readonly Import[]
    readonly transactions: readonly PreparedTransaction[]
    readonly anchors: readonly Anchor[]
    readonly sizeBytes: number
  },
  rules: BlockRules,
): Outcome<Executed> {
  const execution = beginBlock(reader, rules)
  if (parts.sizeBytes > execution.sizeLimitBytes)
    return refuse('ARM_BLOCK_LIMIT', 'the body is larger than the limit in force', {
      sizeBytes: parts.sizeBytes,
      max: execution.sizeLimitBytes,
    })
  const gas = checkImportGas(parts.imports, rules.runtime)
  if (gas !== undefined) return { ok: false, reason: gas }
  for (const item of parts.imports) {
    const refusal = runImport(execution, item, rules)
    if (refusal !== undefined) return { ok: false, reason: refusal }
  }
  for (const prepared of parts.transactions) {
    const outcome = execution.transaction(prepared)
    if (!outcome.ok)
      return refuse('ARM_BLOCK_TX', `a transaction is not includable: ${outcome.reason.message}`, {
        cause: outcome.reason.code,
      })
  }
  if (parts.anchors.length > 0 && !isMain(rules.shard)) return refuse('ARM_ANCHOR', 'only the main shard anchors')
  const anchored = applyAnchors(parts.anchors, execution.draft, rules)
  if (!anchored.ok) return anchored
  return { ok: true, value: endBlock(execution, anchored.value, parts.sizeBytes, rules) }
}

/** Ends a block whose anchors stand in its draft. */
export function endBlock(
  execution: BlockExecution,
  anchors: readonly CheckedAnchor[],
  sizeBytes: number,
  rules: BlockRules,
): Executed {
  const { draft, outgoing } = execution
  if (isMain(rules.shard))
    for (const { message } of outgoing) owe(draft, message.destination, message.value + message.prepaid)
  return { result: execution.end(sizeBytes), anchors }
}

/** Gas that an import may use, whatever its handlers do. */
export function importGas(messagesGas: readonly number[]): number {
  return messagesGas.reduce((sum, gas) => sum + Math.max(gas, GAS.deliver), 0)
}

function checkImportGas(imports: readonly Import[], runtime: Runtime): Refusal | undefined {
  let gas = 0
  let count = 0
  for (const item of imports) {
    for (const message of item.messages) {
      gas += Math.max(messageGasLimit(message), GAS.deliver)
      count++
    }
  }
  // One message always fits, or a large one could stop its channel for ever.
  if (count <= 1 || gas <= runtime.scheme.blocks.importGas) return undefined
  return {
    code: 'ARM_BLOCK_LIMIT',
    message: 'the imports take too much gas',
    data: { gas, max: runtime.scheme.blocks.importGas },
  }
}
