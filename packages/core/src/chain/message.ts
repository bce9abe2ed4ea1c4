import { type Codec, compile } from '../codec/codec.ts'
import { readU32 } from '../codec/primitives.ts'
import { bytes32, fieldOffset, option, type StructSchema, struct, text, u8, u32, u53, u64 } from '../codec/schema.ts'
import { NAME_BYTES_MAX } from '../limits.ts'
import { CALL_SCHEMA } from './scheme.ts'
import { SHARD_KEY_SCHEMA, type ShardKey } from './shard-key.ts'
import type { Call } from './transaction.ts'

/** Lane A: an asynchronous message from one shard to another, delivered or bounced exactly once. */
export type Message = {
  readonly source: ShardKey
  readonly destination: ShardKey
  /** Position in the channel source -> destination: contiguous from 0. */
  readonly seq: number
  /** The transaction that began it all. */
  readonly traceId: Uint8Array
  /** Messages between that transaction and this one. */
  readonly hop: number
  readonly kind: number
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly value: bigint
  /** Gas that delivery may use, paid in advance at `gasPrice`. */
  readonly gasLimit: number
  readonly gasPrice: bigint
  readonly prepaid: bigint
  /** Last main-shard height at which it is delivered; later it bounces. */
  readonly expiryHeight: number
  /** Delivered to this module's message handler; none moves the value alone. */
  readonly call?: Call | undefined
  /** Bounces: why the message was not delivered. */
  readonly cause: string
}

export const MESSAGE_DELIVER = 0
/** Returns value and unused gas to the sender; never bounces itself. */
export const MESSAGE_BOUNCE = 1

const MESSAGE_SCHEMA: StructSchema = struct(
  ['source', SHARD_KEY_SCHEMA],
  ['destination', SHARD_KEY_SCHEMA],
  ['seq', u53],
  ['traceId', bytes32],
  ['hop', u8],
  ['kind', u8],
  ['from', bytes32],
  ['to', bytes32],
  ['value', u64],
  ['gasLimit', u32],
  ['gasPrice', u64],
  ['prepaid', u64],
  ['expiryHeight', u53],
  ['call', option(CALL_SCHEMA)],
  ['cause', text(NAME_BYTES_MAX)],
)
export const messageCodec: Codec<Message> = compile(MESSAGE_SCHEMA)

const GAS_LIMIT_AT: number = fieldOffset(MESSAGE_SCHEMA, 'gasLimit') + 1

/** Gas limit of an encoded message, which may be malformed: then it counts as nothing, and its import is refused. */
export function messageGasLimit(bytes: Uint8Array): number {
  return bytes.length >= GAS_LIMIT_AT + 4 ? readU32(bytes, GAS_LIMIT_AT) : 0
}
