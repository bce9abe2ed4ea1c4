/**
 * The keys and values of the archive. Integers are big-endian in keys, so that they sort.
 *
 * | key | value |
 * | --- | --- |
 * | `b` shard u32 height u48 | compression u8 (0 none, 1 zstd), lengths u32 of header, stored body, stored receipts, then header, body, receipts, transaction ids 32 each |
 * | `h` shard u32 | last height u48 |
 * | `m` name in UTF-8 | the caller's bytes |
 *
 * Where a transaction is stands in an index of its own (`tx-index`), which follows from the blocks.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
// Not the whole core: the worker would load all of it at every start.
import { ArmError } from '@armchain/core/errors'

/** A block as the archive keeps it; what is in the parts is the caller's affair. */
export type ArchivedBlock = {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly receipts: Uint8Array
  /** 32 bytes for each transaction, in their order. */
  readonly txIds: Uint8Array
}

export type BlockPlace = {
  /** Key of the vShard, u32. */
  readonly shard: number
  /** In [0, 2^48). */
  readonly height: number
}

export type TransactionPlace = BlockPlace & { readonly index: number }

export const TX_ID_BYTES = 32
/** Compression and three lengths. */
const HEAD_BYTES = 13

/** How bodies and receipts are stored: what the chain's scheme says. */
export type Compression = 'none' | 'zstd'
const COMPRESSIONS: readonly Compression[] = ['none', 'zstd']

/** Level 1: bodies are mostly keys and signatures, where more effort finds nothing. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

export function blockKey({ shard, height }: BlockPlace): Buffer {
  const key = Buffer.allocUnsafe(11)
  key.writeUInt8(0x62)
  key.writeUInt32BE(shard, 1)
  key.writeUIntBE(height, 5, 6)
  return key
}

/** The height in a block's key. */
export function heightOfKey(key: Buffer): number {
  return key.readUIntBE(5, 6)
}

export function lastHeightKey(shard: number): Buffer {
  const key = Buffer.allocUnsafe(5)
  key.writeUInt8(0x68)
  key.writeUInt32BE(shard, 1)
  return key
}

/** The shard in a key of a last height. */
export function shardOfKey(key: Buffer): number {
  return key.readUInt32BE(1)
}

/** Before the first and behind the last key of last heights. */
export const LAST_HEIGHT_KEYS = { from: Buffer.from('h'), to: Buffer.from('i') } as const

export function metaKey(name: string): Buffer {
  return Buffer.from(`m${name}`)
}

export function encodeHeight(height: number): Buffer {
  const value = Buffer.allocUnsafe(6)
  value.writeUIntBE(height, 0, 6)
  return value
}

/** Throws `ARM_STORE` where the value is damaged. */
export function decodeHeight(value: Buffer): number {
  if (value.length !== 6) throw damaged()
  return value.readUIntBE(0, 6)
}

/** Body and receipts of less are stored as they are: setting up the compressor costs more than it saves. */
const COMPRESSED_BYTES_MIN = 1_024

/** The value of a block, in pieces that follow each other. */
export function encodeBlock(block: ArchivedBlock, wanted: Compression): readonly Uint8Array[] {
  const compression = block.body.length + block.receipts.length < COMPRESSED_BYTES_MIN ? 'none' : wanted
  const stored = (part: Uint8Array): Uint8Array =>
    // With its size known, the compressor takes no more memory than it needs.
    compression === 'zstd' ? zstdCompressSync(part, { ...ZSTD, pledgedSrcSize: part.length }) : part
  const body = stored(block.body)
  const receipts = stored(block.receipts)
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head.writeUInt8(COMPRESSIONS.indexOf(compression), 0)
  head.writeUInt32BE(block.header.length, 1)
  head.writeUInt32BE(body.length, 5)
  head.writeUInt32BE(receipts.length, 9)
  return [head, block.header, body, receipts, block.txIds]
}

/** What is asked for of a block: without its body, nothing is decompressed but the receipts. */
export type BlockParts = 'all' | 'receipts'

/** Throws `ARM_STORE` where the value is damaged. */
export function decodeBlock(value: Buffer, parts: BlockParts): ArchivedBlock {
  const { compression, headerEnd, bodyEnd, receiptsEnd } = boundsOf(value)
  return {
    header: new Uint8Array(value.subarray(HEAD_BYTES, headerEnd)),
    body: parts === 'all' ? decompress(value.subarray(headerEnd, bodyEnd), compression) : new Uint8Array(0),
    receipts: decompress(value.subarray(bodyEnd, receiptsEnd), compression),
    txIds: new Uint8Array(value.subarray(receiptsEnd)),
  }
}

/** The ids of an encoded block, without decompressing it. Throws `ARM_STORE` where the value is damaged. */
export function txIdsOf(value: Buffer): Buffer {
  return value.subarray(boundsOf(value).receiptsEnd)
}

type Bounds = {
  readonly compression: Compression
  readonly headerEnd: number
  readonly bodyEnd: number
  readonly receiptsEnd: number
}

function boundsOf(value: Buffer): Bounds {
  const compression = COMPRESSIONS[value[0] ?? -1]
  if (value.length < HEAD_BYTES || compression === undefined) throw damaged()
  const headerEnd = HEAD_BYTES + value.readUInt32BE(1)
  const bodyEnd = headerEnd + value.readUInt32BE(5)
  const receiptsEnd = bodyEnd + value.readUInt32BE(9)
  if (receiptsEnd > value.length || (value.length - receiptsEnd) % TX_ID_BYTES !== 0) throw damaged()
  return { compression, headerEnd, bodyEnd, receiptsEnd }
}

function decompress(part: Buffer, compression: Compression): Uint8Array {
  if (compression === 'none') return new Uint8Array(part)
  try {
    return new Uint8Array(zstdDecompressSync(part))
  } catch (cause) {
    throw damaged(cause)
  }
}

function damaged(cause?: unknown): ArmError {
  const hint = 'check the disk, then remove the archive: it is rebuilt from the log'
  return new ArmError('ARM_STORE', 'a record of the archive is damaged', { hint }, { cause })
}
