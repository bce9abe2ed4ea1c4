import type { IndexDisk, IndexFile } from './disk.ts'

type Stored = { bytes: Uint8Array; durableBytes: number }

/**
 * What a crash takes of what was written and not synced: nothing where only the process ends; where the machine does, all
 * of it, or all but names of files, or all but those that were given by renaming.
 */
export type Crash = 'process' | 'machine' | 'machine, names kept' | 'machine, renames kept'
export const CRASHES: readonly Crash[] = ['process', 'machine', 'machine, names kept', 'machine, renames kept']

/**
 * A disk in memory that counts its operations and stops at one of them, an append in its middle. What is on it then is
 * what the next start finds.
 */
export class CrashDisk {
  /** Files by name, as the running system sees them; and the names that are durable. */
  #files: Map<string, Stored> = new Map()
  #durable: Map<string, Stored> = new Map()
  readonly #renamed: Map<string, Stored> = new Map()
  #operations = 0
  #stopAt = Number.POSITIVE_INFINITY
  #life = 0

  get operations(): number {
    return this.#operations
  }

  /** The operation after so many more fails, and all that follow. */
  stopAfter(operations: number): void {
    this.#stopAt = this.#operations + operations
  }

  /** Loses what the crash takes; whoever still has the disk open cannot use it any more. */
  crash(kind: Crash): void {
    this.#life++
    this.#stopAt = Number.POSITIVE_INFINITY
    if (kind === 'process') return
    if (kind === 'machine') this.#files = new Map(this.#durable)
    if (kind === 'machine, renames kept') this.#files = new Map([...this.#durable, ...this.#renamed])
    this.#durable = new Map(this.#files)
    this.#renamed.clear()
    for (const file of this.#files.values()) file.bytes = file.bytes.slice(0, file.durableBytes)
  }

  /** Puts other bytes in the place of a file's. */
  replace(name: string, bytes: Uint8Array): void {
    this.#file(name).bytes = bytes
  }

  names(): string[] {
    return [...this.#files.keys()]
  }

  bytes(name: string): Uint8Array {
    return this.#file(name).bytes
  }

  /** The disk for one life of the process. */
  open(): IndexDisk {
    const life = this.#life
    const step = (): void => {
      if (life !== this.#life || this.#operations >= this.#stopAt) throw new Error('the disk is gone')
      this.#operations++
    }
    const handle = (stored: Stored): IndexFile => ({
      get sizeBytes() {
        return stored.bytes.length
      },
      read(target, position) {
        const found = stored.bytes.subarray(position, position + target.length)
        target.set(found)
        return found.length
      },
      append: (bytes) => {
        const torn = life === this.#life && this.#operations === this.#stopAt
        stored.bytes = Buffer.concat([stored.bytes, torn ? bytes.subarray(0, bytes.length >> 1) : bytes])
        step()
      },
      sync: async () => {
        step()
        stored.durableBytes = stored.bytes.length
      },
      close: () => undefined,
    })
    return {
      names: () => this.names(),
      create: (name) => {
        step()
        const stored = { bytes: new Uint8Array(0), durableBytes: 0 }
        this.#files.set(name, stored)
        return handle(stored)
      },
      open: (name) => handle(this.#file(name)),
      rename: (from, to) => {
        step()
        this.#files.set(to, this.#file(from))
        this.#renamed.set(to, this.#file(from))
        this.#files.delete(from)
      },
      remove: (name) => {
        step()
        this.#files.delete(name)
      },
      sync: async () => {
        step()
        this.#durable = new Map(this.#files)
        this.#renamed.clear()
      },
    }
  }

  #file(name: string): Stored {
    const stored = this.#files.get(name)
    if (stored === undefined) throw new Error(`there is no file ${name}`)
    return stored
  }
}
