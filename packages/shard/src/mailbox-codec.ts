import {
  ArmError,
  blob,
  bytes32,
  type Codec,
  compile,
  list,
  messageCodec,
  option,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  struct,
  u32,
  u53,
} from '@armchain/core'
import type { BatchWithMessages } from './outbox.ts'
import { outboxBatchCodec } from './outbox.ts'

/** Waiting messages as a snapshot stores them. */
export type StoredMail = {
  readonly source: ShardKey
  readonly sourceHeight: number
  readonly anchorHeight: number
  readonly top?: Uint8Array | undefined
  readonly topIndex: number
  readonly topCount: number
  readonly topProof: readonly Uint8Array[]
  readonly batchIndex: number
  readonly batchCount: number
  readonly batchProof: readonly Uint8Array[]
  readonly batch: StoredBatch
}

export type StoredBatch = { readonly encoded: Uint8Array; readonly messages: readonly Uint8Array[] }
export type StoredOutbox = {
  readonly source: ShardKey
  readonly height: number
  readonly batches: readonly StoredBatch[]
}
export type StoredAwaited = Pick<
  StoredMail,
  'source' | 'anchorHeight' | 'top' | 'topIndex' | 'topCount' | 'topProof'
> & {
  readonly height: number
}
export type StoredMailbox = {
  readonly outboxes: readonly StoredOutbox[]
  readonly awaited: readonly StoredAwaited[]
  readonly mail: readonly StoredMail[]
}

const MAX = 2 ** 24
/** Where an anchored head stands in the main-shard block that anchors it. */
const PLACE = [
  ['anchorHeight', u53],
  ['top', option(blob(512))],
  ['topIndex', u32],
  ['topCount', u32],
  ['topProof', list(bytes32, 64)],
] as const
const BATCH = struct(['encoded', blob(512)], ['messages', list(blob(131_072), 65_536)])

export const mailboxCodec: Codec<StoredMailbox> = compile(
  struct(
    ['outboxes', list(struct(['source', SHARD_KEY_SCHEMA], ['height', u53], ['batches', list(BATCH, 65_536)]), MAX)],
    ['awaited', list(struct(['source', SHARD_KEY_SCHEMA], ['height', u53], ...PLACE), MAX)],
    [
      'mail',
      list(
        struct(
          ['source', SHARD_KEY_SCHEMA],
          ['sourceHeight', u53],
          ...PLACE,
          ['batchIndex', u32],
          ['batchCount', u32],
          ['batchProof', list(bytes32, 64)],
          ['batch', BATCH],
        ),
        MAX,
      ),
    ],
  ),
)

export function storeBatch({ encoded, messages }: BatchWithMessages): StoredBatch {
  return { encoded, messages }
}

export function restoreBatch({ encoded, messages }: StoredBatch): BatchWithMessages {
  const batch = outboxBatchCodec.decode(encoded)
  if (batch.count !== messages.length)
    throw new ArmError('ARM_CODEC_INPUT', 'a stored batch has not the messages that it names', { count: batch.count })
  const gas = messages.map((message) => messageCodec.decode(message).gasLimit)
  return { batch, encoded, messages, gas }
}
