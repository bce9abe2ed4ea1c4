/**
 * The write-ahead log: a folder of segments; the bytes are described in `wal-format.ts`, recovery in `wal-recovery.ts`.
 * The contents of records are opaque here.
 *
 * - A record is durable when a `flush` that was called after its `append` has resolved; nothing may be told to the
 *   outside before. A flush is one write and one fdatasync for all records that wait, shared by its callers.
 * - An error of a write or sync is final: the kernel may have dropped the dirty pages, so that a second fsync would
 *   claim what is not true. Every later call fails with ARM_LOG_IO, and the node must stop.
 */
import { mkdir, readdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ArmError, invariant } from '@armchain/core'
import {
  WAL_KEPT_BUFFER_BYTES_MAX,
  WAL_PENDING_BYTES_MAX,
  WAL_RECORD_BYTES_MAX,
  WAL_SEGMENT_BYTES_MAX,
} from '../limits.ts'
import { type Disk, type DiskFile, nodeDisk } from './disk.ts'
import {
  encodeRecord,
  encodeSegmentHeader,
  FIRST_SEGMENT,
  newMarker,
  RECORD_FRAME_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentIndexOf,
  segmentName,
} from './wal-format.ts'
import { type LogEnd, logIoError, replayLog, type WalPosition, type WalRecord } from './wal-recovery.ts'

export type { WalPosition, WalRecord } from './wal-recovery.ts'

export type WalOptions = {
  /** Made if it does not exist. */
  readonly dir: string
  /** 32 bytes: a log belongs to one chain. */
  readonly genesisHash: Uint8Array
  /** `none` survives the end of the process, but not of the machine. */
  readonly sync: 'fdatasync' | 'none'
  readonly maxSegmentBytes?: number
  readonly disk?: Disk
}

export interface Wal extends AsyncDisposable {
  /** What the replay found, once it is through. */
  readonly recovered: { readonly truncatedBytes: number }
  /**
   * The records from a segment on, in order and in bounded memory; by default of the whole history. Unless the log is
   * new it must be consumed to its end before the first `append`; a torn end is cut then.
   */
  replay(fromSegment?: number): AsyncGenerator<WalRecord, void>
  /** Takes a record, copying `parts`; durable after the next `flush`. `kind` is in [0, 255]. */
  append(kind: number, parts: readonly Uint8Array[]): WalPosition
  /** Resolves when everything appended before the call is durable. */
  flush(): Promise<void>
  /** Starts a new segment, durably, and returns its index: what is appended from now on stands in it or later. */
  cut(): Promise<number>
  /** Deletes the segments below `segment`; the one being written always stays. */
  dropBefore(segment: number): Promise<void>
  /** Flushes and closes; later calls fail. */
  close(): Promise<void>
  /** Writes nothing any more, as if the process had ended; `close` follows. */
  abandon(): void
}

/** Bytes of one segment that wait in a batch; `header` where the segment begins with them. */
type Section = { readonly segment: number; readonly header?: Buffer; readonly offset: number; bytes: number }

/** What the next flush writes: framed records, packed, in the order of `sections`. */
type Batch = { buffer: Buffer; used: number; sections: Section[] }

/** Opens the log in `dir`. Reads no segment yet: see `Wal.replay`. */
export async function openWal(options: WalOptions): Promise<Wal> {
  invariant(options.genesisHash.length === 32, 'the genesis hash has 32 bytes')
  try {
    const made = await mkdir(options.dir, { recursive: true, mode: 0o700 })
    if (made !== undefined && options.sync === 'fdatasync') await nodeDisk.syncDirectory(dirname(options.dir))
    const names = await readdir(options.dir)
    const segments = names.map(segmentIndexOf).filter((index) => index !== undefined)
    return new FileWal(
      options,
      segments.sort((left, right) => left - right),
    )
  } catch (cause) {
    throw logIoError('cannot be opened', options.dir, cause)
  }
}

class FileWal implements Wal {
  readonly #options: WalOptions
  readonly #disk: Disk
  #segments: number[]
  #state: 'unread' | 'ready' | 'closed'
  #failure: ArmError | undefined
  #truncatedBytes = 0

  // Where the next record goes.
  #segment = FIRST_SEGMENT - 1
  #offset = 0
  #marker = 0
  #chain: Uint8Array
  /** First byte of the batch within the current segment. */
  #batchOffset = 0

  #batch: Batch = newBatch()
  #spare: Buffer | undefined
  #file: { readonly segment: number; readonly file: DiskFile } | undefined
  #writing: Promise<void> | undefined
  #queued: Promise<void> | undefined

  constructor(options: WalOptions, segments: number[]) {
    this.#options = options
    this.#disk = options.disk ?? nodeDisk
    this.#segments = segments
    this.#chain = new Uint8Array(options.genesisHash)
    this.#state = segments.length === 0 ? 'ready' : 'unread'
  }

  get recovered(): { readonly truncatedBytes: number } {
    return { truncatedBytes: this.#truncatedBytes }
  }

  async *replay(fromSegment: number = FIRST_SEGMENT): AsyncGenerator<WalRecord, void> {
    this.#check()
    if (this.#state === 'ready' && this.#segment < FIRST_SEGMENT && fromSegment === FIRST_SEGMENT) return // A new log.
    invariant(
      this.#state === 'unread' || this.#segment < FIRST_SEGMENT,
      'the log is replayed once, before it is written',
    )
    const { dir, genesisHash } = this.#options
    const end: LogEnd = yield* replayLog({ dir, genesisHash, segments: this.#segments }, fromSegment)
    this.#segment = end.segment
    this.#offset = end.offset
    this.#batchOffset = end.offset
    this.#marker = end.marker
    this.#chain = end.chain
    this.#truncatedBytes = end.truncatedBytes
    this.#state = 'ready'
  }

  append(kind: number, parts: readonly Uint8Array[]): WalPosition {
    this.#check()
    invariant(this.#state === 'ready', 'the log is replayed to its end before it is written')
    let payloadBytes = 0
    for (const part of parts) payloadBytes += part.length
    if (payloadBytes > WAL_RECORD_BYTES_MAX)
      throw new ArmError('ARM_ARGUMENT', 'a log record is too large', { payloadBytes, maxBytes: WAL_RECORD_BYTES_MAX })
    const sizeBytes = payloadBytes + RECORD_FRAME_BYTES
    if (this.#batch.used + sizeBytes > WAL_PENDING_BYTES_MAX)
      throw new ArmError('ARM_LOG_IO', 'too much waits for a flush of the log', {
        pendingBytes: this.#batch.used,
        maxBytes: WAL_PENDING_BYTES_MAX,
        hint: 'await flush() before appending more',
      })
    if (this.#segment < FIRST_SEGMENT || this.#isFull(sizeBytes)) this.#startSegment()

    const section = this.#section()
    const target = reserve(this.#batch, sizeBytes)
    const batchDistance = this.#offset - this.#batchOffset
    this.#chain = encodeRecord(target, { marker: this.#marker, batchDistance, kind, chain: this.#chain }, parts)
    const position = { segment: this.#segment, offset: this.#offset }
    section.bytes += sizeBytes
    this.#offset += sizeBytes
    return position
  }

  async flush(): Promise<void> {
    this.#check()
    if (this.#batch.sections.length === 0) return await (this.#queued ?? this.#writing)
    this.#queued ??= this.#writeNext(this.#writing)
    return await this.#queued
  }

  async cut(): Promise<number> {
    this.#check()
    invariant(this.#state === 'ready', 'the log is replayed to its end before it is written')
    // An empty segment is as good as a new one.
    if (this.#segment < FIRST_SEGMENT || this.#offset > SEGMENT_HEADER_BYTES) this.#startSegment()
    const segment = this.#segment
    await this.flush()
    return segment
  }

  async dropBefore(segment: number): Promise<void> {
    this.#check()
    const keepFrom = Math.min(segment, this.#file?.segment ?? this.#segment)
    const dropped = this.#segments.filter((index) => index < keepFrom)
    if (dropped.length === 0) return
    this.#segments = this.#segments.filter((index) => index >= keepFrom)
    await this.#fatal('cannot be deleted', this.#options.dir, async () => {
      for (const index of dropped) await unlink(join(this.#options.dir, segmentName(index)))
      if (this.#options.sync === 'fdatasync') await this.#disk.syncDirectory(this.#options.dir)
    })
  }

  abandon(): void {
    this.#failure ??= logIoError('is abandoned', this.#options.dir)
    this.#batch = newBatch()
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    try {
      if (this.#failure === undefined) await this.flush()
    } finally {
      this.#state = 'closed'
      await this.#file?.file.close()
      this.#file = undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #check(): void {
    if (this.#failure) throw this.#failure
    if (this.#state === 'closed') throw logIoError('is closed', this.#options.dir)
  }

  #isFull(sizeBytes: number): boolean {
    const maxBytes = this.#options.maxSegmentBytes ?? WAL_SEGMENT_BYTES_MAX
    return this.#offset > SEGMENT_HEADER_BYTES && this.#offset + sizeBytes > maxBytes
  }

  #startSegment(): void {
    this.#segment++
    this.#marker = newMarker()
    this.#offset = SEGMENT_HEADER_BYTES
    this.#batchOffset = SEGMENT_HEADER_BYTES
    const { genesisHash } = this.#options
    const header = encodeSegmentHeader({ index: this.#segment, marker: this.#marker, genesisHash, chain: this.#chain })
    this.#batch.sections.push({ segment: this.#segment, header, offset: this.#offset, bytes: 0 })
  }

  /** The batch's section that the next record joins. */
  #section(): Section {
    const current = this.#batch.sections.at(-1)
    if (current) return current
    this.#batchOffset = this.#offset
    const section = { segment: this.#segment, offset: this.#offset, bytes: 0 }
    this.#batch.sections.push(section)
    return section
  }

  /** Waits for the write before, then takes all that has gathered since. */
  async #writeNext(before: Promise<void> | undefined): Promise<void> {
    await before
    const batch = this.#batch
    this.#batch = newBatch(this.#spare)
    this.#spare = undefined
    this.#writing = this.#queued
    this.#queued = undefined
    const path = join(this.#options.dir, segmentName(this.#segment))
    await this.#fatal('cannot be written', path, () => this.#write(batch))
    if (batch.buffer.length <= WAL_KEPT_BUFFER_BYTES_MAX) this.#spare = batch.buffer
  }

  async #write(batch: Batch): Promise<void> {
    const { dir, sync } = this.#options
    let at = 0
    for (const section of batch.sections) {
      const path = join(dir, segmentName(section.segment))
      if (section.header) {
        await this.#file?.file.close()
        this.#file = { segment: section.segment, file: await this.#disk.open(path, 'create') }
        // Before any record of it: recovery takes records behind a broken header for damage.
        await this.#file.file.write(section.header, 0)
        if (sync === 'fdatasync') await this.#file.file.sync()
        if (sync === 'fdatasync') await this.#disk.syncDirectory(dir)
        this.#segments.push(section.segment)
      }
      this.#file ??= { segment: section.segment, file: await this.#disk.open(path, 'write') }
      if (section.bytes === 0) continue
      await this.#file.file.write(batch.buffer.subarray(at, at + section.bytes), section.offset)
      if (sync === 'fdatasync') await this.#file.file.sync()
      at += section.bytes
    }
  }

  async #fatal(what: string, file: string, action: () => Promise<void>): Promise<void> {
    if (this.#failure) throw this.#failure
    try {
      await action()
    } catch (cause) {
      this.#failure = logIoError(what, file, cause)
      throw this.#failure
    }
  }
}

function newBatch(buffer: Buffer = Buffer.allocUnsafeSlow(64 * 1024)): Batch {
  return { buffer, used: 0, sections: [] }
}

/** `sizeBytes` more of the batch's buffer, which grows by doubling. */
function reserve(batch: Batch, sizeBytes: number): Buffer {
  const used = batch.used + sizeBytes
  if (used > batch.buffer.length) {
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(used)))
    batch.buffer.copy(larger, 0, 0, batch.used)
    batch.buffer = larger
  }
  const target = batch.buffer.subarray(batch.used, used)
  batch.used = used
  return target
}
