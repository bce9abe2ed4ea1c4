import { type Codec, compile } from '../codec/codec.ts'
import { blob, bytes32, list, option, type StructSchema, struct, u32, u53 } from '../codec/schema.ts'
import { sha256 } from '../crypto/hash.ts'
import { BLOCK_TXS_MAX, SHARDS_MAX, TX_BYTES_MAX } from '../limits.ts'
import { SHARD_KEY_SCHEMA, type ShardKey } from './shard-key.ts'

/**
 * The anchor head: short, of fixed layout, and all that a certificate signs. A foreign verifier checks one hash and
 * one committee; everything of variable length lies behind `bodyHash`.
 */
export type Head = {
  readonly genesis: Uint8Array
  readonly shard: ShardKey
  readonly epoch: number
  readonly view: number
  readonly height: number
  /** Milliseconds since the Unix epoch, never below the parent's. */
  readonly timeMs: number
  readonly stateRoot: Uint8Array
  /** Merkle list of the messages sent in this block, by destination. */
  readonly outboxRoot: Uint8Array
  /** Main shard: Merkle list of the shard heads anchored in this block. */
  readonly shardTopsRoot: Uint8Array
  /** Main shard of a parent chain: the same for worker chains. */
  readonly workerTopsRoot: Uint8Array
  readonly committeesRoot: Uint8Array
  /** Set in the last head of an epoch, else zero. */
  readonly nextCommittee: Uint8Array
  /** SHA-256 of the encoded details. */
  readonly bodyHash: Uint8Array
}

/** Motes by where they are; the sum over all shards, with what is sent but not yet received, never changes. */
export type Supply = {
  readonly balances: bigint
  /** Ever burnt on this shard. */
  readonly burnt: bigint
  /** Ever put into cross-shard messages, prepaid gas included; modulo 2^64, as only differences count. */
  readonly sent: bigint
  /** Ever taken out of cross-shard messages; modulo 2^64. */
  readonly received: bigint
}

export type Details = {
  /** Hash of the parent head; two only after a merge; none in the first block. */
  readonly previous: readonly Uint8Array[]
  /** The main-shard head up to which this block has seen anchors. */
  readonly mainHeight: number
  readonly mainHash: Uint8Array
  readonly txRoot: Uint8Array
  readonly receiptsRoot: Uint8Array
  /** Merkle list of the imports, then the anchors. */
  readonly importsRoot: Uint8Array
  /** SHA-256 of the encoded body. */
  readonly dataRoot: Uint8Array
  /** Height whose execution `stateRoot` reflects; below the height when execution lags ordering. */
  readonly execHeight: number
  /** Gas of messages known to wait for this shard: what sources may throttle on. */
  readonly congestion: number
  readonly txCount: number
  readonly gasUsed: number
  readonly sizeBytes: number
  readonly sizeLimitBytes: number
  /** Motes per unit of gas in this block. */
  readonly baseFee: bigint
  readonly supply: Supply
  /** Account id of the proposing validator. */
  readonly proposer: Uint8Array
}

/** Messages from one source block to this shard, with what proves them. */
export type Import = {
  readonly source: ShardKey
  readonly sourceHeight: number
  /** Main-shard height that anchored the source block. */
  readonly anchorHeight: number
  /** The source's top and its place in the main head's list; absent when the source is the main shard itself. */
  readonly top?: Uint8Array | undefined
  readonly topIndex: number
  readonly topCount: number
  readonly topProof: readonly Uint8Array[]
  /** The encoded outbox batch and its place under the source's outbox root. */
  readonly batch: Uint8Array
  readonly batchIndex: number
  readonly batchCount: number
  readonly batchProof: readonly Uint8Array[]
  /** Index of the first message within the batch. */
  readonly start: number
  readonly messages: readonly Uint8Array[]
  readonly rangeProof: readonly Uint8Array[]
}

/** A certified shard head that a main-shard block anchors, with the encoded batches under its outbox root. */
export type Anchor = {
  readonly head: Uint8Array
  readonly details: Uint8Array
  readonly certificate: Uint8Array
  readonly outbox: readonly Uint8Array[]
}

export type Body = {
  readonly transactions: readonly Uint8Array[]
  readonly imports: readonly Import[]
  readonly anchors: readonly Anchor[]
}

/** A block as it is stored, sent and replayed. */
export type Block = {
  readonly head: Uint8Array
  readonly details: Uint8Array
  readonly certificate: Uint8Array
  readonly body: Uint8Array
}

/** What a main-shard block commits to of each head that it anchors. */
export type ShardTop = {
  readonly shard: ShardKey
  readonly height: number
  readonly headHash: Uint8Array
  readonly stateRoot: Uint8Array
  readonly outboxRoot: Uint8Array
}

export const HEAD_SCHEMA: StructSchema = struct(
  ['genesis', bytes32],
  ['shard', SHARD_KEY_SCHEMA],
  ['epoch', u53],
  ['view', u53],
  ['height', u53],
  ['timeMs', u53],
  ['stateRoot', bytes32],
  ['outboxRoot', bytes32],
  ['shardTopsRoot', bytes32],
  ['workerTopsRoot', bytes32],
  ['committeesRoot', bytes32],
  ['nextCommittee', bytes32],
  ['bodyHash', bytes32],
)

/** Levels of the longest Merkle path that any block holds: lists stay below 2^32 items. */
const PROOF_MAX = 64
const IMPORTS_MAX = 65_536
const IMPORT_MESSAGES_MAX = 65_536
const MESSAGE_BYTES_MAX = TX_BYTES_MAX
const DETAILS_BYTES_MAX = 8192
const CERTIFICATE_BYTES_MAX = 65_535

const IMPORT_SCHEMA: StructSchema = struct(
  ['source', SHARD_KEY_SCHEMA],
  ['sourceHeight', u53],
  ['anchorHeight', u53],
  ['top', option(blob(512))],
  ['topIndex', u32],
  ['topCount', u32],
  ['topProof', list(bytes32, PROOF_MAX)],
  ['batch', blob(512)],
  ['batchIndex', u32],
  ['batchCount', u32],
  ['batchProof', list(bytes32, PROOF_MAX)],
  ['start', u32],
  ['messages', list(blob(MESSAGE_BYTES_MAX), IMPORT_MESSAGES_MAX)],
  ['rangeProof', list(bytes32, 2 * PROOF_MAX)],
)

const ANCHOR_SCHEMA: StructSchema = struct(
  ['head', blob(512)],
  ['details', blob(DETAILS_BYTES_MAX)],
  ['certificate', blob(CERTIFICATE_BYTES_MAX)],
  ['outbox', list(blob(512), SHARDS_MAX)],
)

const TOP_SCHEMA: StructSchema = struct(
  ['shard', SHARD_KEY_SCHEMA],
  ['height', u53],
  ['headHash', bytes32],
  ['stateRoot', bytes32],
  ['outboxRoot', bytes32],
)

export const headCodec: Codec<Head> = compile(HEAD_SCHEMA)
export const importCodec: Codec<Import> = compile(IMPORT_SCHEMA)
export const anchorCodec: Codec<Anchor> = compile(ANCHOR_SCHEMA)
export const shardTopCodec: Codec<ShardTop> = compile(TOP_SCHEMA)
export const bodyCodec: Codec<Body> = compile(
  struct(
    ['transactions', list(blob(TX_BYTES_MAX), BLOCK_TXS_MAX)],
    ['imports', list(IMPORT_SCHEMA, IMPORTS_MAX)],
    ['anchors', list(ANCHOR_SCHEMA, 16 * SHARDS_MAX)],
  ),
)
export const blockCodec: Codec<Block> = compile(
  struct(
    ['head', blob(512)],
    ['details', blob(DETAILS_BYTES_MAX)],
    ['certificate', blob(CERTIFICATE_BYTES_MAX)],
    ['body', blob(64 * 1024 * 1024)],
  ),
)

/** The hash of a block is the hash of its head. */
export function headHash(head: Uint8Array): Uint8Array {
  return sha256(head)
}
