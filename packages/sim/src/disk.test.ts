import { expect, test } from 'vitest'
import { SimDisk } from './disk.ts'
import { createRandom } from './random.ts'

const record = (n: number): Uint8Array => Uint8Array.of(n, n, n)
const random = createRandom(1)

function written(count: number, synced: number): SimDisk {
  const disk = new SimDisk()
  for (let i = 0; i < count; i++) {
    disk.append(record(i))
    if (i + 1 === synced) disk.sync(disk.mark())
  }
  return disk
}

const numbers = (disk: SimDisk): (number | undefined)[] => disk.recover().records.map(([first]) => first)

test('a crash keeps what was synced, and of the rest what it is told to', () => {
  const after = (keep: 'none' | 'prefix' | 'all') => {
    const disk = written(6, 3)
    disk.crash(keep, random)
    return numbers(disk)
  }
  expect(after('none')).toEqual([0, 1, 2])
  expect(after('all')).toEqual([0, 1, 2, 3, 4, 5])
  const lengths = new Set(Array.from({ length: 60 }, () => after('prefix').length))
  expect([...lengths].sort()).toEqual([3, 4, 5, 6])
})

test('of a subset the log keeps what comes before the first hole', () => {
  for (let i = 0; i < 50; i++) {
    const disk = written(6, 3)
    disk.crash('subset', random)
    const kept = numbers(disk)
    expect(kept).toEqual([0, 1, 2, 3, 4, 5].slice(0, kept.length))
    expect(kept.length).toBeGreaterThanOrEqual(3)
  }
})

test('a sync covers what was written before it began', () => {
  const disk = written(2, 0)
  const mark = disk.mark()
  disk.append(record(2))
  disk.sync(mark)
  expect(disk.volatile).toBe(true)
  disk.crash('none', random)
  expect(numbers(disk)).toEqual([0, 1])
  expect(disk.volatile).toBe(false)
})

test('a lying disk reports a sync and forgets', () => {
  const disk = written(2, 2)
  disk.lie()
  disk.append(record(2))
  disk.sync(disk.mark())
  expect(disk.volatile).toBe(false)
  disk.crash('none', random)
  expect(numbers(disk)).toEqual([0, 1])
})

test('decay is found, what follows is withheld, and what is set aside does not come back', () => {
  const disk = written(4, 4)
  disk.rot('log', 1)
  expect(disk.recover()).toMatchObject({ damaged: true, records: [record(0)] })
  disk.cutDamage()
  disk.append(record(9))
  expect(disk.recover().damaged).toBe(false)
  expect(numbers(disk)).toEqual([0, 9])
})

test('a misdirected write destroys an older record and itself', () => {
  const disk = written(3, 3)
  disk.misdirect(1)
  disk.append(record(3))
  disk.append(record(4))
  expect(disk.recover()).toMatchObject({ damaged: true, records: [record(0)] })
})

test('a checkpoint replaces what is before it, damage included, and only once it is durable', () => {
  const disk = written(3, 3)
  disk.checkpoint([record(7), record(8)])
  disk.append(record(9))
  disk.crash('none', random)
  expect(numbers(disk)).toEqual([0, 1, 2])
  disk.rot('log', 0)
  disk.checkpoint([record(7), record(8)])
  disk.append(record(9))
  disk.sync(disk.mark())
  expect(disk.recover()).toMatchObject({ damaged: false, records: [record(7), record(8), record(9)] })
})

test('the guard outlives damage to the log, unless it goes with it', () => {
  const disk = written(2, 2)
  disk.writeGuard(Uint8Array.of(5))
  disk.crash('none', random)
  expect(disk.recover().guard).toBeUndefined()
  disk.writeGuard(Uint8Array.of(6))
  disk.sync(disk.mark())
  disk.rot('log', 0)
  expect(disk.recover().guard).toEqual(Uint8Array.of(6))
  disk.rot('log-and-guard', 1)
  expect(disk.recover().guard).toBeUndefined()
})

test('a full disk takes nothing', () => {
  const disk = written(1, 1)
  disk.full = true
  expect([disk.append(record(1)), disk.checkpoint([]), disk.keepBlock(record(1)), disk.writeGuard(record(1))]).toEqual([
    false,
    false,
    false,
    false,
  ])
  expect(numbers(disk)).toEqual([0])
})

test('bytes are found where they are durable and whole', () => {
  const disk = new SimDisk()
  disk.append(Uint8Array.of(1, 2, 3, 4, 5))
  const needle = Uint8Array.of(3, 4)
  expect(disk.holdsDurably(needle)).toBe(false)
  disk.sync(disk.mark())
  expect(disk.holdsDurably(needle)).toBe(true)
  expect(disk.holdsDurably(Uint8Array.of(4, 3))).toBe(false)
  disk.rot('log', 0)
  expect(disk.holdsDurably(needle)).toBe(false)
})
