import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isArmError } from '@armchain/core'
import fc from 'fast-check'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { WAL_PENDING_BYTES_MAX, WAL_RECORD_BYTES_MAX } from '../limits.ts'
import { type Disk, type DiskFile, nodeDisk } from './disk.ts'
import { openWal, type Wal, type WalPosition } from './wal.ts'
import { SEGMENT_HEADER_BYTES, segmentName } from './wal-format.ts'

const root = mkdtempSync(join(tmpdir(), 'armchain-wal-'))
const genesisHash = new Uint8Array(32).fill(7)
let dir = ''
let count = 0

beforeEach(() => {
  dir = join(root, String(count++))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

type Entry = { readonly kind: number; readonly payload: string }
type Written = Entry & { readonly position: WalPosition }

const open = (more: Partial<Parameters<typeof openWal>[0]> = {}): Promise<Wal> =>
  openWal({ dir, genesisHash, sync: 'none', ...more })

function append(wal: Wal, kind: number, payload: string): Written {
  const bytes = Buffer.from(payload, 'latin1')
  const middle = bytes.length >> 1
  return { kind, payload, position: wal.append(kind, [bytes.subarray(0, middle), bytes.subarray(middle)]) }
}

/** A log whose records are flushed one by one, or all at once. */
async function write(entries: readonly Entry[], flushing: 'each' | 'once'): Promise<Written[]> {
  const wal = await open()
  const written: Written[] = []
  for (const { kind, payload } of entries) {
    written.push(append(wal, kind, payload))
    if (flushing === 'each') await wal.flush()
  }
  await wal.close()
  return written
}

async function collect(wal: Wal, from?: number): Promise<Written[]> {
  const records: Written[] = []
  for await (const { kind, payload, position } of wal.replay(from))
    records.push({ kind, payload: Buffer.from(payload).toString('latin1'), position })
  return records
}

/** What a restart reads, and how many bytes it cut; or the error. */
async function recover(from?: number): Promise<{ records: Written[]; truncatedBytes: number; failure?: unknown }> {
  const wal = await open()
  try {
    const records = await collect(wal, from)
    return { records, truncatedBytes: wal.recovered.truncatedBytes }
  } catch (failure) {
    return { records: [], truncatedBytes: 0, failure }
  } finally {
    await wal.close()
  }
}

const corrupt = { failure: expect.objectContaining({ code: 'ARM_LOG_CORRUPT' }) }
const file = (segment = 1): string => join(dir, segmentName(segment))
const numbered = (length: number): Entry[] =>
  Array.from({ length }, (_, index) => ({ kind: index, payload: `record ${index} `.repeat(1 + (index % 3)) }))
const entries = fc.array(
  fc.record({
    kind: fc.integer({ min: 0, max: 255 }),
    payload: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  }),
  { minLength: 1, maxLength: 8 },
)

test('what was appended is replayed, over restarts and segments', async () => {
  const written: Written[] = []
  for (let round = 0; round < 4; round++) {
    const wal = await open({ maxSegmentBytes: 300, sync: 'fdatasync' })
    expect(await collect(wal)).toEqual(written)
    for (let index = 0; index < 5; index++)
      written.push(append(wal, round, `round ${round}, record ${index}`.repeat(3)))
    written.push(append(wal, 255, ''))
    await wal.close()
  }
  expect(readdirSync(dir).length).toBeGreaterThan(3)
  expect((await recover()).records).toEqual(written)
})

test('a record larger than a segment, and larger than the read window', async () => {
  const payload = 'x'.repeat(3_000_000)
  const wal = await open({ maxSegmentBytes: 1000 })
  append(wal, 1, 'small')
  append(wal, 2, payload)
  append(wal, 3, 'small')
  await wal.close()
  expect((await recover()).records.map(({ payload }) => payload.length)).toEqual([5, 3_000_000, 5])
})

test('the parts may be reused after append', async () => {
  const wal = await open()
  const bytes = new Uint8Array(4).fill(97)
  wal.append(0, [bytes])
  bytes.fill(98)
  await wal.close()
  expect((await recover()).records[0]?.payload).toBe('aaaa')
})

test('cut at any byte: exactly the records wholly before are kept, and the log goes on', async () => {
  for (const flushing of ['each', 'once'] as const)
    await fc.assert(
      fc.asyncProperty(entries, async (list) => {
        rmSync(dir, { recursive: true, force: true })
        const written = await write(list, flushing)
        const whole = readFileSync(file())
        const ends = [...written.slice(1).map(({ position }) => position.offset), whole.length]
        for (let length = 0; length <= whole.length; length++) {
          writeFileSync(file(), whole.subarray(0, length))
          const { records, truncatedBytes, failure } = await recover()
          expect(failure).toBeUndefined()
          const kept = ends.filter((end) => end <= length).length
          expect(records).toEqual(written.slice(0, kept))
          const end = kept === 0 ? SEGMENT_HEADER_BYTES : (ends[kept - 1] ?? 0)
          expect(truncatedBytes).toBe(length < SEGMENT_HEADER_BYTES ? length : length - end)
        }
      }),
      { numRuns: 4 },
    )
})

test('after a torn end the log goes on', async () => {
  const written = await write(numbered(4), 'each')
  truncateSync(file(), readFileSync(file()).length - 1)
  const wal = await open()
  expect(await collect(wal)).toEqual(written.slice(0, 3))
  const next = append(wal, 9, 'next')
  expect(next.position).toEqual(written[3]?.position)
  await wal.close()
  expect(await recover()).toEqual({ records: [...written.slice(0, 3), next], truncatedBytes: 0 })
})

test.each([
  ['zeros', Buffer.alloc(5000)],
  ['garbage', Buffer.alloc(5000, 'garbage')],
  ['fewer bytes than a head', Buffer.from([1])],
])('a tail of %s is cut', async (_, tail) => {
  const written = await write(numbered(3), 'each')
  writeFileSync(file(), tail, { flag: 'a' })
  expect(await recover()).toEqual({ records: written, truncatedBytes: tail.length })
})

test('any bit flipped: refused if a later write is there, cut if in the last record, never wrong data', async () => {
  const written = await write(numbered(12), 'each')
  const whole = readFileSync(file())
  const last = written[11]?.position.offset ?? 0
  for (let bit = 0; bit < whole.length * 8; bit += 3) {
    const bytes = Buffer.from(whole)
    const offset = bit >> 3
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << (bit & 7))
    writeFileSync(file(), bytes)
    const result = await recover()
    if (offset < last) {
      expect(result).toMatchObject(corrupt)
      const place = written.filter(({ position }) => position.offset <= offset).at(-1)?.position.offset ?? 0
      expect(result.failure).toMatchObject({ data: { file: file(), offset: place }, hint: expect.any(String) })
    } else expect(result).toEqual({ records: written.slice(0, 11), truncatedBytes: whole.length - last })
  }
})

test('a bit flipped inside the last write, before other records of it, is damage too', async () => {
  const written = await write(numbered(12), 'once')
  const whole = readFileSync(file())
  const last = written[11]?.position.offset ?? 0
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: last * 8 - 1 }), async (bit) => {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      writeFileSync(file(), bytes)
      expect(await recover()).toMatchObject(corrupt)
    }),
    { numRuns: 500 },
  )
})

test('sectors of the last write that never reached the disk are a torn end; of an earlier write they are damage', async () => {
  const big = Array.from({ length: 6 }, (_, index) => ({ kind: index, payload: 'abcdefgh'.repeat(100) }))
  for (const flushing of ['once', 'each'] as const) {
    rmSync(dir, { recursive: true, force: true })
    const written = await write(big, flushing)
    const whole = readFileSync(file())
    const last = written[5]?.position.offset ?? 0
    for (let sector = 512; sector + 512 <= last; sector += 512) {
      const bytes = Buffer.from(whole)
      bytes.fill(0, sector, sector + 512)
      writeFileSync(file(), bytes)
      const kept = written.filter(({ position }) => position.offset + 849 <= sector)
      if (flushing === 'each') expect(await recover()).toMatchObject(corrupt)
      else expect((await recover()).records).toEqual(kept)
    }
  }
})

test('bytes that look like a record inside a payload do not fool the recovery', async () => {
  await write(numbered(2), 'each')
  const image = readFileSync(file())
  rmSync(dir, { recursive: true })
  const written = await write(
    [
      { kind: 1, payload: 'first' },
      { kind: 2, payload: image.toString('latin1') },
    ],
    'each',
  )
  truncateSync(file(), readFileSync(file()).length - 10)
  expect((await recover()).records).toEqual(written.slice(0, 1))
})

test('records that changed places, or one that was cut out, break the chain', async () => {
  const same = Array.from({ length: 5 }, (_, index) => ({ kind: 0, payload: `record ${index}` }))
  const [, second, third, fourth] = (await write(same, 'each')).map(({ position }) => position.offset)
  const whole = readFileSync(file())
  const swapped = [whole.subarray(0, second), whole.subarray(third, fourth), whole.subarray(second, third)]
  writeFileSync(file(), Buffer.concat([...swapped, whole.subarray(fourth)]))
  expect(await recover()).toMatchObject(corrupt)
  writeFileSync(file(), Buffer.concat([whole.subarray(0, second), whole.subarray(third)]))
  expect(await recover()).toMatchObject(corrupt)
})

/** Three segments with two records each. */
async function threeSegments(): Promise<Written[]> {
  const wal = await open()
  const written: Written[] = []
  for (let segment = 1; segment <= 3; segment++) {
    expect(await wal.cut()).toBe(segment)
    expect(await wal.cut()).toBe(segment)
    written.push(append(wal, segment, 'one'), append(wal, segment, 'two'))
  }
  await wal.close()
  return written
}

test('a segment that is missing, shortened, renamed, replaced or of another chain is refused', async () => {
  const written = await threeSegments()
  const files = [1, 2, 3].map((segment) => readFileSync(file(segment)))
  expect((await recover()).records).toEqual(written)
  const damage: (() => void)[] = [
    () => rmSync(file(1)),
    () => rmSync(file(2)),
    () => truncateSync(file(2), 100),
    () => truncateSync(file(1), 0),
    () => truncateSync(file(2), SEGMENT_HEADER_BYTES),
    () => writeFileSync(file(2), Buffer.alloc(10), { flag: 'a' }),
    () => writeFileSync(file(4), files[2] ?? ''),
    () => writeFileSync(file(2), files[0] ?? ''),
  ]
  for (const act of damage) {
    act()
    expect(await recover()).toMatchObject(corrupt)
    rmSync(file(4), { force: true })
    for (const [index, bytes] of files.entries()) writeFileSync(file(index + 1), bytes)
  }
  const other = await openWal({ dir, genesisHash: new Uint8Array(32), sync: 'none' })
  await expect(collect(other)).rejects.toMatchObject({ code: 'ARM_LOG_CORRUPT' })
})

test('replay from a segment; from one that is not there yet is refused', async () => {
  const written = await threeSegments()
  expect((await recover(2)).records).toEqual(written.slice(2))
  expect(await recover(4)).toMatchObject(corrupt)
})

test('dropped segments are gone, the one in use stays, and the whole history can no longer be replayed', async () => {
  const written = await threeSegments()
  const wal = await open()
  expect(await collect(wal, 2)).toEqual(written.slice(2))
  await wal.dropBefore(2)
  expect(readdirSync(dir)).toHaveLength(2)
  await wal.dropBefore(100)
  expect(readdirSync(dir)).toEqual([segmentName(3)])
  append(wal, 9, 'more')
  await wal.close()
  expect(await recover(3)).toMatchObject({ records: [{}, {}, { payload: 'more' }] })
  expect(await recover()).toMatchObject(corrupt)
})

test('a new segment whose header did not reach the disk is made again', async () => {
  const written = await threeSegments()
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(SEGMENT_HEADER_BYTES), Buffer.alloc(4096)]) {
    writeFileSync(file(4), bytes)
    expect(await recover()).toEqual({ records: written, truncatedBytes: bytes.length })
    const wal = await open()
    expect(await collect(wal, 4)).toEqual([])
    await wal.close()
  }
  const wal = await open()
  await collect(wal)
  const next = append(wal, 4, 'next')
  expect(next.position.segment).toBe(4)
  await wal.close()
  expect((await recover()).records).toEqual([...written, next])
})

test('flush: concurrent callers share writes, and each sees its records on disk', async () => {
  let writes = 0
  const wal = await open({ disk: watched(() => writes++) })
  const flushed: Promise<void>[] = []
  for (let index = 0; index < 200; index++) {
    append(wal, 1, `record ${index}`)
    flushed.push(wal.flush())
    if (index % 50 === 0) await wal.flush()
  }
  await Promise.all(flushed)
  expect(writes).toBeLessThan(15)
  expect((await recover()).records).toHaveLength(200)
  await wal.flush()
  await wal.close()
})

test('nothing is written before what came earlier is synced, and nothing is durable before its own sync', async () => {
  const events: string[] = []
  const gates: ((error?: Error) => void)[] = []
  const disk: Disk = {
    open: async () => ({
      write: async (bytes) => void events.push(`write ${bytes.length > SEGMENT_HEADER_BYTES ? 'records' : 'header'}`),
      sync: () => {
        events.push('sync')
        return new Promise((resolve, reject) => gates.push((error) => (error ? reject(error) : resolve())))
      },
      close: async () => undefined,
    }),
    syncDirectory: async () => void events.push('sync directory'),
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  const pass = async (error?: Error) => {
    await turn()
    gates.shift()?.(error)
    await turn()
  }
  const wal = await open({ disk, sync: 'fdatasync' })
  const flush = (name: string) => {
    append(wal, 1, 'x'.repeat(100))
    return wal.flush().then(
      () => events.push(`${name} is durable`),
      () => events.push(`${name} failed`),
    )
  }
  const first = flush('first')
  await turn()
  const later = [flush('second'), flush('third')]
  await pass()
  await pass()
  const last = flush('fourth')
  await pass(new Error('EIO'))
  await Promise.all([first, ...later, last])
  expect(events).toEqual([
    ...['write header', 'sync', 'sync directory', 'write records', 'sync'],
    ...['write records', 'first is durable', 'sync', 'second failed', 'third failed', 'fourth failed'],
  ])
})

test('an error of the disk is final', async () => {
  for (const failing of ['write', 'sync'] as const) {
    rmSync(dir, { recursive: true, force: true })
    let broken = false
    const wal = await open({ sync: 'fdatasync', disk: watched((what) => broken && what === failing) })
    append(wal, 1, 'good')
    await wal.flush()
    broken = true
    append(wal, 1, 'bad')
    const results = await Promise.allSettled([wal.flush(), wal.flush()])
    broken = false
    const failure = expect.objectContaining({ code: 'ARM_LOG_IO', hint: expect.any(String) })
    expect(results).toEqual([1, 2].map(() => ({ status: 'rejected', reason: failure })))
    expect(() => append(wal, 1, 'late')).toThrow('ARM_LOG_IO')
    for (const late of [wal.flush(), wal.cut(), wal.dropBefore(9)])
      await expect(late).rejects.toMatchObject({ code: 'ARM_LOG_IO' })
    await wal.close()
    expect((await recover()).records[0]?.payload).toBe('good')
  }
})

/** The real disk; a write or sync fails where `fails` says so. */
function watched(fails: (what: 'write' | 'sync') => unknown): Disk {
  const fail = async (what: 'write' | 'sync'): Promise<void> => {
    if (fails(what) === true) throw new Error('EIO')
  }
  return {
    ...nodeDisk,
    open: async (path, mode): Promise<DiskFile> => {
      const real = await nodeDisk.open(path, mode)
      return {
        write: (bytes, position) => fail('write').then(() => real.write(bytes, position)),
        sync: () => fail('sync').then(() => real.sync()),
        close: () => real.close(),
      }
    },
  }
}

test('limits and misuse', async () => {
  const wal = await open()
  const most = new Uint8Array(WAL_RECORD_BYTES_MAX)
  expect(() => wal.append(0, [most, new Uint8Array(1)])).toThrow('ARM_ARGUMENT')
  expect(WAL_PENDING_BYTES_MAX).toBe(2 * WAL_RECORD_BYTES_MAX)
  wal.append(0, [most])
  expect(() => wal.append(0, [most])).toThrow('ARM_LOG_IO')
  await wal.flush()
  await wal.close()
  expect(() => wal.append(0, [])).toThrow('closed')
  await expect(wal.flush()).rejects.toMatchObject({ code: 'ARM_LOG_IO' })
  const unread = await open()
  expect(() => unread.append(0, [])).toThrow('replayed')
  await unread.close()
  writeFileSync(join(root, 'a file'), '')
  await expect(open({ dir: join(root, 'a file') })).rejects.toSatisfy(isArmError)
})
