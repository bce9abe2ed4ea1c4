/**
 * What the index consists of: a small file that is replaced whole. A run that it does not name was never finished, or is
 * merged into another one, and goes at the next start.
 */
import { hash } from 'node:crypto'
import { damagedIndex } from './damage.ts'
import type { IndexDisk } from './disk.ts'

const FORMAT = 1
const NAME = 'manifest.json'
const TEMPORARY_NAME = `${NAME}.tmp`

export type Manifest = {
  readonly runs: readonly RunEntry[]
  /** By shard: the transactions of its blocks up to this height are in the runs. */
  readonly covers: ReadonlyMap<number, number>
}

export type RunEntry = {
  readonly id: number
  /** How many merges made it. */
  readonly level: number
}

export const EMPTY_MANIFEST: Manifest = { runs: [], covers: new Map() }

/** `undefined` if there is none. Throws what `damagedIndex` makes. */
export function readManifest(disk: IndexDisk): Manifest | undefined {
  if (!disk.names().includes(NAME)) return undefined
  const file = disk.open(NAME)
  try {
    const bytes = Buffer.alloc(file.sizeBytes)
    if (file.read(bytes, 0) !== bytes.length) throw damagedIndex(NAME, 'it is cut off')
    return parse(bytes.toString())
  } finally {
    file.close()
  }
}

/** Resolves when it is durable; until then a crash leaves it or the one before, whole. */
export async function writeManifest(disk: IndexDisk, manifest: Manifest): Promise<void> {
  // The runs' names first: a manifest must never be found without them.
  await disk.sync()
  const file = disk.create(TEMPORARY_NAME)
  try {
    file.append(Buffer.from(serialise(manifest)))
    await file.sync()
  } finally {
    file.close()
  }
  disk.rename(TEMPORARY_NAME, NAME)
  await disk.sync()
}

type Content = {
  readonly format: number
  readonly runs: readonly RunEntry[]
  readonly covers: readonly (readonly [shard: number, height: number])[]
}

function serialise({ runs, covers }: Manifest): string {
  const content = {
    format: FORMAT,
    runs: runs.map(({ id, level }) => ({ id, level })),
    covers: [...covers],
  }
  return `${JSON.stringify({ ...content, sum: sumOf(content) })}\n`
}

function parse(text: string): Manifest {
  let content: Content & { readonly sum: string }
  try {
    content = JSON.parse(text)
    if (content.format !== FORMAT || content.sum !== sumOf(content)) throw new Error('its checksum or format is wrong')
  } catch (cause) {
    throw damagedIndex(NAME, (cause as Error).message, cause)
  }
  return { runs: content.runs, covers: new Map(content.covers) }
}

function sumOf({ format, runs, covers }: Content): string {
  return hash('sha256', JSON.stringify({ format, runs, covers }))
}
