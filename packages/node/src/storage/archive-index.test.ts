import { hash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ArchiveIndex } from './archive-index.ts'
import type { IndexingProgress } from './archive-messages.ts'
import { type BlockPlace, blockKey, encodeBlock, encodeHeight, lastHeightKey } from './archive-records.ts'
import { type ArchiveStore, memoryStore } from './archive-store.ts'
import { CRASHES, type Crash, CrashDisk } from './tx-index/crash-disk.fixture.ts'
import type { IndexDisk } from './tx-index/disk.ts'
import { isRunName, runName } from './tx-index/run.ts'

/** Small enough that a few blocks fill tables, and runs of several levels are merged in several slices. */
const LIMITS = { tableRecords: 8, blockRecords: 1, mergeRuns: 2, sliceRecords: 3, runsMax: 5 }

type Block = BlockPlace & { readonly ids: readonly Uint8Array[] }
type Step = Block | { readonly shard: number; readonly revertTo: number }

/** The archive as far as the index goes: blocks are written before they are indexed, and uncovered before they go. */
class World {
  readonly store: ArchiveStore = memoryStore()
  readonly damage: string[] = []
  readonly read: IndexingProgress[] = []
  readonly blocks: Map<string, Block> = new Map()
  /** Ids that were ever put. */
  readonly ids: Map<string, Uint8Array> = new Map()
  #index: ArchiveIndex | undefined

  get index(): ArchiveIndex {
    if (this.#index === undefined) throw new Error('the index is not open')
    return this.#index
  }

  async open(disk: IndexDisk, limits = LIMITS): Promise<void> {
    const onProgress = (progress: IndexingProgress): void => {
      if (progress.kind === 'damaged') this.damage.push(progress.reason)
      else this.read.push(progress)
    }
    this.#index = await ArchiveIndex.open(this.store, { disk, limits, onProgress })
  }

  async do(step: Step): Promise<void> {
    if ('ids' in step) await this.put(step)
    else await this.revert(step.shard, step.revertTo)
  }

  async put(block: Block): Promise<void> {
    await this.index.uncover(block.shard, block.height)
    const txIds = Buffer.concat(block.ids)
    const none = new Uint8Array(0)
    const batch = this.store.batch()
    const value = encodeBlock({ header: none, body: none, receipts: none, txIds }, 'none')
    batch.put(blockKey(block), Buffer.concat(value))
    const last = Math.max(this.last(block.shard), block.height)
    batch.put(lastHeightKey(block.shard), encodeHeight(last))
    await batch.write()
    this.blocks.set(`${block.shard}:${block.height}`, block)
    for (const id of block.ids) this.ids.set(Buffer.from(id).toString('hex'), id)
    await this.index.add([{ shard: block.shard, height: block.height, txIds }])
  }

  async revert(shard: number, height: number): Promise<void> {
    await this.index.uncover(shard, height + 1)
    await this.lose(shard, height)
  }

  /** Blocks that the store did not bring to the disk. */
  async lose(shard: number, height: number): Promise<void> {
    const batch = this.store.batch()
    for (let at = this.last(shard); at > height; at--) {
      batch.del(blockKey({ shard, height: at }))
      this.blocks.delete(`${shard}:${at}`)
    }
    batch.put(lastHeightKey(shard), encodeHeight(height))
    await batch.write()
  }

  last(shard: number): number {
    return Math.max(0, ...[...this.blocks.values()].filter((each) => each.shard === shard).map(({ height }) => height))
  }

  /** Every transaction of a block that is there is found in such a block, and no other is. */
  async expectAll(): Promise<void> {
    const there = new Map<string, string[]>()
    for (const { shard, height, ids } of this.blocks.values())
      for (const [index, id] of ids.entries()) {
        const key = Buffer.from(id).toString('hex')
        there.set(key, [...(there.get(key) ?? []), `${shard}:${height}:${index}`])
      }
    for (const [key, id] of this.ids) {
      const found = await this.index.find(id)
      const place = found && `${found.shard}:${found.height}:${found.index}`
      expect(there.get(key) ?? [undefined]).toContain(place)
    }
  }
}

/** Two ids of three share ten bytes or more with others, and some begin with the same word. */
const idOf = (number: number): Uint8Array => {
  const id = new Uint8Array(hash('sha256', `${number}`, 'buffer'))
  if (number % 3 === 1) id.set(new Uint8Array(4).fill(7))
  if (number % 3 === 2) id.set(new Uint8Array(11).fill(0xf7))
  return id
}

type Draw = { readonly shard: number; readonly count: number; readonly revert: number | null }

const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(fc.record({ shard: fc.nat(1), count: fc.nat(5), revert: fc.option(fc.nat(3), { freq: 5 }) }))
  .map(stepsOf)

function someSteps(seed: number): readonly Step[] {
  const draws = Array.from({ length: 40 }, (_, i) => {
    const [shard = 0, count = 0, revert = 0, by = 0] = hash('sha256', `${seed} ${i}`, 'buffer')
    return { shard: shard % 2, count: count % 6, revert: revert < 32 ? by % 4 : null }
  })
  return stepsOf(draws)
}

function stepsOf(draws: readonly Draw[]): readonly Step[] {
  const heights = [0, 0]
  let next = 0
  return draws.map(({ shard, count, revert }) => {
    const height = heights[shard] ?? 0
    heights[shard] = revert === null ? height + 1 : Math.max(0, height - revert)
    if (revert !== null) return { shard, revertTo: heights[shard] }
    return { shard, height: height + 1, ids: Array.from({ length: count }, () => idOf(next++)) }
  })
}

test('any sequence of puts, reverts and restarts: what is there is found, at once, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.array(fc.nat(40), { maxLength: 4 }), async (list, restarts) => {
      const [world, disk] = [new World(), new CrashDisk()]
      await world.open(disk.open())
      for (const [at, step] of list.entries()) {
        await world.do(step)
        if (at % 7 === 0) await world.expectAll()
        if (!restarts.includes(at)) continue
        await world.index.close()
        await world.open(disk.open())
      }
      await world.expectAll()
      await world.index.close()
      await world.open(disk.open())
      await world.expectAll()
      expect(world.damage).toEqual([])
    }),
    { numRuns: 60 },
  )
})

/** The world after a crash at an operation of the disk, or at none; gives whether it came to that. */
async function runUntilCrash(world: World, disk: CrashDisk, list: readonly Step[], kind: Crash): Promise<number> {
  let done = 0
  try {
    await world.open(disk.open())
    for (; done < list.length; done++) await world.do(list[done] as Step)
    await world.index.close()
  } catch (error) {
    expect(String(error)).toContain('the disk is gone')
  }
  disk.crash(kind)
  return done
}

for (const kind of CRASHES)
  test(`a crash of the ${kind} at any operation of the disk: nothing is lost, and it goes on`, async () => {
    const list = someSteps(1)
    const whole = new CrashDisk()
    await runUntilCrash(new World(), whole, list, kind)
    expect(whole.operations).toBeGreaterThan(40)
    for (let operation = 0; operation < whole.operations; operation++) {
      const [world, disk] = [new World(), new CrashDisk()]
      disk.stopAfter(operation)
      const done = await runUntilCrash(world, disk, list, kind)
      // What the store had not synced is put again from the log: the index may have been ahead.
      const lost = kind === 'process' ? [] : [...world.blocks.values()].filter(({ shard }) => shard === 0).slice(-2)
      if (lost[0] !== undefined) await world.lose(0, lost[0].height - 1)
      await world.open(disk.open())
      await world.expectAll()
      for (const block of lost) await world.put(block)
      for (const step of list.slice(done)) await world.do(step)
      await world.expectAll()
      await world.index.close()
      await world.open(disk.open())
      await world.expectAll()
      expect(world.damage).toEqual([])
    }
  })

test('whatever byte is changed, or file cut off: the right answer, or a refusal that a restart ends', async () => {
  const list = someSteps(3)
  let refused = 0
  const sample = await closedDisk(new World(), list)
  // Not what a merge left that the end has cut short.
  const named = String(sample.bytes('manifest.json'))
  const names = sample
    .names()
    .filter((name) => !isRunName(name) || named.includes(`"id":${Number(name.slice(4, 20))},`))
  expect(names.length).toBeGreaterThan(2)
  for (const name of names) {
    for (let round = 0; round < 16; round++) {
      const world = new World()
      const disk = await closedDisk(world, list)
      const bytes = Uint8Array.from(disk.bytes(name))
      // Of the page's and the file's heads and ends, and of what is between, where most of a page is zero.
      const at = round < 8 ? round * 5 : bytes.length - 1 - (round - 8) * 7
      const changed =
        round % 4 === 3 ? bytes.subarray(0, Math.max(0, at)) : bytes.fill((bytes[at] ?? 0) ^ 0x40, at, at + 1)
      disk.replace(name, changed)
      await world.open(disk.open())
      const before = world.damage.length
      await world.expectAll().catch((error) => {
        expect(error).toMatchObject({ code: 'ARM_STORE', hint: expect.stringContaining('restart') })
        refused++
      })
      expect(world.damage.length).toBeGreaterThanOrEqual(before)
      // Blocks go on being stored, and the next start has them all.
      await world.put({ shard: 5, height: 1, ids: [idOf(9_999)] })
      await world.index.close()
      await world.open(disk.open())
      await world.expectAll()
      expect(world.damage.length).toBe(1)
    }
  }
  expect(refused).toBeGreaterThan(10)
})

async function closedDisk(world: World, list: readonly Step[]): Promise<CrashDisk> {
  const disk = new CrashDisk()
  await world.open(disk.open())
  for (const step of list) await world.do(step)
  await world.index.close()
  return disk
}

test('damage that a merge meets is told, and mended by a restart', async () => {
  const [world, disk] = [new World(), new CrashDisk()]
  await world.open(disk.open())
  const put = (height: number) =>
    world.put({ shard: 1, height, ids: Array.from({ length: 8 }, (_, index) => idOf(height * 8 + index)) })
  await put(1)
  await world.index.close()
  disk.replace(runName(1), Uint8Array.from(disk.bytes(runName(1))).fill(1, 100, 104))
  await world.open(disk.open())
  for (let height = 2; height < 12; height++) await put(height)
  expect(world.damage).toHaveLength(1)
  await expect(world.index.find(idOf(8))).rejects.toMatchObject({ code: 'ARM_STORE' })
  await world.index.close()
  await world.open(disk.open())
  await world.expectAll()
  expect(world.damage).toHaveLength(1)
})

test('an index that is gone is made anew, and tells how far it is', async () => {
  const world = new World()
  await closedDisk(world, someSteps(4))
  expect(world.read).toEqual([])
  await world.open(new CrashDisk().open())
  await world.expectAll()
  expect(world.read.length).toBeGreaterThan(1)
  for (const progress of world.read) {
    if (progress.kind !== 'reading') continue
    expect(progress.lastHeight).toBe(world.last(progress.shard))
    expect(progress.height).toBeLessThanOrEqual(progress.lastHeight)
  }
  expect(world.damage).toEqual([])
})

test('a disk that fails fails who adds next, and who closes', async () => {
  const [world, disk] = [new World(), new CrashDisk()]
  await world.open(disk.open())
  disk.stopAfter(5)
  const puts = async () => {
    for (let height = 1; height < 10; height++)
      await world.put({ shard: 1, height, ids: Array.from({ length: 8 }, (_, index) => idOf(height * 8 + index)) })
  }
  await expect(puts()).rejects.toThrow('the disk is gone')
  await world.expectAll()
  await expect(world.index.close()).rejects.toThrow('the disk is gone')
})

test('of many runs a few are left', async () => {
  const [world, disk] = [new World(), new CrashDisk()]
  await world.open(disk.open())
  for (let height = 1; height <= 256; height++)
    await world.put({ shard: 1, height, ids: Array.from({ length: 7 }, (_, index) => idOf(height * 8 + index)) })
  await world.index.close()
  // Two of a level are merged: one is left of each of eight levels, and two more may just be written.
  expect(disk.names().filter((name) => name.startsWith('run-')).length).toBeLessThanOrEqual(10)
  await world.open(disk.open())
  await world.expectAll()
  await world.index.close()
})
