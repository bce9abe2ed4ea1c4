import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import fc from 'fast-check'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { type Archive, type ArchivedBlock, type BlockPlace, type IndexingProgress, openArchive } from './archive.ts'

const root = mkdtempSync(join(tmpdir(), 'armchain-archive-'))
let dir = ''
let count = 0

beforeEach(() => {
  dir = join(root, String(count++))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const idOf = (shard: number, height: number, index: number): Uint8Array =>
  hash('sha256', `${shard} ${height} ${index}`, 'buffer')

function block(shard: number, height: number, txCount = 3): BlockPlace & ArchivedBlock {
  const txIds = Buffer.concat(Array.from({ length: txCount }, (_, index) => idOf(shard, height, index)))
  const text = (what: string) => Buffer.from(`${what} of ${shard} ${height} `.repeat(height % 20))
  return { shard, height, header: text('header'), body: text('body'), receipts: text('receipts'), txIds }
}

async function expectBlock(archive: Archive, shard: number, height: number, txCount = 3): Promise<void> {
  const { header, body, receipts, txIds } = block(shard, height, txCount)
  const found = await archive.getBlock(shard, height)
  const bytes = (part: Uint8Array | undefined) => Buffer.from(part ?? '').toString('hex')
  expect(bytes(found?.header)).toBe(bytes(header))
  expect(bytes(found?.body)).toBe(bytes(body))
  expect(bytes(found?.receipts)).toBe(bytes(receipts))
  expect(bytes(found?.txIds)).toBe(bytes(txIds))
  for (let index = 0; index < txCount; index++)
    expect(await archive.findTransaction(idOf(shard, height, index))).toEqual({ shard, height, index })
}

for (const where of ['disk', 'memory'] as const) {
  const open = () => openArchive({ dir: where === 'memory' ? 'memory' : dir })

  test(`${where}: blocks and transactions are found at once, and what is not there is not`, async () => {
    await using archive = await open()
    expect(await archive.lastHeight(7)).toBeUndefined()
    for (let height = 0; height < 50; height++)
      for (const shard of [7, 0xffff_ffff]) archive.putBlock(block(shard, height, height % 5))
    expect(archive.backlogBytes).toBeGreaterThan(0)
    for (let height = 0; height < 50; height += 7) await expectBlock(archive, 7, height, height % 5)
    await archive.drained()
    expect(archive.backlogBytes).toBe(0)
    expect(await archive.lastHeight(0xffff_ffff)).toBe(49)
    expect(await archive.getBlock(7, 50)).toBeUndefined()
    expect(await archive.getBlock(8, 1)).toBeUndefined()
    expect(await archive.findTransaction(idOf(8, 1, 1))).toBeUndefined()
    expect(await archive.findTransaction(new Uint8Array(31))).toBeUndefined()
  })

  test(`${where}: the caller's bytes are copied, views of larger buffers too`, async () => {
    await using archive = await open()
    const shared = Buffer.alloc(1000, 1)
    const part = (start: number) => shared.subarray(start, start + 32)
    archive.putBlock({ shard: 1, height: 1, header: part(0), body: part(32), receipts: part(64), txIds: part(96) })
    shared.fill(2)
    const ones = new Uint8Array(32).fill(1)
    expect(await archive.getBlock(1, 1)).toEqual({ header: ones, body: ones, receipts: ones, txIds: ones })
    expect(await archive.findTransaction(ones)).toEqual({ shard: 1, height: 1, index: 0 })
  })

  test(`${where}: meta data`, async () => {
    await using archive = await open()
    expect(await archive.getMeta('name')).toBeUndefined()
    await archive.setMeta('name', Buffer.from('value'))
    expect(await archive.getMeta('name')).toEqual(new Uint8Array(Buffer.from('value')))
  })

  test(`${where}: deleteAbove removes blocks and their transactions, of that shard only`, async () => {
    await using archive = await open()
    for (let height = 1; height <= 10; height++) for (const shard of [1, 2]) archive.putBlock(block(shard, height))
    await archive.deleteAbove(1, 4)
    expect(await archive.lastHeight(1)).toBe(4)
    for (let height = 1; height <= 10; height++) {
      await expectBlock(archive, 2, height)
      if (height <= 4) await expectBlock(archive, 1, height)
      else expect(await archive.getBlock(1, height)).toBeUndefined()
      if (height > 4) expect(await archive.findTransaction(idOf(1, height, 0))).toBeUndefined()
    }
    // A transaction of a reverted block stands in another one now.
    archive.putBlock({ ...block(1, 5), txIds: idOf(1, 9, 0) })
    expect(await archive.findTransaction(idOf(1, 9, 0))).toEqual({ shard: 1, height: 5, index: 0 })
    await archive.deleteAbove(1, 5)
    expect(await archive.lastHeight(1)).toBe(5)
    // An id that another block has put since stays with that block.
    archive.putBlock({ ...block(2, 11), txIds: idOf(1, 9, 0) })
    await archive.deleteAbove(1, 4)
    expect(await archive.findTransaction(idOf(1, 9, 0))).toEqual({ shard: 2, height: 11, index: 0 })
    await archive.deleteAbove(2, 10)
    await archive.deleteAbove(1, 0)
    expect(await archive.lastHeight(1)).toBeUndefined()
    expect(await archive.lastHeight(2)).toBe(10)
  })

  test(`${where}: any sequence of puts and reverts equals a plain map`, async () => {
    const steps = fc.array(fc.record({ shard: fc.nat(1), revertTo: fc.option(fc.nat(12), { freq: 4 }) }))
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        rmSync(dir, { recursive: true, force: true })
        await using archive = await open()
        const heights = [0, 0]
        for (const { shard, revertTo } of list) {
          const height = heights[shard] ?? 0
          if (revertTo === null) archive.putBlock(block(shard, height + 1))
          else await archive.deleteAbove(shard, revertTo)
          heights[shard] = revertTo === null ? height + 1 : Math.min(height, revertTo)
        }
        for (const shard of [0, 1]) {
          const last = heights[shard] ?? 0
          expect((await archive.lastHeight(shard)) ?? 0).toBe(last)
          for (let height = 1; height <= last; height++) await expectBlock(archive, shard, height)
          expect(await archive.getBlock(shard, last + 1)).toBeUndefined()
          expect(await archive.findTransaction(idOf(shard, last + 1, 0))).toBeUndefined()
        }
      }),
      { numRuns: 15 },
    )
  })
}

test('blocks put again do not lower the last height', async () => {
  await using archive = await openArchive({ dir })
  for (const height of [1, 2, 3, 2]) archive.putBlock(block(1, height))
  expect(await archive.lastHeight(1)).toBe(3)
})

test('after closing, all that was put is there; the folder opens for one only', async () => {
  const first = await openArchive({ dir })
  for (let height = 1; height <= 200; height++) first.putBlock(block(1, height))
  await expect(openArchive({ dir })).rejects.toMatchObject({ code: 'ARM_STORE', hint: expect.any(String) })
  await first.sync()
  await first.setMeta('m', Buffer.of(1))
  await first.close()
  await first.close()
  expect(() => first.putBlock(block(1, 201))).toThrow('ARM_STORE')
  await expect(first.getBlock(1, 1)).rejects.toMatchObject({ code: 'ARM_STORE' })
  await using second = await openArchive({ dir })
  expect(await second.lastHeight(1)).toBe(200)
  expect(await second.getMeta('m')).toEqual(Uint8Array.of(1))
  await expectBlock(second, 1, 200)
})

test('the index of format 1, or one that is damaged: made anew from the blocks', async () => {
  const first = await openArchive({ dir })
  for (let height = 1; height <= 20; height++) first.putBlock(block(1, height))
  await first.close()
  for (const way of ['format 1', 'damaged'] as const) {
    const progress: IndexingProgress[] = []
    if (way === 'damaged') writeFileSync(join(dir, 'tx-index', 'manifest.json'), '{}')
    else {
      rmSync(join(dir, 'tx-index'), { recursive: true })
      const level = new ClassicLevel<Buffer, Buffer>(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
      await level.put(Buffer.concat([Buffer.from('x'), idOf(1, 1, 0)]), Buffer.alloc(14))
      await level.close()
    }
    const archive = await openArchive({ dir, onIndexing: (each) => progress.push(each) })
    for (let height = 1; height <= 20; height++) await expectBlock(archive, 1, height)
    await archive.close()
    expect(progress.map(({ kind }) => kind)).toEqual(way === 'damaged' ? ['damaged'] : [])
    const level = new ClassicLevel<Buffer, Buffer>(dir, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    expect(await level.keys({ gte: Buffer.from('x'), lt: Buffer.from('y') }).all()).toEqual([])
    await level.close()
  }
})

test('a full backlog refuses, and takes more once drained', async () => {
  await using archive = await openArchive({ dir, maxBacklogBytes: 1000 })
  archive.putBlock({ ...block(1, 1), body: new Uint8Array(800) })
  expect(() => archive.putBlock({ ...block(1, 2), body: new Uint8Array(800) })).toThrow('too much waits')
  await archive.drained()
  archive.putBlock({ ...block(1, 2), body: new Uint8Array(800) })
  expect(await archive.lastHeight(1)).toBe(2)
})

test('a block that cannot be written fails all that waits, and everything later', async () => {
  const archive = await openArchive({ dir: 'memory' })
  archive.putBlock({ ...block(1, 1), height: -1 })
  const waiting = [archive.getBlock(1, 1), archive.drained(), archive.setMeta('a', new Uint8Array(1))]
  for (const result of await Promise.allSettled(waiting))
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ARM_STORE' } })
  expect(() => archive.putBlock(block(1, 1))).toThrow('ARM_STORE')
  await expect(archive.close()).rejects.toMatchObject({ code: 'ARM_STORE' })
})

test('killed at any moment: it opens again, without gaps, and with the transactions of each block', async () => {
  const program = join(root, 'writer.mjs')
  writeFileSync(
    program,
    `import { hash } from 'node:crypto'
    import { openArchive } from ${JSON.stringify(join(import.meta.dirname, 'archive.ts'))}
    const archive = await openArchive({ dir: process.argv[2] })
    for (let height = (await archive.lastHeight(1) ?? 0) + 1; ; height++) {
      const ids = [0, 1, 2].map((index) => hash('sha256', '1 ' + height + ' ' + index, 'buffer'))
      const text = (what) => Buffer.from((what + ' of 1 ' + height + ' ').repeat(height % 20))
      archive.putBlock({ shard: 1, height, header: text('header'), body: text('body'), receipts: text('receipts'),
        txIds: Buffer.concat(ids) })
      if (height % 10 === 0) await archive.drained()
      if (height % 10 === 0) console.log(height)
    }`,
  )
  let durable = 0
  for (let round = 1; round <= 10; round++) {
    const child = spawn(process.execPath, ['--conditions=@armchain/source', program, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exit = once(child, 'exit')
    let lines = 0
    child.stdout.on('data', (data: Buffer) => {
      const reported = String(data).trim().split('\n')
      durable = Number(reported.at(-1))
      lines += reported.length
      if (lines > round * 3) child.kill('SIGKILL')
    })
    expect(await exit).toEqual([null, 'SIGKILL'])
    await using archive = await openArchive({ dir })
    const last = (await archive.lastHeight(1)) ?? 0
    expect(last).toBeGreaterThanOrEqual(durable)
    for (let height = last; height > 0; height -= 1 + (height >> 3)) await expectBlock(archive, 1, height)
    expect(await archive.getBlock(1, last + 1)).toBeUndefined()
  }
})
