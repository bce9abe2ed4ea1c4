import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSoloEngine } from '@armchain/consensus'
import { afterEach, expect, test } from 'vitest'
import { prepared, signTransfer, testGenesis, testRuntime, testSigner, users } from '../chain.fixture.ts'
import { silentLog } from '../log.ts'
import { openArchive } from '../storage/archive.ts'
import { type Disk, nodeDisk } from '../storage/disk.ts'
import { openWal } from '../storage/wal.ts'
import { ChainHost, type ChainHostOptions } from './chain-host.ts'
import { History } from './history.ts'

const alice = users[0] as (typeof users)[0]
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A disk whose syncs wait for `release`, or fail once `broken` is set. */
class SlowDisk implements Disk {
  broken = false
  #held = false
  #waiting: (() => void)[] = []

  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    for (const go of this.#waiting.splice(0)) go()
  }

  syncDirectory = nodeDisk.syncDirectory

  async open(path: string, mode: 'create' | 'write'): ReturnType<Disk['open']> {
    const file = await nodeDisk.open(path, mode)
    return {
      write: (bytes, offset) => file.write(bytes, offset),
      close: () => file.close(),
      sync: async () => {
        if (this.#held) await new Promise<void>((resolve) => this.#waiting.push(resolve))
        if (this.broken) throw new Error('the disk is broken')
        await file.sync()
      },
    }
  }
}

async function startHost(options: Partial<ChainHostOptions> = {}) {
  const disk = new SlowDisk()
  const dir = await mkdtemp(join(tmpdir(), 'chain-host-'))
  ends.push(() => rm(dir, { recursive: true }))
  const archive = await openArchive({ dir: 'memory' })
  ends.push(() => archive.close())
  const wal = await openWal({ dir, genesisHash: testRuntime.genesisHash, sync: 'fdatasync', disk })
  ends.push(() => wal.close().catch(() => undefined))
  const failures: unknown[] = []
  const published: number[] = []
  const host = new ChainHost({
    runtime: testRuntime,
    genesis: testGenesis,
    engines: { solo: createSoloEngine },
    pace: { blockTimeMs: 0, idleMs: 0, mode: 'manual' },
    signer: testSigner,
    wal,
    history: new History(archive, testRuntime),
    verify: async () => true,
    nowMs: Date.now,
    log: silentLog,
    ...options,
  })
  ends.push(() => host.close())
  host.listen(
    ({ shard, executed }) => shard.vShard === 1 && published.push(executed.height),
    () => {},
    (error) => failures.push(error),
  )
  host.start()
  await host.settled()
  return { host, disk, failures, published, height: () => host.machine.shard(1)?.chain.tip.height ?? 0 }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('what is read is given out once it is durable, and waits for nothing that came later', async () => {
  const { host, disk, height } = await startHost()
  const before = height()
  disk.hold()
  host.seal(1)
  let shown: number | undefined
  const reading = host.durable(height).then((value) => {
    shown = value
  })
  await turns(20)
  expect([height(), shown]).toEqual([before + 1, undefined])
  // More blocks keep coming; the answer is of the moment of the question.
  host.seal(1)
  disk.release()
  await reading
  expect(shown).toBe(before + 1)
  await expect(host.durable(height)).resolves.toBe(before + 2)
})

test('after a failure of the log nothing is shown, made or taken, and the node is told once', async () => {
  const { host, disk, failures, published, height } = await startHost()
  expect(host.health).toEqual({ ok: true })
  const last = height()
  disk.broken = true
  host.seal(1)
  const reading = host.durable(height)
  await expect(host.settled()).rejects.toMatchObject({ code: 'ARM_LOG_IO' })
  await expect(reading).rejects.toMatchObject({ code: 'ARM_LOG_IO' })
  expect(host.health).toMatchObject({ ok: false, reason: expect.stringContaining('ARM_LOG_IO') })
  const stuck = height()
  host.seal(1)
  host.wake()
  expect(height()).toBe(stuck)
  expect(host.admit(prepared(signTransfer({ from: alice, nonce: 0 })))).toMatchObject({ code: 'ARM_LOG_IO' })
  await expect(host.durable(height)).rejects.toMatchObject({ code: 'ARM_LOG_IO' })
  expect(failures.length).toBe(1)
  expect(published.at(-1)).toBe(last)
})

test('blocks are not made while too much waits to be published, and go on by themselves', async () => {
  const { host, disk, height } = await startHost({
    pace: { blockTimeMs: 1, idleMs: 1, mode: 'timed' },
    unpublishedBytesMax: 20_000,
  })
  disk.hold()
  await turns(2)
  const timeout = Date.now() + 20_000
  let last = -1
  // Until nothing has happened for as long as some blocks would have taken.
  for (let still = 0; still < 200 && Date.now() < timeout; still++) {
    if (height() !== last) still = 0
    last = height()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const held = height()
  expect(held).toBeLessThan(60)
  expect(host.admit(prepared(signTransfer({ from: alice, nonce: 0 })))).toBeUndefined()
  await turns(20)
  expect(height()).toBe(held)
  disk.release()
  while (height() < held + 3 && Date.now() < timeout) await new Promise((resolve) => setTimeout(resolve, 1))
  expect(height()).toBeGreaterThanOrEqual(held + 3)
  expect(host.machine.shard(1)?.pool.size).toBe(0)
  expect(host.health.ok).toBe(true)
})

test('blocks on demand are as far apart as a busy process wants them', async () => {
  let apartMs = 3_600_000
  let made = 0
  const { host, height } = await startHost({
    pace: { blockTimeMs: 1, idleMs: 7_200_000, mode: 'timed' },
    busyPace: { apartMs: (paceMs) => Math.max(paceMs, apartMs), made: () => made++ },
  })
  const first = height()
  expect(made).toBeGreaterThan(0)
  const startMs = Date.now()
  while (Date.now() < startMs + 3) await turns(1)
  expect(host.admit(prepared(signTransfer({ from: alice, nonce: 0 })))).toBeUndefined()
  expect(height()).toBe(first)
  apartMs = 0
  host.wake()
  expect(height()).toBe(first + 1)
})
