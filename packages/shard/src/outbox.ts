import {
  bytes32,
  type Codec,
  compareShards,
  compile,
  formatShardKey,
  hashLeaves,
  merkleListRoot,
  merkleRangeProof,
  type OutgoingMessage,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  struct,
  u32,
  u53,
  u64,
} from '@armchain/core'

/**
 * Messages of one block, by destination. The head's outbox root is a Merkle list of the batches in order of their
 * destination, each with the root over its messages: so a message is proven by three short paths, from the message
 * to its batch, to the head, to the main-shard head that anchors it.
 *
 * Deviation: `notes` propose one growing tree a channel. Every head is anchored exactly once and in order, so one
 * batch a block proves the same with no state that grows, and a whole batch is proven by recomputing its root.
 */
export type OutboxBatch = {
  readonly destination: ShardKey
  readonly firstSeq: number
  readonly count: number
  readonly root: Uint8Array
  readonly sizeBytes: number
  readonly gas: number
  /** Motes in flight with it: values and prepaid gas. */
  readonly motes: bigint
}

export type BatchWithMessages = {
  readonly batch: OutboxBatch
  /** The encoded batch, of which the outbox root is made. */
  readonly encoded: Uint8Array
  readonly messages: readonly Uint8Array[]
  /** Gas that delivering each message may use. */
  readonly gas: readonly number[]
}

export type Outbox = { readonly root: Uint8Array; readonly batches: readonly BatchWithMessages[] }

export const outboxBatchCodec: Codec<OutboxBatch> = compile(
  struct(
    ['destination', SHARD_KEY_SCHEMA],
    ['firstSeq', u53],
    ['count', u32],
    ['root', bytes32],
    ['sizeBytes', u32],
    ['gas', u53],
    ['motes', u64],
  ),
)

/** Zero when a block sends nothing. */
const EMPTY_ROOT = new Uint8Array(32)

export function createOutbox(outgoing: readonly OutgoingMessage[]): Outbox {
  const byDestination = new Map<string, OutgoingMessage[]>()
  for (const message of outgoing) {
    const key = formatShardKey(message.message.destination)
    const list = byDestination.get(key)
    if (list === undefined) byDestination.set(key, [message])
    else list.push(message)
  }
  const batches = [...byDestination.values()].map(createBatch)
  batches.sort((a, b) => compareShards(a.batch.destination, b.batch.destination))
  return outboxOf(batches)
}

/** The outbox root over encoded batches, in order of their destinations. */
export function outboxRoot(encoded: readonly Uint8Array[]): Uint8Array {
  return encoded.length === 0 ? EMPTY_ROOT : merkleListRoot(hashLeaves(encoded))
}

export function outboxOf(batches: readonly BatchWithMessages[]): Outbox {
  return { root: outboxRoot(batches.map(({ encoded }) => encoded)), batches }
}

/** Place of a batch under the outbox root. */
export function proveBatch(outbox: Outbox, index: number): Uint8Array[] {
  return merkleRangeProof(hashLeaves(outbox.batches.map(({ encoded }) => encoded)), index, index + 1)
}

/** Place of messages `[start, end)` under their batch's root. */
export function proveMessages({ messages }: BatchWithMessages, start: number, end: number): Uint8Array[] {
  return merkleRangeProof(hashLeaves(messages), start, end)
}

function createBatch(outgoing: readonly OutgoingMessage[]): BatchWithMessages {
  const messages = outgoing.map(({ bytes }) => bytes)
  const first = (outgoing[0] as OutgoingMessage).message
  const gas = outgoing.map(({ message }) => message.gasLimit)
  const batch: OutboxBatch = {
    destination: first.destination,
    firstSeq: first.seq,
    count: messages.length,
    root: merkleListRoot(hashLeaves(messages)),
    sizeBytes: messages.reduce((sum, message) => sum + message.length, 0),
    gas: gas.reduce((sum, each) => sum + each, 0),
    motes: outgoing.reduce((sum, { message }) => sum + message.value + message.prepaid, 0n),
  }
  return { batch, encoded: outboxBatchCodec.encode(batch), messages, gas }
}
