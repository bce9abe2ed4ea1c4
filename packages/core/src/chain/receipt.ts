import type { ShardKey } from './shard-key.ts'

export type Event = { readonly module: string; readonly name: string; readonly data: Uint8Array }

/** What became of a transaction, a delivered message or a bounce; or what modules did around a block. */
export type Receipt = {
  readonly kind: number
  /** Transaction id, or the hash of the message; zeros for a block's own. */
  readonly id: Uint8Array
  readonly traceId: Uint8Array
  readonly ok: boolean
  /** Empty when ok, else one of our error codes. */
  readonly code: string
  readonly gasUsed: number
  /** Motes paid on this shard. */
  readonly fee: bigint
  readonly events: readonly Event[]
  readonly messages: readonly SentMessage[]
}

/** A message that was sent: its place in its channel, and the motes that it moves. */
export type SentMessage = { readonly destination: ShardKey; readonly seq: number; readonly value: bigint }

export const RECEIPT_TRANSACTION = 0
export const RECEIPT_MESSAGE = 1
export const RECEIPT_BOUNCE = 2
/** Events of module hooks, which no transaction caused; the first of its block, where there are any. */
export const RECEIPT_BLOCK = 3
