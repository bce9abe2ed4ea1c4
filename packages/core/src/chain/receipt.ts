import type { ShardKey } from './shard-key.ts'

export type Event = { readonly module: string; readonly name: string; readonly data: Uint8Array }

/** What became of a transaction, a delivered message or a bounce. */
export type Receipt = {
  readonly kind: number
  /** Transaction id, or the hash of the message. */
  readonly id: Uint8Array
  readonly traceId: Uint8Array
  readonly ok: boolean
  /** Empty when ok, else one of our error codes. */
  readonly code: string
  readonly gasUsed: number
  /** Motes paid on this shard. */
  readonly fee: bigint
  readonly events: readonly Event[]
  readonly messages: readonly { readonly destination: ShardKey; readonly seq: number }[]
}

export const RECEIPT_TRANSACTION = 0
export const RECEIPT_MESSAGE = 1
export const RECEIPT_BOUNCE = 2
