import {
  closeSync,
  fdatasync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { syncDirectory } from '../disk.ts'

/**
 * The folder of the index; tests of crashing and failing disks put their own here. Reads and writes are synchronous: they
 * mostly meet the system's cache, where waiting for another thread costs ten times the work. What waits for the disk itself
 * is not.
 */
export interface IndexDisk {
  names(): readonly string[]
  /** A new file for writing; one of that name is emptied. */
  create(name: string): IndexFile
  open(name: string): IndexFile
  rename(from: string, to: string): void
  remove(name: string): void
  /** Makes the creation, renaming and deletion of files durable. */
  sync(): Promise<void>
}

export interface IndexFile {
  readonly sizeBytes: number
  /** Fills `target` from `position`; gives the bytes that there were. */
  read(target: Uint8Array, position: number): number
  /** All of `bytes` behind what was written before. */
  append(bytes: Uint8Array): void
  /** Makes what was written durable, with the size of the file. */
  sync(): Promise<void>
  close(): void
}

/** The folder at `dir`, made if need be. */
export function nodeIndexDisk(dir: string): IndexDisk {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return {
    names: () => readdirSync(dir),
    create: (name) => nodeFile(openSync(join(dir, name), 'w', 0o600)),
    open: (name) => nodeFile(openSync(join(dir, name), 'r')),
    rename: (from, to) => renameSync(join(dir, from), join(dir, to)),
    remove: (name) => unlinkSync(join(dir, name)),
    sync: () => syncDirectory(dir),
  }
}

const syncData = promisify(fdatasync)

function nodeFile(fd: number): IndexFile {
  let sizeBytes = fstatSync(fd).size
  return {
    get sizeBytes() {
      return sizeBytes
    },
    read(target, position) {
      let done = 0
      while (done < target.length) {
        const bytesRead = readSync(fd, target, done, target.length - done, position + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return done
    },
    append(bytes) {
      for (let done = 0; done < bytes.length; )
        done += writeSync(fd, bytes, done, bytes.length - done, sizeBytes + done)
      sizeBytes += bytes.length
    },
    sync: () => syncData(fd),
    close: () => closeSync(fd),
  }
}

/** Keeps everything until it is forgotten: for development. */
export function memoryIndexDisk(): IndexDisk {
  const files = new Map<string, MemoryFile>()
  const existing = (name: string): MemoryFile => {
    const file = files.get(name)
    if (file === undefined) throw new Error(`there is no file ${name}`)
    return file
  }
  return {
    names: () => [...files.keys()],
    create(name) {
      const file = new MemoryFile()
      files.set(name, file)
      return file
    },
    open: existing,
    rename(from, to) {
      files.set(to, existing(from))
      files.delete(from)
    },
    remove: (name) => void files.delete(name),
    sync: async () => undefined,
  }
}

class MemoryFile implements IndexFile {
  #bytes: Uint8Array = new Uint8Array(0)
  sizeBytes = 0

  read(target: Uint8Array, position: number): number {
    const found = this.#bytes.subarray(position, Math.min(this.sizeBytes, position + target.length))
    target.set(found)
    return found.length
  }

  append(bytes: Uint8Array): void {
    const end = this.sizeBytes + bytes.length
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes.set(bytes, this.sizeBytes)
    this.sizeBytes = end
  }

  async sync(): Promise<void> {}

  close(): void {}
}
