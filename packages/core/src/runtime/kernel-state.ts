import { formatShardKey, type ShardKey } from '../chain/shard-key.ts'
import { type Codec, compile } from '../codec/codec.ts'
import { struct, u32, u53, u64 } from '../codec/schema.ts'
import { SHARD_OWNER, type StateReader } from '../state/shard-state.ts'
import type { Draft } from './draft.ts'

/** What the kernel keeps of a shard from block to block, in the shard's own tree. */
export type KernelState = {
  readonly baseFee: bigint
  readonly sizeLimitBytes: number
  readonly burnt: bigint
  /** Modulo 2^64, as `received`: what ever crossed may exceed the supply many times, and only differences count. */
  readonly sent: bigint
  readonly received: bigint
  /** Sum of balances, burnt and sent less received at genesis: constant ever after. */
  readonly genesisMotes: bigint
  /** Main-shard height that the last block had seen: the next sees no less. */
  readonly mainHeight: number
}

const codec: Codec<KernelState> = compile(
  struct(
    ['baseFee', u64],
    ['sizeLimitBytes', u32],
    ['burnt', u64],
    ['sent', u64],
    ['received', u64],
    ['genesisMotes', u64],
    ['mainHeight', u53],
  ),
)
const inboxCodec: Codec<Inbox> = compile(struct(['next', u53], ['motesLeft', u64]))
const sequenceCodec: Codec<{ readonly next: number }> = compile(struct(['next', u53]))

const KEY = 'kernel/state'
/** By the entry's bytes, which nobody changes: it is read for every transaction that is offered, and written once a block. */
const decoded: WeakMap<Uint8Array, KernelState> = new WeakMap()

export function readKernelState(reader: Pick<StateReader, 'entry'>): KernelState | undefined {
  const value = reader.entry(SHARD_OWNER, KEY)
  if (value === undefined) return undefined
  let state = decoded.get(value)
  if (state === undefined) {
    state = codec.decode(value)
    decoded.set(value, state)
  }
  return state
}

export function writeKernelState(draft: Draft, state: KernelState): void {
  draft.setEntry(SHARD_OWNER, KEY, codec.encode(state))
}

/** Next sequence number of the channel from this shard to `destination`. */
export function readOutboxNext(reader: Pick<StateReader, 'entry'>, destination: ShardKey): number {
  const value = reader.entry(SHARD_OWNER, `outbox/${formatShardKey(destination)}`)
  return value === undefined ? 0 : sequenceCodec.decode(value).next
}

export function writeOutboxNext(draft: Draft, destination: ShardKey, next: number): void {
  draft.setEntry(SHARD_OWNER, `outbox/${formatShardKey(destination)}`, sequenceCodec.encode({ next }))
}

/**
 * How far a shard has read a channel, for the accounts under one prefix: after a merge two positions of one old channel
 * live side by side.
 */
export type Inbox = {
  /** The cursor: the next message to take. It alone is the protection against replay. */
  readonly next: number
  /** What the messages of a batch that is read in part may still bring: never more than its source has accounted for. */
  readonly motesLeft: bigint
}

export function readInbox(reader: Pick<StateReader, 'entry'>, source: ShardKey, prefix: bigint): Inbox {
  const value = reader.entry(SHARD_OWNER, inboxKey(source, prefix))
  return value === undefined ? { next: 0, motesLeft: 0n } : inboxCodec.decode(value)
}

export function writeInbox(draft: Draft, source: ShardKey, prefix: bigint, inbox: Inbox): void {
  draft.setEntry(SHARD_OWNER, inboxKey(source, prefix), inboxCodec.encode(inbox))
}

function inboxKey(source: ShardKey, prefix: bigint): string {
  return `inbox/${formatShardKey(source)}/${prefix.toString(16)}`
}
