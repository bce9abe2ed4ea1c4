import { ClassicLevel } from 'classic-level'

/** The ordered byte store under the archive. */
export interface ArchiveStore {
  get(key: Buffer): Promise<Buffer | undefined>
  /** In the order of their keys, from one key to before another. */
  entries(from: Buffer, to: Buffer): AsyncIterable<readonly [key: Buffer, value: Buffer]>
  batch(): ArchiveBatch
  /** What was written survives the end of the machine once this resolves. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** All or nothing; survives the end of the process once written. */
export interface ArchiveBatch {
  /** Copies both. */
  put(key: Buffer, value: Buffer): void
  del(key: Buffer): void
  write(): Promise<void>
}

const LEVEL_OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  compression: false, // Bodies come compressed, and hashes do not compress.
  writeBufferSize: 32 * 1024 * 1024, // Fewer, larger tables: less merging.
  maxFileSize: 32 * 1024 * 1024,
  cacheSize: 16 * 1024 * 1024,
} as const

export async function openLevelStore(dir: string): Promise<ArchiveStore> {
  const level = new ClassicLevel<Buffer, Buffer>(dir, LEVEL_OPTIONS)
  await level.open()
  // The index of transactions stood here in format 1; it is made anew from the blocks, elsewhere.
  await level.clear({ gte: Buffer.from('x'), lt: Buffer.from('y') })
  return {
    get: (key) => level.get(key),
    entries: (from, to) => level.iterator({ gte: from, lt: to }),
    batch() {
      const batch = level.batch()
      return {
        put: (key, value) => void batch.put(key, value),
        del: (key) => void batch.del(key),
        write: () => batch.write(),
      }
    },
    // A synced write would not do: LevelDB does not sync a log that it has left for a new one. A compaction, here of a
    // range without keys, writes what is in memory to a table and syncs it.
    sync: () => level.compactRange(Buffer.of(0xff), Buffer.of(0xff)),
    close: () => level.close(),
  }
}

/** Keeps everything until it is closed: for development. */
export function memoryStore(): ArchiveStore {
  const entries = new Map<string, Buffer>()
  const get = (key: Buffer): Buffer | undefined => entries.get(key.toString('latin1'))
  return {
    get: async (key) => get(key),
    async *entries(from, to) {
      const [low, high] = [from.toString('latin1'), to.toString('latin1')]
      const names = [...entries.keys()].filter((name) => name >= low && name < high).sort()
      for (const name of names) yield [Buffer.from(name, 'latin1'), entries.get(name) as Buffer] as const
    },
    batch() {
      const writes: (() => void)[] = []
      return {
        put: (key, value) => {
          const [name, copy] = [key.toString('latin1'), Buffer.from(value)]
          writes.push(() => entries.set(name, copy))
        },
        del: (key) => void writes.push(() => entries.delete(key.toString('latin1'))),
        write: async () => {
          for (const write of writes) write()
        },
      }
    },
    sync: async () => undefined,
    close: async () => entries.clear(),
  }
}
