import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { openDataDir } from './data-dir.ts'

const root = mkdtempSync(join(tmpdir(), 'armchain-data-'))
const locks = (): string[] => readdirSync(dir).filter((name) => name.startsWith('armchain.lock'))
const staleLock = (): string => join(dir, `armchain.lock.${process.pid}.1-00000000.0123abcd`)
const locked = (pid: number) => ({
  code: 'ARM_DATA_DIR_LOCKED',
  data: { pid },
  hint: expect.stringContaining(`${pid}`),
})
let dir = ''
let count = 0

beforeEach(() => {
  dir = join(root, String(count++))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const open = (reset = false) => openDataDir(dir, { reset })

test('a folder is made for its owner only, and opened again', async () => {
  dir = join(dir, 'deep', 'er')
  const first = await open()
  expect(first).toMatchObject({ path: dir, walDir: join(dir, 'wal'), isNew: true })
  expect(statSync(dir).mode & 0o777).toBe(0o700)
  mkdirSync(first.walDir)
  writeFileSync(join(first.walDir, 'wal-0000000000000001.log'), 'a log')
  await first.release()
  await first.release()
  expect(readdirSync(dir).sort()).toEqual(['armchain.json', 'wal'])
  await using second = await open()
  expect(second.isNew).toBe(false)
})

test('a second opening is refused, in this process and in another', async () => {
  const first = await open()
  await expect(open()).rejects.toMatchObject(locked(process.pid))
  await expect(open(true)).rejects.toMatchObject(locked(process.pid))
  await first.release()

  const program = `import { openDataDir } from ${JSON.stringify(join(import.meta.dirname, 'data-dir.ts'))}
    await openDataDir(process.argv[1], { reset: false })
    console.log('open'); setInterval(() => {}, 1e6)`
  const node = ['--conditions=@armchain/source', '--input-type=module', '-e', program, dir]
  const child = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(([code]) => expect(code).toBe('alive'))])
  await expect(open()).rejects.toMatchObject(locked(child.pid ?? 0))
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await open()).release()
  expect(readdirSync(dir)).toEqual(['armchain.json'])
})

test('a lock whose pid now belongs to another process is taken over, even before the folder is marked', async () => {
  mkdirSync(dir)
  for (let round = 0; round < 2; round++) {
    writeFileSync(staleLock(), '')
    await using again = await open()
    expect(again.isNew).toBe(true)
    expect(locks()).toEqual([expect.stringContaining(`.${process.pid}.`)])
    expect(existsSync(staleLock())).toBe(false)
  }
})

test('of many that take over a stale lock at once, at most one gets it, and nothing remains of the others', async () => {
  mkdirSync(dir)
  for (let round = 0; round < 20; round++) {
    writeFileSync(staleLock(), '')
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => open()))
    const opened = results.filter((result) => result.status === 'fulfilled')
    expect(opened.length).toBeLessThanOrEqual(1)
    expect(locks()).toHaveLength(opened.length)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ARM_DATA_DIR_LOCKED' })
    await opened[0]?.value.release()
    await (await open()).release()
    expect(readdirSync(dir)).toEqual(['armchain.json'])
  }
})

test('what is not ours is refused and left alone', async () => {
  mkdirSync(dir)
  writeFileSync(join(dir, 'thesis.txt'), 'mine')
  for (const reset of [false, true])
    await expect(open(reset)).rejects.toMatchObject({ code: 'ARM_DATA_DIR', data: { foreign: 'thesis.txt' } })
  expect(readdirSync(dir)).toEqual(['thesis.txt'])
  await expect(openDataDir(join(dir, 'thesis.txt'), { reset: true })).rejects.toMatchObject({ code: 'ARM_DATA_DIR' })
  await expect(openDataDir('/dev/null/armchain', { reset: false })).rejects.toMatchObject({ code: 'ARM_DATA_DIR' })
})

test('a folder of another format is refused', async () => {
  await (await open()).release()
  for (const marker of ['{"format":3}', '{}', 'no json', '[]']) {
    writeFileSync(join(dir, 'armchain.json'), marker)
    await expect(open()).rejects.toMatchObject({ code: 'ARM_DATA_DIR', hint: expect.any(String) })
  }
  expect(locks()).toEqual([])
})

test('reset deletes what a node writes and nothing else, and is finished if it was interrupted', async () => {
  for (const way of ['asked for', 'interrupted'] as const) {
    await (await open()).release()
    const own = [
      'guard.json',
      'wal/wal-0000000000000001.log',
      'snapshots/snapshot-0000000000000001.bin',
      'archive/000003.log',
      'archive/tx-index/manifest.json',
      'archive/tx-index/run-0000000000000001.bin',
    ]
    const others = ['keystore.json', 'wal/notes.txt']
    for (const folder of ['wal', 'snapshots', 'archive/tx-index']) mkdirSync(join(dir, folder), { recursive: true })
    for (const name of [...own, ...others]) writeFileSync(join(dir, name), name)
    if (way === 'interrupted') writeFileSync(join(dir, 'armchain.json'), '{"format":1,"state":"resetting"}')
    await using data = await open(way === 'asked for')
    expect(data.isNew).toBe(true)
    expect(own.filter((name) => existsSync(join(dir, name)))).toEqual([])
    expect(others.filter((name) => existsSync(join(dir, name)))).toEqual(others)
    expect(JSON.parse(readFileSync(join(dir, 'armchain.json'), 'utf8'))).toMatchObject({ state: 'ready' })
  }
})
