/**
 * The bytes of the write-ahead log. All integers are little-endian.
 *
 * Segment header, 88 bytes: magic u32 | version u32 | segment index u64 | marker u32 | genesis hash 32 | chain value that
 * the segment continues 32 | CRC-32 of all before.
 * Record: marker u32 | payload length u32 | batch distance u32 | kind u8 | payload | CRC-32 of length..payload | chain 32,
 * where chain = SHA-256(chain before || SHA-256(kind || payload)) and the first segment continues the genesis hash.
 *
 * The marker is drawn at random for each segment, so that nobody can place something that recovery would take for a
 * record inside a payload. The batch distance is the number of bytes from the first record that was written with the same
 * system call: recovery uses it to tell a write that the power cut (its sectors may land in any order) from damage.
 */
import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { WAL_RECORD_BYTES_MAX } from '../limits.ts'
import type { FileWindow } from './disk.ts'

export const FIRST_SEGMENT = 1
export const SEGMENT_HEADER_BYTES = 88
export const RECORD_HEAD_BYTES = 13
export const RECORD_TAIL_BYTES = 36
export const RECORD_FRAME_BYTES: number = RECORD_HEAD_BYTES + RECORD_TAIL_BYTES

const MAGIC = 0x4c415741 // "AWAL"
const VERSION = 1

export type SegmentHeader = {
  readonly index: number
  readonly marker: number
  readonly genesisHash: Uint8Array
  /** The chain value that the segment's first record continues. */
  readonly chain: Uint8Array
}

export type ParsedRecord = {
  readonly offset: number
  readonly end: number
  /** First byte of the write that this record was part of. */
  readonly batchOffset: number
  readonly kind: number
  /** A view, good until the next read. */
  readonly payload: Uint8Array
  readonly storedChain: Uint8Array
  /** SHA-256(kind || payload). */
  readonly digest: Uint8Array
}

export function segmentName(index: number): string {
  return `wal-${String(index).padStart(16, '0')}.log`
}

export function segmentIndexOf(name: string): number | undefined {
  const match = /^wal-(\d{16})\.log$/.exec(name)
  return match ? Number(match[1]) : undefined
}

export function newMarker(): number {
  for (;;) {
    const bytes = randomBytes(4)
    if (!bytes.includes(0)) return bytes.readUInt32LE() // No zero byte: an empty sector never starts like a record.
  }
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(VERSION, 4)
  bytes.writeBigUInt64LE(BigInt(header.index), 8)
  bytes.writeUInt32LE(header.marker, 16)
  bytes.set(header.genesisHash, 20)
  bytes.set(header.chain, 52)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 84)), 84)
  return bytes
}

/** The header, or why it is none. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | string {
  if (bytes.readUInt32LE(0) !== MAGIC) return 'it is no log segment'
  if (bytes.readUInt32LE(84) !== crc32(bytes.subarray(0, 84))) return "the header's checksum is wrong"
  const version = bytes.readUInt32LE(4)
  if (version !== VERSION) return `its format is version ${version}, and this node reads ${VERSION}`
  return {
    index: Number(bytes.readBigUInt64LE(8)),
    marker: bytes.readUInt32LE(16),
    genesisHash: new Uint8Array(bytes.subarray(20, 52)),
    chain: new Uint8Array(bytes.subarray(52, 84)),
  }
}

/**
 * Frames a record into `target` (payload length plus `RECORD_FRAME_BYTES`).
 *
 * @param batchDistance - Bytes from the first record of the same write.
 * @returns The chain value after the record.
 */
export function encodeRecord(
  target: Buffer,
  record: {
    readonly marker: number
    readonly batchDistance: number
    readonly kind: number
    readonly chain: Uint8Array
  },
  parts: readonly Uint8Array[],
): Uint8Array {
  const end = target.length - RECORD_TAIL_BYTES
  target.writeUInt32LE(record.marker, 0)
  target.writeUInt32LE(end - RECORD_HEAD_BYTES, 4)
  target.writeUInt32LE(record.batchDistance, 8)
  target.writeUInt8(record.kind, 12)
  let at = RECORD_HEAD_BYTES
  for (const part of parts) {
    target.set(part, at)
    at += part.length
  }
  target.writeUInt32LE(crc32(target.subarray(4, end)), end)
  const chain = nextChain(record.chain, digestOf(target.subarray(12, end)))
  target.set(chain, end + 4)
  return chain
}

/** The record at `offset` if marker, length and checksum are right; the chain is left to the caller. */
export async function readRecord(file: FileWindow, offset: number, marker: number): Promise<ParsedRecord | undefined> {
  const head = await file.read(offset, RECORD_HEAD_BYTES)
  if (head === undefined || head.readUInt32LE(0) !== marker) return undefined
  const length = head.readUInt32LE(4)
  if (length > WAL_RECORD_BYTES_MAX) return undefined
  const bytes = await file.read(offset, length + RECORD_FRAME_BYTES)
  if (bytes === undefined) return undefined
  const end = RECORD_HEAD_BYTES + length
  if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(4, end))) return undefined
  return {
    offset,
    end: offset + bytes.length,
    batchOffset: offset - bytes.readUInt32LE(8),
    kind: bytes.readUInt8(12),
    payload: bytes.subarray(RECORD_HEAD_BYTES, end),
    storedChain: bytes.subarray(end + 4),
    digest: digestOf(bytes.subarray(12, end)),
  }
}

export function nextChain(chain: Uint8Array, digest: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([chain, digest]), 'buffer')
}

function digestOf(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}
