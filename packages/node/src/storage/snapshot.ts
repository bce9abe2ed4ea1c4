/**
 * Snapshot files: `snapshot-<id>.bin`, complete or not there at all. All integers are little-endian.
 *
 * Header: magic u32 | version u32 | id u64 | first log segment to replay u64 | genesis hash 32 | meta length u32 | meta |
 * CRC-32 of all before. Then chunks: length u32 (not 0) | bytes | CRC-32 of length and bytes. Trailer: 0 u32 | chunk count
 * u32 | SHA-256 of all before.
 *
 * A file is written under a temporary name, synced, renamed, and the folder synced, so that a name stands for whole
 * contents. Reading checks everything before the first chunk is given out.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { ArmError, isArmError } from '@armchain/core'
import { SNAPSHOT_CHUNK_BYTES_MAX, SNAPSHOT_META_BYTES_MAX } from '../limits.ts'
import { FileWindow, syncDirectory, writeAll } from './disk.ts'
import { FIRST_SEGMENT } from './wal-format.ts'

const MAGIC = 0x4e535741 // "AWSN"
const VERSION = 1
const HEAD_BYTES = 60
const SHA_BYTES = 32
const WRITE_BYTES = 1024 * 1024

export type SnapshotContents = {
  /** Ascending: a block height or count. */
  readonly id: number
  /** 32 bytes. */
  readonly genesisHash: Uint8Array
  /** The log segment from which on records are not in the snapshot: what `Wal.cut` gave. */
  readonly walSegment: number
  readonly meta: Uint8Array
  /** Consumed once, in order; each is copied or written before the next is taken. Empty chunks are left out. */
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export type SnapshotFile = { readonly id: number; readonly path: string }

export type Snapshot = {
  readonly id: number
  readonly path: string
  readonly genesisHash: Uint8Array
  readonly walSegment: number
  readonly meta: Uint8Array
  /** The chunks as written; each is the receiver's own. */
  chunks(): AsyncGenerator<Uint8Array, void>
}

/**
 * Writes a snapshot, durably; replaces one of the same id.
 *
 * @throws ArmError ARM_STORE if the disk fails; the snapshots that were there are not touched.
 */
export async function writeSnapshot(
  dir: string,
  contents: SnapshotContents,
): Promise<SnapshotFile & { readonly sizeBytes: number }> {
  const path = join(dir, snapshotName(contents.id))
  const temporary = `${path}.tmp`
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 })
    const handle = await open(temporary, 'w', 0o600)
    let sizeBytes = 0
    try {
      sizeBytes = await writeContents(handle, contents)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
    await syncDirectory(dir)
    return { id: contents.id, path, sizeBytes }
  } catch (cause) {
    await unlink(temporary).catch(() => undefined)
    if (isArmError(cause)) throw cause
    const hint = 'check free space and permissions; the node goes on with the snapshots and the log that it has'
    throw new ArmError('ARM_STORE', `the snapshot ${path} could not be written`, { file: path, hint }, { cause })
  }
}

/** Snapshots by name, newest first; their contents are not looked at. */
export async function listSnapshots(dir: string): Promise<SnapshotFile[]> {
  return (await namesIn(dir))
    .flatMap((name) => {
      const match = /^snapshot-(\d{16})\.bin$/.exec(name)
      return match ? [{ id: Number(match[1]), path: join(dir, name) }] : []
    })
    .sort((left, right) => right.id - left.id)
}

/**
 * Opens a snapshot after checking the whole file.
 *
 * @throws ArmError ARM_SNAPSHOT_CORRUPT with `file`; ARM_STORE if the disk does not read.
 */
export async function readSnapshot(path: string): Promise<Snapshot> {
  return await withFile(path, async (file) => {
    const header = await readHeader(path, file)
    const { chunksOffset, ...contents } = header
    await checkHash(path, file)
    return { ...contents, path, chunks: () => readChunks(path, chunksOffset) }
  })
}

/**
 * The newest snapshot of the chain that is intact; `undefined` if there is none, and the log is to be replayed whole.
 *
 * @param onSkip - Told of each newer one that could not be used.
 */
export async function latestValidSnapshot(
  dir: string,
  genesisHash: Uint8Array,
  onSkip: (path: string, error: ArmError) => void,
): Promise<Snapshot | undefined> {
  for (const { path } of await listSnapshots(dir)) {
    try {
      const snapshot = await readSnapshot(path)
      if (Buffer.compare(snapshot.genesisHash, genesisHash) === 0) return snapshot
      onSkip(path, corrupt(path, 'it is of another chain'))
    } catch (error) {
      if (!isArmError(error)) throw error
      onSkip(path, error)
    }
  }
  return undefined
}

/**
 * Deletes all but the newest `count` snapshots with an intact header, and what interrupted writes left.
 *
 * @returns The lowest log segment that the oldest of them needs: the argument for `Wal.dropBefore`. While there are fewer
 * than `count` it is the first of all, because falling back then means to replay the whole log.
 */
export async function keepSnapshots(dir: string, count: number): Promise<number> {
  let kept = 0
  let lowestSegment = FIRST_SEGMENT
  const surplus: string[] = []
  for (const { path } of await listSnapshots(dir)) {
    if (kept === count) {
      surplus.push(path)
      continue
    }
    const walSegment = await withFile(path, async (file) => (await readHeader(path, file)).walSegment).catch(
      (error) => {
        if (isArmError(error)) return undefined // Cannot be used, so it does not count; it goes when it is old.
        throw error
      },
    )
    if (walSegment === undefined) continue
    kept++
    if (kept === count) lowestSegment = walSegment
  }
  const leftovers = (await namesIn(dir)).filter((name) => /^snapshot-\d{16}\.bin\.tmp$/.test(name))
  try {
    for (const path of [...surplus, ...leftovers.map((name) => join(dir, name))]) await unlink(path)
  } catch (cause) {
    throw storeError(dir, cause)
  }
  return lowestSegment
}

async function namesIn(dir: string): Promise<string[]> {
  return await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw storeError(dir, error)
  })
}

function snapshotName(id: number): string {
  return `snapshot-${String(id).padStart(16, '0')}.bin`
}

async function writeContents(handle: FileHandle, contents: SnapshotContents): Promise<number> {
  const sha = createHash('sha256')
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let written = 0
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(waiting, waitingBytes)
    sha.update(bytes)
    await writeAll(handle, bytes, written)
    written += waitingBytes
    waiting = []
    waitingBytes = 0
  }
  const put = (bytes: Uint8Array): void => {
    waiting.push(bytes)
    waitingBytes += bytes.length
  }

  put(encodeHeader(contents))
  let chunkCount = 0
  for await (const chunk of contents.chunks) {
    if (chunk.length === 0) continue
    requireSize('chunk', chunk.length, SNAPSHOT_CHUNK_BYTES_MAX)
    const lengthBytes = u32(chunk.length)
    put(lengthBytes)
    // Copied where it waits for others, because its owner may reuse it.
    put(chunk.length < WRITE_BYTES ? new Uint8Array(chunk) : chunk)
    put(u32(crc32(chunk, crc32(lengthBytes))))
    chunkCount++
    if (waitingBytes >= WRITE_BYTES) await flush()
  }
  put(Buffer.concat([u32(0), u32(chunkCount)]))
  await flush()
  await writeAll(handle, sha.digest(), written)
  return written + SHA_BYTES
}

function encodeHeader({ id, genesisHash, walSegment, meta }: SnapshotContents): Buffer {
  requireSize('meta', meta.length, SNAPSHOT_META_BYTES_MAX)
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(VERSION, 4)
  head.writeBigUInt64LE(BigInt(id), 8)
  head.writeBigUInt64LE(BigInt(walSegment), 16)
  head.set(genesisHash, 24)
  head.writeUInt32LE(meta.length, 56)
  return Buffer.concat([head, meta, u32(crc32(meta, crc32(head)))])
}

type Header = Omit<Snapshot, 'path' | 'chunks'> & { readonly chunksOffset: number }

async function readHeader(path: string, file: FileWindow): Promise<Header> {
  const metaBytes = (await file.read(56, 4))?.readUInt32LE(0)
  if (metaBytes === undefined || metaBytes > SNAPSHOT_META_BYTES_MAX) throw corrupt(path, 'its header is damaged')
  const bytes = await file.read(0, HEAD_BYTES + metaBytes + 4)
  if (bytes === undefined || bytes.readUInt32LE(0) !== MAGIC) throw corrupt(path, 'its header is damaged')
  const end = HEAD_BYTES + metaBytes
  if (bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end))) throw corrupt(path, 'its header is damaged')
  const version = bytes.readUInt32LE(4)
  if (version !== VERSION) throw corrupt(path, `its format is version ${version}, and this node reads ${VERSION}`)
  return {
    id: Number(bytes.readBigUInt64LE(8)),
    walSegment: Number(bytes.readBigUInt64LE(16)),
    genesisHash: new Uint8Array(bytes.subarray(24, 56)),
    meta: new Uint8Array(bytes.subarray(HEAD_BYTES, end)),
    chunksOffset: end + 4,
  }
}

async function checkHash(path: string, file: FileWindow): Promise<void> {
  const end = file.sizeBytes - SHA_BYTES
  const sha = createHash('sha256')
  for (let offset = 0; offset < end; offset += WRITE_BYTES) {
    const bytes = await file.read(offset, Math.min(WRITE_BYTES, end - offset))
    if (bytes === undefined) throw corrupt(path, 'it became shorter while it was read')
    sha.update(bytes)
  }
  const stored = await file.read(end, SHA_BYTES)
  if (stored === undefined || !sha.digest().equals(stored)) throw corrupt(path, 'its SHA-256 does not match')
}

/** The file was checked as a whole; the checksums are looked at again because it is read again. */
async function* readChunks(path: string, chunksOffset: number): AsyncGenerator<Uint8Array, void> {
  const handle = await reading(path, () => open(path, 'r'))
  try {
    const file = new FileWindow(handle, (await reading(path, () => handle.stat())).size)
    let offset = chunksOffset
    for (let count = 0; ; count++) {
      const length = (await reading(path, () => file.read(offset, 4)))?.readUInt32LE(0)
      if (length === 0) {
        const stored = (await reading(path, () => file.read(offset + 4, 4)))?.readUInt32LE(0)
        if (stored !== count || offset + 8 + SHA_BYTES !== file.sizeBytes) throw corrupt(path, 'chunks are missing')
        return
      }
      if (length === undefined || length > SNAPSHOT_CHUNK_BYTES_MAX) throw corrupt(path, 'a chunk is damaged')
      const bytes = await reading(path, () => file.read(offset, length + 8))
      if (bytes === undefined || bytes.readUInt32LE(length + 4) !== crc32(bytes.subarray(0, length + 4)))
        throw corrupt(path, 'a chunk is damaged')
      yield new Uint8Array(bytes.subarray(4, length + 4))
      offset += length + 8
    }
  } finally {
    await handle.close()
  }
}

async function withFile<T>(path: string, action: (file: FileWindow) => Promise<T>): Promise<T> {
  return await reading(path, async () => {
    const handle = await open(path, 'r')
    try {
      return await action(new FileWindow(handle, (await handle.stat()).size))
    } finally {
      await handle.close()
    }
  })
}

async function reading<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    throw isArmError(cause) ? cause : storeError(path, cause)
  }
}

function requireSize(what: string, sizeBytes: number, maxBytes: number): void {
  if (sizeBytes > maxBytes)
    throw new ArmError('ARM_ARGUMENT', `a snapshot's ${what} is too large`, { sizeBytes, maxBytes })
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function corrupt(file: string, reason: string): ArmError {
  const hint = 'remove the file: the node takes an older snapshot, or replays the log'
  return new ArmError('ARM_SNAPSHOT_CORRUPT', `${file}: ${reason}`, { file, hint })
}

function storeError(file: string, cause: unknown): ArmError {
  const hint = 'check permissions and the disk'
  return new ArmError('ARM_STORE', `${file} cannot be read or deleted`, { file, hint }, { cause })
}
