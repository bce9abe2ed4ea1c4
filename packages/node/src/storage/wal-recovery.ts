/**
 * Reading the log back.
 *
 * Rules:
 * - Only the end of the last segment may be torn. What is no valid record there, with no valid record behind it, is cut.
 * - Something invalid with a valid record behind it is damage (`ARM_LOG_CORRUPT`), with one exception: all valid records
 *   behind it were written by the same system call, and a whole sector between is empty. Disks write sectors in any order,
 *   so a power cut leaves exactly that; nothing of that write was reported as durable.
 * - A segment that is missing, of another chain, or does not continue the one before is damage.
 * - A last segment with a broken header and nothing behind it was being created: its header is written anew.
 *
 * What cannot be told from a torn write: damage to the very last record, or its removal.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { ArmError } from '@armchain/core'
import { FileWindow, nodeDisk } from './disk.ts'
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  FIRST_SEGMENT,
  newMarker,
  nextChain,
  type ParsedRecord,
  readRecord,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
} from './wal-format.ts'

const SECTOR_BYTES = 512
const SCAN_BYTES = 64 * 1024

export type WalPosition = {
  readonly segment: number
  /** Bytes from the start of the segment's file. */
  readonly offset: number
}

export type WalRecord = {
  readonly kind: number
  readonly payload: Uint8Array
  readonly position: WalPosition
}

/** Where the log ends, and what the next record continues. */
export type LogEnd = {
  readonly segment: number
  readonly offset: number
  readonly marker: number
  readonly chain: Uint8Array
  /** Bytes of a torn write that were cut off. */
  readonly truncatedBytes: number
}

type Log = { readonly dir: string; readonly genesisHash: Uint8Array; readonly segments: readonly number[] }

/**
 * The records from segment `from` on, in order; then cuts a torn end off and returns where the log goes on.
 *
 * @throws ArmError ARM_LOG_CORRUPT with `file` and `offset`; ARM_LOG_IO where the disk does not read.
 */
export async function* replayLog(log: Log, from: number): AsyncGenerator<WalRecord, LogEnd> {
  const last = log.segments.at(-1) ?? 0
  if (from > last) throw missing(log.dir, from)
  let chain: Uint8Array | undefined = from === FIRST_SEGMENT ? log.genesisHash : undefined
  for (let index = from; index < last; index++) {
    if (!log.segments.includes(index)) throw missing(log.dir, index)
    const end: LogEnd = yield* replaySegment(log, index, chain, 'whole')
    chain = end.chain
  }
  return yield* replaySegment(log, last, chain, 'may be torn')
}

async function* replaySegment(
  log: Log,
  index: number,
  chainBefore: Uint8Array | undefined,
  ending: 'whole' | 'may be torn',
): AsyncGenerator<WalRecord, LogEnd> {
  const path = join(log.dir, segmentName(index))
  const handle = await reading(path, () => open(path, ending === 'whole' ? 'r' : 'r+'))
  try {
    const file = new FileWindow(handle, (await reading(path, () => handle.stat())).size)
    const header = await reading(path, () => readHeader(file))
    if (typeof header === 'string') {
      if (
        ending === 'may be torn' &&
        chainBefore &&
        (await reading(path, () => isEmptyFrom(file, SEGMENT_HEADER_BYTES)))
      )
        return await rewriteHeader(log, index, chainBefore, file.sizeBytes)
      throw corrupt(path, 0, header)
    }
    checkHeader(path, header, { index, genesisHash: log.genesisHash, chain: chainBefore })

    let chain = header.chain
    let offset = SEGMENT_HEADER_BYTES
    while (offset < file.sizeBytes) {
      const record = await reading(path, () => readRecord(file, offset, header.marker))
      const chainAfter: Uint8Array | undefined = record && nextChain(chain, record.digest)
      if (record === undefined || chainAfter === undefined || !sameBytes(chainAfter, record.storedChain)) break
      const payload = new Uint8Array(record.payload)
      yield { kind: record.kind, payload, position: { segment: index, offset } }
      chain = chainAfter
      offset = record.end
    }
    const truncatedBytes = file.sizeBytes - offset
    if (truncatedBytes > 0) {
      if (ending === 'whole') throw corrupt(path, offset, 'a record before the last segment is damaged')
      await reading(path, () => requireTorn(path, file, offset, header.marker))
      await reading(path, () => cut(handle, offset))
    }
    return { segment: index, offset, marker: header.marker, chain, truncatedBytes }
  } finally {
    await handle.close()
  }
}

async function readHeader(file: FileWindow): Promise<SegmentHeader | string> {
  const bytes = await file.read(0, SEGMENT_HEADER_BYTES)
  return bytes === undefined ? 'the file ends inside its header' : decodeSegmentHeader(bytes)
}

function checkHeader(
  path: string,
  header: SegmentHeader,
  expected: { readonly index: number; readonly genesisHash: Uint8Array; readonly chain: Uint8Array | undefined },
): void {
  if (!sameBytes(header.genesisHash, expected.genesisHash)) throw corrupt(path, 0, 'it is the log of another chain')
  if (header.index !== expected.index) throw corrupt(path, 0, `it is segment ${header.index} under a wrong name`)
  if (expected.chain !== undefined && !sameBytes(header.chain, expected.chain))
    throw corrupt(path, 0, 'it does not continue the segment before')
}

/** Returns if what stands at `offset` is the rest of a torn write; throws if it is damage. */
async function requireTorn(path: string, file: FileWindow, offset: number, marker: number): Promise<void> {
  let nextValid: number | undefined
  for await (const record of findRecords(file, offset + 1, marker)) {
    if (record.batchOffset > offset) throw corrupt(path, offset, 'a record is damaged, and later ones are not')
    nextValid ??= record.offset
  }
  if (nextValid !== undefined && !(await hasEmptySector(file, offset, nextValid)))
    throw corrupt(path, offset, 'a record is damaged or out of order, and later ones are not')
}

async function* findRecords(file: FileWindow, from: number, marker: number): AsyncGenerator<ParsedRecord> {
  const needle = Buffer.alloc(4)
  needle.writeUInt32LE(marker)
  for (let offset = from; offset < file.sizeBytes; ) {
    const length = Math.min(SCAN_BYTES, file.sizeBytes - offset)
    const found = (await file.read(offset, length))?.indexOf(needle) ?? -1
    if (found < 0) {
      offset += Math.max(1, length - 3) // A marker may lie across two reads.
      continue
    }
    const record = await readRecord(file, offset + found, marker)
    if (record) yield record
    offset = record ? record.end : offset + found + 1
  }
}

/** Whether a sector that ends within (start, end] is zero from `start` on: it never reached the disk. */
async function hasEmptySector(file: FileWindow, start: number, end: number): Promise<boolean> {
  for (let at = start; at < end; ) {
    const sectorEnd = (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES
    if (sectorEnd > end) return false
    if (isZero(await file.read(at, sectorEnd - at))) return true
    at = sectorEnd
  }
  return false
}

async function isEmptyFrom(file: FileWindow, start: number): Promise<boolean> {
  for (let at = start; at < file.sizeBytes; at += SCAN_BYTES)
    if (!isZero(await file.read(at, Math.min(SCAN_BYTES, file.sizeBytes - at)))) return false
  return true
}

function isZero(bytes: Uint8Array | undefined): boolean {
  return bytes?.every((byte) => byte === 0) ?? true
}

async function cut(handle: FileHandle, sizeBytes: number): Promise<void> {
  await handle.truncate(sizeBytes)
  await handle.datasync()
}

async function rewriteHeader(log: Log, index: number, chain: Uint8Array, sizeBytes: number): Promise<LogEnd> {
  const path = join(log.dir, segmentName(index))
  const marker = newMarker()
  await reading(path, async () => {
    const handle = await open(path, 'r+')
    await cut(handle, 0).finally(() => handle.close())
    const file = await nodeDisk.open(path, 'write')
    await file.write(encodeSegmentHeader({ index, marker, genesisHash: log.genesisHash, chain }), 0)
    await file.sync().finally(() => file.close())
    await nodeDisk.syncDirectory(log.dir)
  })
  return { segment: index, offset: SEGMENT_HEADER_BYTES, marker, chain, truncatedBytes: sizeBytes }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}

function missing(dir: string, index: number): ArmError {
  return corrupt(join(dir, segmentName(index)), 0, 'the file is missing')
}

function corrupt(file: string, offset: number, reason: string): ArmError {
  return new ArmError('ARM_LOG_CORRUPT', `${file} at byte ${offset}: ${reason}`, {
    file,
    offset,
    hint: 'restore the data folder from a copy, or lose its contents and start over with --reset',
  })
}

async function reading<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof ArmError) throw cause
    throw logIoError('cannot be read or repaired', file, cause)
  }
}

export function logIoError(what: string, file: string, cause?: unknown): ArmError {
  const hint = 'check free space, permissions and the disk, then restart the node; it goes on from what is durable'
  return new ArmError('ARM_LOG_IO', `${file} ${what}`, { file, hint }, { cause })
}
