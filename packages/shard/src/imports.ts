import {
  type ArmError,
  hashLeaves,
  type Import,
  type Inbox,
  isArmError,
  isMessageKind,
  MESSAGE_BOUNCE,
  type Message,
  messageCodec,
  type Outcome,
  refuse,
  type ShardKey,
  type ShardTop,
  sameShard,
  sha256,
  shardTopCodec,
  verifyMerkleRange,
} from '@armchain/core'
import { findShard, isMain, type Layout } from './layout.ts'
import { type OutboxBatch, outboxBatchCodec } from './outbox.ts'

/** What a shard knows of a main-shard head: enough to check any proof that starts there. */
export type MainHead = {
  readonly hash: Uint8Array
  readonly shardTopsRoot: Uint8Array
  readonly outboxRoot: Uint8Array
}

export type ImportRules = {
  readonly layout: Layout
  /** The importing shard. */
  readonly shard: ShardKey
  /** Main-shard height that the importing block has seen: nothing anchored later may be used. */
  readonly mainHeight: number
  readonly mainHead: (height: number) => MainHead | undefined
  /** How far the importing shard has read a source. */
  readonly inbox: (source: ShardKey) => Inbox
}

export type CheckedImport = {
  readonly messages: readonly { readonly bytes: Uint8Array; readonly message: Message }[]
  /** Where the channel stands after them. */
  readonly inbox: Inbox
}

/**
 * Checks an import: that the messages stand, in order and next in their channel, in a batch of a block that the main
 * shard has anchored. The cursor is the whole protection against replay, omission and reordering.
 *
 * The messages of a batch bring exactly the motes that the batch names, and those the main shard has set against the
 * source's supply: a committee that lies can spend what its own shard holds and nothing else.
 */
export function checkImport(item: Import, rules: ImportRules): Outcome<CheckedImport> {
  return refusingMalformed(() => {
    const anchor = knownAnchor(item, rules)
    if (!anchor.ok) return anchor
    const batch = provenBatch(item, anchor.value, rules.shard)
    if (!batch.ok) return batch
    const { next, motesLeft } = rules.inbox(item.source)
    if (batch.value.firstSeq + item.start !== next) {
      return refuse('ARM_IMPORT_SEQUENCE', 'messages are repeated, skipped or out of order', {
        expected: next,
        found: batch.value.firstSeq + item.start,
      })
    }
    const messages = provenMessages(item, batch.value)
    return messages.ok ? checkMotes(item, batch.value, messages.value, motesLeft) : messages
  })
}

/** A main-shard head and where it stands: enough to check a proof that starts there. */
export type AnchoringHead = Pick<MainHead, 'shardTopsRoot' | 'outboxRoot'> & {
  readonly shard: ShardKey
  readonly height: number
}

/**
 * What an import proves to whoever knows the main-shard head that anchors it: that the source has sent these messages
 * to `destination`, in a block that the main shard has accepted. Whether they are next in their channel, and bring the
 * motes that they name, is for the destination to check (`checkImport`).
 */
export function verifyImport(
  item: Import,
  anchor: AnchoringHead,
  destination: ShardKey,
): Outcome<CheckedImport['messages']> {
  return refusingMalformed(() => {
    if (item.anchorHeight !== anchor.height || (isMain(item.source) && !sameShard(item.source, anchor.shard)))
      return refuse('ARM_IMPORT_PROOF', 'the import is proven by another main-shard head')
    const batch = provenBatch(item, anchor, destination)
    return batch.ok ? provenMessages(item, batch.value) : batch
  })
}

function refusingMalformed<Value>(check: () => Outcome<Value>): Outcome<Value> {
  try {
    return check()
  } catch (error) {
    if (!isArmError(error)) throw error
    return refuse('ARM_IMPORT_PROOF', 'a part of the import is malformed', { ...(error as ArmError).data })
  }
}

function knownAnchor(item: Import, { layout, mainHeight, mainHead }: ImportRules): Outcome<MainHead> {
  // A shard is a source of its own too: a module sends by vShard and account, wherever both live after a split.
  if (findShard(layout, item.source) === undefined) return refuse('ARM_IMPORT_PROOF', 'unknown source shard')
  if (item.anchorHeight > mainHeight)
    return refuse('ARM_IMPORT_PROOF', 'the source is anchored later than this block has seen', {
      anchorHeight: item.anchorHeight,
      mainHeight,
    })
  const anchor = mainHead(item.anchorHeight)
  if (anchor !== undefined) return { ok: true, value: anchor }
  return refuse('ARM_IMPORT_PROOF', 'unknown main-shard head', { anchorHeight: item.anchorHeight })
}

type Roots = Pick<MainHead, 'shardTopsRoot' | 'outboxRoot'>

function anchoredOutboxRoot(item: Import, anchor: Roots): Outcome<Uint8Array> {
  if (isMain(item.source)) {
    const placed = item.top !== undefined || item.topIndex !== 0 || item.topCount !== 0 || item.topProof.length > 0
    if (placed || item.sourceHeight !== item.anchorHeight)
      return refuse('ARM_IMPORT_PROOF', 'a message of the main shard has no shard top')
    return { ok: true, value: anchor.outboxRoot }
  }
  if (item.top === undefined) return refuse('ARM_IMPORT_PROOF', 'the shard top is missing')
  const top: ShardTop = shardTopCodec.decode(item.top)
  const placed = verifyMerkleRange(anchor.shardTopsRoot, item.topCount, item.topIndex, sha256(item.top), item.topProof)
  if (!placed) return refuse('ARM_IMPORT_PROOF', 'the shard top is not anchored there')
  if (!sameShard(top.shard, item.source) || top.height !== item.sourceHeight)
    return refuse('ARM_IMPORT_PROOF', 'the shard top is of another block')
  return { ok: true, value: top.outboxRoot }
}

function provenBatch(item: Import, anchor: Roots, destination: ShardKey): Outcome<OutboxBatch> {
  const root = anchoredOutboxRoot(item, anchor)
  if (!root.ok) return root
  const batch = outboxBatchCodec.decode(item.batch)
  if (!sameShard(batch.destination, destination)) return refuse('ARM_IMPORT_PROOF', 'the batch is for another shard')
  const placed = verifyMerkleRange(root.value, item.batchCount, item.batchIndex, sha256(item.batch), item.batchProof)
  return placed ? { ok: true, value: batch } : refuse('ARM_IMPORT_PROOF', 'the batch is not under the outbox root')
}

function provenMessages(item: Import, batch: OutboxBatch): Outcome<CheckedImport['messages']> {
  const placed = verifyMerkleRange(batch.root, batch.count, item.start, hashLeaves(item.messages), item.rangeProof)
  if (!placed) return refuse('ARM_IMPORT_PROOF', 'the messages are not those of the batch')
  const messages = item.messages.map((bytes) => ({ bytes, message: messageCodec.decode(bytes) }))
  const consistent = messages.every(
    ({ message }, i) =>
      sameShard(message.source, item.source) &&
      sameShard(message.destination, batch.destination) &&
      message.seq === batch.firstSeq + item.start + i &&
      isMessageKind(message.kind),
  )
  return consistent ? { ok: true, value: messages } : refuse('ARM_IMPORT_PROOF', 'a message contradicts its channel')
}

function checkMotes(
  { start }: Import,
  batch: OutboxBatch,
  messages: CheckedImport['messages'],
  motesLeft: bigint,
): Outcome<CheckedImport> {
  if (!messages.every(({ message }) => isPrepaid(message)))
    return refuse('ARM_IMPORT_MOTES', 'a message has not prepaid exactly its gas')
  const brought = messages.reduce((sum, { message }) => sum + message.value + message.prepaid, 0n)
  const left = (start === 0 ? batch.motes : motesLeft) - brought
  const whole = start + messages.length === batch.count
  if (left < 0n || (whole && left !== 0n))
    return refuse('ARM_IMPORT_MOTES', 'the messages do not bring what their batch accounts for', {
      batchMotes: batch.motes.toString(),
    })
  const next = batch.firstSeq + start + messages.length
  return { ok: true, value: { messages, inbox: { next, motesLeft: left } } }
}

/** A delivery has paid its gas at its price; a bounce needs none. */
function isPrepaid({ kind, gasLimit, gasPrice, prepaid }: Message): boolean {
  return kind === MESSAGE_BOUNCE ? gasLimit === 0 && prepaid === 0n : prepaid === BigInt(gasLimit) * gasPrice
}
