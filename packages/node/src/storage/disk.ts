import { type FileHandle, open } from 'node:fs/promises'

/** What the log's writer needs of a file system; tests of failing disks put their own here. */
export interface Disk {
  /** Creates a file that must not exist yet (`create`), or opens an existing one (`write`). */
  open(path: string, mode: 'create' | 'write'): Promise<DiskFile>
  /** Makes the creation, renaming and deletion of files in `directory` durable. */
  syncDirectory(directory: string): Promise<void>
}

export interface DiskFile {
  /** All of `bytes`, at `position`. */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Makes what was written durable, with the size of the file. */
  sync(): Promise<void>
  close(): Promise<void>
}

export const nodeDisk: Disk = {
  async open(path: string, mode: 'create' | 'write'): Promise<DiskFile> {
    const handle = await open(path, mode === 'create' ? 'wx' : 'r+', 0o600)
    return {
      write: (bytes, position) => writeAll(handle, bytes, position),
      sync: () => handle.datasync(),
      close: () => handle.close(),
    }
  },
  syncDirectory,
}

/** Makes the creation, renaming and deletion of files in `directory` durable. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return // Directories cannot be opened there; NTFS journals its metadata.
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

/** Reads a file of known size in windows, so that small reads in a row cost one system call. */
export class FileWindow {
  readonly sizeBytes: number
  readonly #handle: FileHandle
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle
    this.sizeBytes = sizeBytes
  }

  /** A view, good until the next call, of `length` bytes at `offset`; `undefined` if the file ends before. */
  async read(offset: number, length: number): Promise<Buffer | undefined> {
    if (offset + length > this.sizeBytes) return undefined
    if (offset < this.#start || offset + length > this.#start + this.#bytes.length) await this.#load(offset, length)
    if (offset + length > this.#start + this.#bytes.length) return undefined // It shrank under us.
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length)
  }

  async #load(offset: number, length: number): Promise<void> {
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.sizeBytes - offset)
    const reusable = this.#bytes.buffer.byteLength >= wanted && this.#bytes.buffer.byteLength <= 2 * WINDOW_BYTES
    const target = reusable ? Buffer.from(this.#bytes.buffer, 0, wanted) : Buffer.allocUnsafeSlow(wanted)
    let done = 0
    while (done < wanted) {
      const { bytesRead } = await this.#handle.read(target, done, wanted - done, offset + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    this.#bytes = target.subarray(0, done)
    this.#start = offset
  }
}

const WINDOW_BYTES = 1024 * 1024
