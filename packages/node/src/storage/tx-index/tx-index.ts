/**
 * The index of history: where each transaction is, by its id, as sorted runs.
 *
 * New transactions go to a table in memory. A full one is frozen and written as a run, while the next fills; eight runs of a
 * level are merged into one of the next, in slices between which the thread does other work.
 * So a transaction is written once a level, in sequence, and a look costs a page of each run.
 *
 * The index follows from the blocks. A manifest names the runs and, by shard, the height up to which they have the blocks'
 * transactions; those above are read again from the blocks at the next start. So nothing is lost with the table at a crash,
 * and nothing has to be synced but a run before the manifest names it. What is damaged makes the whole index be made
 * anew from the blocks at the next start; until then looks are refused, and blocks go on being stored.
 *
 * A record tells where a transaction was put, and whoever looks compares the block's own id (`record.ts`): blocks may go
 * or be replaced, once `uncover` has said so.
 */
import { setImmediate } from 'node:timers/promises'
import type { TxIndexLimits } from '../../limits.ts'
import type { BlockPlace, TransactionPlace } from '../archive-records.ts'
import { isDamage } from './damage.ts'
import type { IndexDisk } from './disk.ts'
import { EMPTY_MANIFEST, readManifest, writeManifest } from './manifest.ts'
import { Merge, type RecordCursor } from './merge.ts'
import { keyOf } from './record.ts'
import { isRunName, Run, RunWriter, runName } from './run.ts'
import { IdTable } from './table.ts'

export type IndexedBlock = BlockPlace & {
  /** 32 bytes for each transaction. */
  readonly txIds: Uint8Array
}

export interface TxIndex {
  /** Takes blocks that are stored already; resolves when the next may come, which waits where runs are behind. */
  add(blocks: readonly IndexedBlock[]): Promise<void>
  /**
   * Where the transaction may be, from what is likely to what is not. Throws ARM_STORE if the index is damaged.
   *
   * @param txId - 32 bytes.
   */
  candidates(txId: Uint8Array): Iterable<TransactionPlace>
  /** The highest block of a shard whose transactions, and those of all below it, are in the runs; -1 if none. */
  coveredHeight(shard: number): number
  /**
   * To be awaited before a block that was added goes, or another takes its place: those of the shard from `height` on are
   * read again at the next start, unless runs have come to cover them anew.
   */
  uncover(shard: number, height: number): Promise<void>
  /** Writes what is in memory and closes; the next start has no block to read again. */
  close(): Promise<void>
}

export type TxIndexOptions = {
  readonly disk: IndexDisk
  readonly limits: TxIndexLimits
  /** Told when the index turns out to be damaged. */
  readonly onDamage: (reason: string) => void
}

/** Opens the index in a folder of its own, of which it deletes all that it does not need. */
export async function openTxIndex(options: TxIndexOptions): Promise<TxIndex> {
  return await SortedTxIndex.open(options)
}

type Level = { readonly run: Run; readonly level: number }

class SortedTxIndex implements TxIndex {
  readonly #options: TxIndexOptions
  readonly #disk: IndexDisk
  #table: IdTable = new IdTable()
  #tableBlocks = 0
  /** A full table on its way to a run; then kept for its memory. */
  #frozen: IdTable | undefined
  #spare: IdTable | undefined
  /** The newest last. */
  #runs: readonly Level[] = []
  #nextId = 1
  /** By shard: what the manifest says, and the last block added. */
  readonly #covers: Map<number, number> = new Map()
  readonly #heights: Map<number, number> = new Map()
  #flushing: Promise<void> = Promise.resolve()
  #merging: Promise<void> | undefined
  #committing: Promise<void> = Promise.resolve()
  #damage: Error | undefined
  #failure: { readonly error: unknown } | undefined
  #closing = false

  private constructor(options: TxIndexOptions) {
    this.#options = options
    this.#disk = options.disk
  }

  static async open(options: TxIndexOptions): Promise<SortedTxIndex> {
    const index = new SortedTxIndex(options)
    try {
      index.#load()
    } catch (error) {
      if (!isDamage(error)) throw error
      options.onDamage(error.message)
      index.#forget()
      // Before the runs go: it must not be found without them.
      await writeManifest(options.disk, EMPTY_MANIFEST)
    }
    index.#removeOthers()
    index.#mergeIfDue()
    return index
  }

  async add(blocks: readonly IndexedBlock[]): Promise<void> {
    this.#check()
    if (this.#damage !== undefined) return
    for (const block of blocks) {
      this.#table.add(block, block.txIds)
      this.#heights.set(block.shard, Math.max(block.height, this.#heights.get(block.shard) ?? -1))
    }
    this.#tableBlocks += blocks.length
    // Not between blocks: of one that replaces another below it, the run would cover the place and not have it.
    const { tableRecords, blockRecords } = this.#options.limits
    if (this.#table.records + this.#tableBlocks * blockRecords >= tableRecords) await this.#freeze()
  }

  *candidates(txId: Uint8Array): Generator<TransactionPlace, void> {
    const key = keyOf(txId)
    // Records move from the table to runs, never back: what is looked at later holds what was not yet there.
    yield* this.#table.candidates(key)
    if (this.#frozen !== undefined) yield* this.#frozen.candidates(key)
    if (this.#damage !== undefined) throw this.#damage
    yield* this.#inRuns(() => this.#runs.toReversed().flatMap(({ run }) => run.candidates(key)))
  }

  coveredHeight(shard: number): number {
    return this.#covers.get(shard) ?? -1
  }

  async uncover(shard: number, height: number): Promise<void> {
    this.#check()
    if ((this.#heights.get(shard) ?? -1) < height) return
    // A run on its way is about to cover blocks too.
    await this.#flushing
    this.#check()
    setBelow(this.#heights, shard, height)
    if (this.coveredHeight(shard) >= height) await this.#commit(() => setBelow(this.#covers, shard, height))
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#merging
    if (this.#failure === undefined && this.#damage === undefined && this.#tableBlocks > 0) await this.#freeze()
    await this.#flushing
    await this.#committing.catch(() => undefined)
    for (const { run } of this.#runs) run.close()
    this.#check()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #load(): void {
    const manifest = readManifest(this.#disk)
    for (const { id, level } of manifest?.runs ?? []) {
      this.#runs = [...this.#runs, { run: Run.open(this.#disk, id), level }]
      this.#nextId = Math.max(this.#nextId, id + 1)
    }
    for (const [shard, height] of manifest?.covers ?? []) {
      this.#covers.set(shard, height)
      this.#heights.set(shard, height)
    }
  }

  /** Runs that the manifest does not name. */
  #removeOthers(): void {
    const own = new Set(this.#runs.map(({ run }) => runName(run.id)))
    for (const name of this.#disk.names()) if (isRunName(name) && !own.has(name)) this.#disk.remove(name)
  }

  /** The table becomes a run, behind a new one. Waits where the one before is not written, or runs wait to be merged. */
  async #freeze(): Promise<void> {
    await this.#flushing
    while (this.#merging !== undefined && this.#runs.length > this.#options.limits.runsMax) await this.#merging
    this.#check()
    if (this.#damage !== undefined) return
    const frozen = this.#table
    this.#frozen = frozen
    this.#table = this.#spare ?? new IdTable()
    this.#spare = undefined
    this.#tableBlocks = 0
    this.#flushing = this.#guarded(() => this.#flush(frozen, new Map(this.#heights)))
  }

  async #flush(frozen: IdTable, heights: ReadonlyMap<number, number>): Promise<void> {
    const run = frozen.records > 0 ? await this.#write([frozen.sorted()], frozen.records) : undefined
    await this.#commit(() => {
      if (run !== undefined) this.#runs = [...this.#runs, { run, level: 0 }]
      for (const [shard, height] of heights) this.#covers.set(shard, height)
    })
    this.#frozen = undefined
    frozen.clear()
    this.#spare = frozen
    this.#mergeIfDue()
  }

  /** A run of what the cursors give; `undefined` if the index is closed meanwhile, for what may be done again. */
  async #write(
    cursors: readonly RecordCursor[],
    recordsMax: number,
    mayStop?: () => boolean,
  ): Promise<Run | undefined> {
    const id = this.#nextId++
    const writer = new RunWriter(this.#disk, id, recordsMax)
    try {
      const merge = new Merge(cursors, writer)
      while (merge.step(this.#options.limits.sliceRecords)) {
        await setImmediate()
        if (!mayStop?.()) continue
        writer.abandon()
        return undefined
      }
    } catch (error) {
      writer.abandon()
      throw error
    }
    await writer.finish()
    return Run.open(this.#disk, id)
  }

  /** One merge at a time, the lowest level first: small ones are due often and done soon. */
  #mergeIfDue(): void {
    if (this.#merging !== undefined || this.#closing || this.#damage !== undefined) return
    const inputs = dueForMerge(this.#runs, this.#options.limits.mergeRuns)
    if (inputs === undefined) return
    this.#merging = this.#guarded(() => this.#merge(inputs)).then(() => {
      this.#merging = undefined
      if (this.#failure === undefined) this.#mergeIfDue()
    })
  }

  async #merge(inputs: readonly Level[]): Promise<void> {
    const records = inputs.reduce((sum, { run }) => sum + run.records, 0)
    const cursors = inputs.map(({ run }) => run.cursor())
    const run = await this.#write(cursors, records, () => this.#closing || this.#damage !== undefined)
    if (run === undefined) return
    const level = 1 + (inputs[0] as Level).level
    await this.#commit(() => {
      const at = this.#runs.indexOf(inputs[0] as Level)
      this.#runs = this.#runs.with(at, { run, level }).filter((each) => !inputs.includes(each))
    })
    for (const input of inputs) {
      input.run.close()
      this.#disk.remove(runName(input.run.id))
    }
  }

  *#inRuns(look: () => TransactionPlace[]): Generator<TransactionPlace, void> {
    let places: TransactionPlace[]
    try {
      places = look()
    } catch (error) {
      this.#noteDamage(error)
      throw error
    }
    yield* places
  }

  /** Changes what the index consists of, and has the manifest say so. */
  #commit(change: () => void): Promise<void> {
    this.#committing = this.#committing.then(async () => {
      if (this.#damage !== undefined) return
      change()
      const runs = this.#runs.map(({ run, level }) => ({ id: run.id, level }))
      await writeManifest(this.#disk, { runs, covers: this.#covers })
    })
    return this.#committing
  }

  /** What fails in the background is told to whoever adds next; damage, to whoever looks. */
  async #guarded(action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      if (!this.#noteDamage(error)) this.#failure ??= { error }
    }
  }

  /** If it is damage: the next start makes the index anew, whatever happens until then. */
  #noteDamage(error: unknown): boolean {
    if (!isDamage(error)) return false
    if (this.#damage !== undefined) return true
    this.#options.onDamage(error.message)
    this.#committing = this.#committing
      .then(() => writeManifest(this.#disk, EMPTY_MANIFEST))
      .catch((failure) => {
        this.#failure ??= { error: failure }
      })
    this.#damage = error
    this.#covers.clear()
    return true
  }

  #forget(): void {
    for (const { run } of this.#runs) run.close()
    this.#runs = []
    this.#covers.clear()
    this.#heights.clear()
  }
}

function setBelow(heights: Map<number, number>, shard: number, height: number): void {
  if (height > 0) heights.set(shard, height - 1)
  else heights.delete(shard)
}

/** The oldest runs of the lowest level that has enough of them. */
function dueForMerge(runs: readonly Level[], enough: number): readonly Level[] | undefined {
  const byLevel = Map.groupBy(runs, ({ level }) => level)
  for (const [, own] of [...byLevel].sort(([a], [b]) => a - b)) if (own.length >= enough) return own.slice(0, enough)
  return undefined
}
