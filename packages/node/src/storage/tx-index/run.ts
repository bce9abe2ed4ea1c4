/**
 * A run: records in their order, in a file that is written once. Words have the byte order of the machine: what another
 * wrote fails the check of the magic, and the index is made anew.
 *
 * Pages of 4 KiB: CRC-32 of the rest u32 | number of the page u32 | records u32 | low word of the run's id u32 | 170
 * records. Then the first word of each page. Then the trailer: magic u32 | version u32 | low word of the id u32 | pages u32
 * | records u64 | 0 u32 | CRC-32 of first words and trailer u32.
 *
 * First words stay in memory (a 42nd of a byte a record), so that a look costs one page, whatever the ids are.
 */
import { crc32 } from 'node:zlib'
import type { TransactionPlace } from '../archive-records.ts'
import { damagedIndex } from './damage.ts'
import type { IndexDisk, IndexFile } from './disk.ts'
import type { RecordCursor } from './merge.ts'
import { compareRecords, type IdKey, matches, placeAt, RECORD_WORDS } from './record.ts'

const MAGIC = 0x4e525854 // "TXRN"
const VERSION = 1
const PAGE_WORDS = 1_024
const PAGE_BYTES = 4 * PAGE_WORDS
const HEAD_WORDS = 4
const PAGE_RECORDS = (PAGE_WORDS - HEAD_WORDS) / RECORD_WORDS
const TRAILER_WORDS = 8
/** Pages that are read or written with one system call when a run is made. */
const CHUNK_PAGES = 64

const RUN_NAME = /^run-\d{16}\.bin$/

export function runName(id: number): string {
  return `run-${String(id).padStart(16, '0')}.bin`
}

export function isRunName(name: string): boolean {
  return RUN_NAME.test(name)
}

/** Writes a run; its records come in their order, and those that come twice are written once. */
export class RunWriter {
  readonly #id: number
  readonly #file: IndexFile
  readonly #firsts: Uint32Array
  readonly #chunk: Uint32Array
  #chunkPages = 0
  #pages = 0
  #pageRecords = 0
  #records = 0
  #lastAt = -1

  /** @param recordsMax - No more than so many come. */
  constructor(disk: IndexDisk, id: number, recordsMax: number) {
    this.#id = id
    this.#file = disk.create(runName(id))
    this.#firsts = new Uint32Array(Math.ceil(recordsMax / PAGE_RECORDS))
    this.#chunk = new Uint32Array(Math.min(CHUNK_PAGES, this.#firsts.length) * PAGE_WORDS)
  }

  add(words: Uint32Array, at: number): void {
    const chunk = this.#chunk
    if (this.#lastAt >= 0 && compareRecords(words, at, chunk, this.#lastAt) === 0) return
    if (this.#pageRecords === PAGE_RECORDS) this.#endPage()
    const to = this.#chunkPages * PAGE_WORDS + HEAD_WORDS + this.#pageRecords * RECORD_WORDS
    for (let i = 0; i < RECORD_WORDS; i++) chunk[to + i] = words[at + i] as number
    if (this.#pageRecords === 0) this.#firsts[this.#pages] = words[at] as number
    this.#pageRecords++
    this.#records++
    this.#lastAt = to
  }

  /** Resolves when the run is durable but for its name. */
  async finish(): Promise<void> {
    if (this.#pageRecords > 0) this.#endPage()
    this.#writeChunk()
    const tail = new Uint32Array(this.#pages + TRAILER_WORDS)
    tail.set(this.#firsts.subarray(0, this.#pages))
    const high = Math.floor(this.#records / 2 ** 32)
    tail.set([MAGIC, VERSION, this.#id, this.#pages, this.#records, high, 0], this.#pages)
    tail[tail.length - 1] = crc32(bytesOf(tail, 0, tail.length - 1))
    this.#file.append(bytesOf(tail, 0, tail.length))
    await this.#file.sync()
    this.#file.close()
  }

  /** Gives up; what was written stays in its file. */
  abandon(): void {
    this.#file.close()
  }

  #endPage(): void {
    const start = this.#chunkPages * PAGE_WORDS
    const chunk = this.#chunk
    chunk.fill(0, start + HEAD_WORDS + this.#pageRecords * RECORD_WORDS, start + PAGE_WORDS)
    chunk[start + 1] = this.#pages
    chunk[start + 2] = this.#pageRecords
    chunk[start + 3] = this.#id
    chunk[start] = crc32(bytesOf(chunk, start + 1, start + PAGE_WORDS))
    this.#pages++
    this.#chunkPages++
    this.#pageRecords = 0
    if (this.#chunkPages === CHUNK_PAGES) this.#writeChunk()
  }

  #writeChunk(): void {
    this.#file.append(bytesOf(this.#chunk, 0, this.#chunkPages * PAGE_WORDS))
    this.#chunkPages = 0
  }
}

/** A run that is looked at. */
export class Run {
  readonly id: number
  readonly records: number
  readonly #file: IndexFile
  readonly #firsts: Uint32Array

  private constructor(id: number, records: number, file: IndexFile, firsts: Uint32Array) {
    this.id = id
    this.records = records
    this.#file = file
    this.#firsts = firsts
  }

  /** Checks all but the pages. Throws what `damagedIndex` makes. */
  static open(disk: IndexDisk, id: number): Run {
    const name = runName(id)
    let file: IndexFile
    try {
      file = disk.open(name)
    } catch (cause) {
      throw damagedIndex(name, 'it cannot be opened', cause)
    }
    try {
      return Run.#read(id, file)
    } catch (error) {
      file.close()
      throw error
    }
  }

  static #read(id: number, file: IndexFile): Run {
    const trailer = new Uint32Array(TRAILER_WORDS)
    fill(trailer, file, id, file.sizeBytes - 4 * TRAILER_WORDS)
    const [magic, version, low, pages = 0, records = 0, recordsHigh = 0] = trailer
    if (magic !== MAGIC) throw damagedIndex(runName(id), 'it has no end, or was written by another kind of machine')
    if (version !== VERSION) throw damagedIndex(runName(id), `its format is version ${version}`)
    const tailBytes = 4 * (pages + TRAILER_WORDS)
    if (low !== id >>> 0 || file.sizeBytes !== pages * PAGE_BYTES + tailBytes)
      throw damagedIndex(runName(id), 'its end belongs to other contents')
    const tail = new Uint32Array(tailBytes / 4)
    fill(tail, file, id, pages * PAGE_BYTES)
    if (crc32(bytesOf(tail, 0, tail.length - 1)) !== tail.at(-1))
      throw damagedIndex(runName(id), "its end's checksum is wrong")
    return new Run(id, recordsHigh * 2 ** 32 + records, file, tail.subarray(0, pages))
  }

  /** Where the id may be. Throws what `damagedIndex` makes. */
  candidates(key: IdKey): TransactionPlace[] {
    const places: TransactionPlace[] = []
    const firsts = this.#firsts
    // Records with this first word may begin in the page before the first that begins with it.
    for (let page = Math.max(0, lowerBound(firsts, key.word0) - 1); page < firsts.length; page++) {
      if ((firsts[page] as number) > key.word0) break
      this.readPages(PAGE, page, 1)
      const end = HEAD_WORDS + (PAGE[2] as number) * RECORD_WORDS
      for (let at = firstRecord(PAGE, end, key.word0); at < end && PAGE[at] === key.word0; at += RECORD_WORDS)
        if (matches(PAGE, at, key)) places.push(placeAt(PAGE, at))
    }
    return places
  }

  cursor(): RecordCursor {
    return new RunCursor(this, this.#firsts.length)
  }

  /** Reads and checks `count` pages from `page` on. Throws what `damagedIndex` makes. */
  readPages(target: Uint32Array, page: number, count: number): void {
    fill(target.subarray(0, count * PAGE_WORDS), this.#file, this.id, page * PAGE_BYTES)
    for (let i = 0; i < count; i++) {
      const start = i * PAGE_WORDS
      if (
        target[start] !== crc32(bytesOf(target, start + 1, start + PAGE_WORDS)) ||
        target[start + 1] !== page + i ||
        target[start + 3] !== this.id >>> 0
      )
        throw damagedIndex(runName(this.id), `page ${page + i} does not hold what was written`)
    }
  }

  close(): void {
    this.#file.close()
  }
}

/** The page that is looked at: one at a time, as looks are synchronous. */
const PAGE = new Uint32Array(PAGE_WORDS)

class RunCursor implements RecordCursor {
  readonly words: Uint32Array
  at = 0
  readonly #run: Run
  readonly #pages: number
  /** Of the chunk in `words`: pages, the one that is read, and the end of its records. */
  #chunkPages = 0
  #chunkPage = -1
  #end = 0
  #nextPage = 0

  constructor(run: Run, pages: number) {
    this.#run = run
    this.#pages = pages
    this.words = new Uint32Array(Math.min(CHUNK_PAGES, pages) * PAGE_WORDS)
  }

  advance(): boolean {
    this.at += RECORD_WORDS
    return this.at < this.#end || this.#turnPage()
  }

  #turnPage(): boolean {
    if (++this.#chunkPage >= this.#chunkPages) {
      this.#chunkPages = Math.min(CHUNK_PAGES, this.#pages - this.#nextPage)
      if (this.#chunkPages === 0) return false
      this.#run.readPages(this.words, this.#nextPage, this.#chunkPages)
      this.#nextPage += this.#chunkPages
      this.#chunkPage = 0
    }
    this.at = this.#chunkPage * PAGE_WORDS + HEAD_WORDS
    this.#end = this.at + (this.words[this.at - 2] as number) * RECORD_WORDS
    return true
  }
}

/** The first of ascending `values` that is not below `wanted`, or their number. */
function lowerBound(values: Uint32Array, wanted: number): number {
  let [low, high] = [0, values.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** Where the first record of a page is whose first word is not below `wanted`. */
function firstRecord(page: Uint32Array, end: number, wanted: number): number {
  let [low, high] = [0, (end - HEAD_WORDS) / RECORD_WORDS]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((page[HEAD_WORDS + middle * RECORD_WORDS] as number) < wanted) low = middle + 1
    else high = middle
  }
  return HEAD_WORDS + low * RECORD_WORDS
}

function fill(target: Uint32Array, file: IndexFile, id: number, position: number): void {
  const bytes = bytesOf(target, 0, target.length)
  if (position < 0 || file.read(bytes, position) !== bytes.length) throw damagedIndex(runName(id), 'it is cut off')
}

function bytesOf(words: Uint32Array, from: number, to: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + 4 * from, 4 * (to - from))
}
