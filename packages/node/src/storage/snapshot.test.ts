import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { SNAPSHOT_CHUNK_BYTES_MAX, SNAPSHOT_META_BYTES_MAX } from '../limits.ts'
import {
  keepSnapshots,
  latestValidSnapshot,
  listSnapshots,
  readSnapshot,
  type SnapshotContents,
  writeSnapshot,
} from './snapshot.ts'

const root = mkdtempSync(join(tmpdir(), 'armchain-snapshot-'))
const genesisHash = new Uint8Array(32).fill(7)
let dir = ''
let count = 0

beforeEach(() => {
  dir = join(root, String(count++))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const write = (id: number, more: Partial<SnapshotContents> = {}) =>
  writeSnapshot(dir, {
    id,
    genesisHash,
    walSegment: id * 10,
    meta: Buffer.from(`meta ${id}`),
    chunks: [Buffer.from(`chunk of ${id}`), Buffer.alloc(100, 1)],
    ...more,
  })

async function contents(path: string): Promise<Uint8Array[]> {
  return await collect((await readSnapshot(path)).chunks())
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

test('what was written is read, whatever the sizes, and the writer may reuse its buffer', async () => {
  const sizes = fc.array(fc.oneof(fc.nat(100), fc.integer({ min: 500_000, max: 3_000_000 })), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(sizes, fc.uint8Array({ maxLength: 50 }), async (lengths, meta) => {
      const reused = Buffer.alloc(3_000_000)
      async function* chunks(): AsyncGenerator<Uint8Array> {
        for (const [index, length] of lengths.entries()) yield reused.fill(index + 1).subarray(0, length)
      }
      const { path, sizeBytes } = await write(1, { meta, chunks: chunks() })
      expect(readFileSync(path).length).toBe(sizeBytes)
      expect(await readSnapshot(path)).toMatchObject({ id: 1, walSegment: 10, meta, genesisHash })
      const expected = lengths.map((length, index) => [length, index + 1]).filter(([length]) => length !== 0)
      const read = await contents(path)
      expect(read.map((chunk) => [chunk.length, chunk[0]])).toEqual(expected)
      expect(read.every((chunk) => chunk.every((byte) => byte === chunk[0]))).toBe(true)
    }),
    { numRuns: 15 },
  )
})

test('any bit flipped and any cut is refused', async () => {
  const { path } = await write(1)
  const whole = readFileSync(path)
  const refused = { code: 'ARM_SNAPSHOT_CORRUPT', data: { file: path }, hint: expect.any(String) }
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = Buffer.from(whole)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    writeFileSync(path, bytes)
    await expect(readSnapshot(path)).rejects.toMatchObject(refused)
  }
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length))
    await expect(readSnapshot(path)).rejects.toMatchObject(refused)
  }
  writeFileSync(path, Buffer.concat([whole, Buffer.alloc(1)]))
  await expect(readSnapshot(path)).rejects.toMatchObject(refused)
})

test('damage after the check is seen while the chunks are read', async () => {
  const { path } = await write(1)
  const snapshot = await readSnapshot(path)
  const bytes = readFileSync(path)
  bytes[90] = (bytes[90] ?? 0) ^ 1
  writeFileSync(path, bytes)
  await expect(collect(snapshot.chunks())).rejects.toMatchObject({ code: 'ARM_SNAPSHOT_CORRUPT' })
})

test('the newest intact snapshot of the chain is taken', async () => {
  const skipped: [string, string][] = []
  const latest = () => latestValidSnapshot(dir, genesisHash, (path, { code }) => skipped.push([path, code]))
  expect(await latest()).toBeUndefined()
  const [, second, third, fourth] = [await write(1), await write(2), await write(3), await write(4)]
  expect((await latest())?.id).toBe(4)
  writeFileSync(fourth?.path ?? '', 'nonsense')
  await write(3, { genesisHash: new Uint8Array(32) })
  expect((await latest())?.path).toBe(second?.path)
  expect(skipped).toEqual([fourth?.path, third?.path].map((path) => [path, 'ARM_SNAPSHOT_CORRUPT']))
})

test('keeps two, and the log from the older one on', async () => {
  const ids = async () => (await listSnapshots(dir)).map(({ id }) => id)
  expect(await keepSnapshots(dir, 2)).toBe(1)
  await write(1)
  expect(await keepSnapshots(dir, 2)).toBe(1)
  await write(2)
  expect(await keepSnapshots(dir, 2)).toBe(10)
  await write(3)
  writeFileSync(join(dir, 'snapshot-0000000000000009.bin.tmp'), 'left over')
  expect(await keepSnapshots(dir, 2)).toBe(20)
  expect(await ids()).toEqual([3, 2])
  const { path } = await write(4)
  writeFileSync(path, 'nonsense')
  expect(await keepSnapshots(dir, 2)).toBe(20)
  expect(await ids()).toEqual([4, 3, 2])
  expect(readdirSync(dir)).toHaveLength(3)
})

test('a write that fails leaves what was there', async () => {
  const { path } = await write(1)
  const before = readFileSync(path)
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(10)
    throw new Error('no more')
  }
  await expect(write(1, { chunks: failing() })).rejects.toMatchObject({ code: 'ARM_STORE' })
  await expect(write(1, { chunks: [Buffer.alloc(SNAPSHOT_CHUNK_BYTES_MAX + 1)] })).rejects.toThrow('ARM_ARGUMENT')
  await expect(write(1, { meta: Buffer.alloc(SNAPSHOT_META_BYTES_MAX + 1) })).rejects.toThrow('ARM_ARGUMENT')
  expect(readdirSync(dir)).toHaveLength(1)
  expect(readFileSync(path)).toEqual(before)
})
