import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '@armchain/core'
import { afterEach, expect, test } from 'vitest'
import { addressOf, ask, idOf, signTransfer, startTestChain, testKey, users } from '../chain.fixture.ts'
import { createLog } from '../log.ts'
import type { ArmNode, NodeOptions } from '../node.ts'
import { openDataDir } from '../storage/data-dir.ts'

const [alice, bob] = users as [(typeof users)[0], (typeof users)[0]]
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function start(options: Partial<NodeOptions> = {}): Promise<ArmNode> {
  const node = await startTestChain(options)
  ends.push(() => node.close())
  return node
}

async function startOnDisk(options: Partial<NodeOptions> = {}): Promise<{ node: ArmNode; snapshotDir: string }> {
  const path = await mkdtemp(join(tmpdir(), 'dev-chain-'))
  ends.push(() => rm(path, { recursive: true }))
  const dataDir = await openDataDir(path, { reset: false })
  ends.push(() => dataDir.release())
  return { node: await start({ dataDir, ...options }), snapshotDir: dataDir.snapshotDir }
}

async function send(node: ArmNode, transfer: Parameters<typeof signTransfer>[0]): Promise<string> {
  const raw = signTransfer(transfer)
  await ask(node, 'arm_sendTransaction', { raw: toHex(raw) })
  return idOf(raw)
}

test('a revert ends what waits with a coded refusal, forgets later blocks, and the chain goes on', async () => {
  const node = await start()
  const { snapshotId } = await ask(node, 'dev_snapshot')
  const kept = await ask(node, 'arm_getBlock', { vShard: 1 })
  const lost = await send(node, { from: alice, to: bob, nonce: 0 })
  await ask(node, 'dev_mine')
  const gone = await ask(node, 'arm_getBlock', { vShard: 1 })
  const waiting = await send(node, { from: alice, to: bob, nonce: 1 })
  const wait = ask(node, 'arm_waitForReceipt', { txId: waiting })
  wait.catch(() => undefined)
  while ((await ask(node, 'arm_getTransaction', { txId: waiting })).status !== 'pending');
  await ask(node, 'dev_revert', { snapshotId })
  await expect(wait).rejects.toMatchObject({ code: 'ARM_CHAIN_REVERTED' })
  for (const txId of [lost, waiting])
    await expect(ask(node, 'arm_getTransaction', { txId })).rejects.toMatchObject({ code: 'ARM_NOT_FOUND' })
  expect(await ask(node, 'arm_getAccount', { address: addressOf(alice, 1) })).toMatchObject({ nonce: 0, nextNonce: 0 })
  // Another block takes the place of the lost one.
  await send(node, { from: alice, to: bob, nonce: 0, amount: 2n })
  await ask(node, 'dev_mine')
  expect((await ask(node, 'arm_getBlock', { vShard: 1 })).height).toBe(gone.height)
  await expect(ask(node, 'arm_getBlock', { vShard: 1, hash: gone.hash })).rejects.toMatchObject({
    code: 'ARM_NOT_FOUND',
  })
  expect(await ask(node, 'arm_getBlock', { vShard: 1, hash: kept.hash })).toMatchObject({ height: kept.height })
})

test('reverts under a stream of transactions and blocks: the shard makes blocks afterwards, all that is shown is of one chain', async () => {
  const { node } = await startOnDisk({ pace: { blockTimeMs: 2, idleMs: 2, mode: 'timed' } })
  const failed: unknown[] = []
  let over = false
  const stream = async (sender: typeof alice): Promise<void> => {
    while (!over) {
      const { nextNonce } = await ask(node, 'arm_getAccount', { address: addressOf(sender, 1) })
      await send(node, { from: sender, to: bob, nonce: nextNonce }).catch((error) => failed.push(error.code))
    }
  }
  const streams = users.slice(0, 4).map(stream)
  for (let round = 0; round < 5; round++) {
    const { snapshotId } = await ask(node, 'dev_snapshot')
    const before = await ask(node, 'arm_getBlock', { vShard: 1 })
    await ask(node, 'dev_mine', { count: 3 })
    await Promise.all([ask(node, 'dev_revert', { snapshotId }), ask(node, 'dev_mine'), ask(node, 'dev_snapshot')])
    const { height } = await ask(node, 'arm_getHead', { vShard: 1 })
    const until = Date.now() + 10_000
    while ((await ask(node, 'arm_getHead', { vShard: 1 })).height <= height) expect(Date.now()).toBeLessThan(until)
    expect(before.height).toBeGreaterThan(0)
  }
  over = true
  await Promise.all(streams)
  for (const code of failed)
    expect([
      'ARM_RPC_BUSY',
      'ARM_TX_NONCE_GAP',
      'ARM_TX_NONCE_LOW',
      'ARM_TX_UNDERPRICED',
      'ARM_TX_DUPLICATE',
    ]).toContain(code)
  expect(node.host.health).toEqual({ ok: true })
})

test('snapshots asked for side by side are written one after the other', async () => {
  const { node, snapshotDir } = await startOnDisk()
  await Promise.all([node.snapshot(), node.snapshot(), node.snapshot()])
  const names = (await readdir(snapshotDir)).sort()
  expect(names).toEqual(['snapshot-0000000000000002.bin', 'snapshot-0000000000000003.bin'])
})

test('the faucet pays many at once', async () => {
  const node = await start()
  const receivers = Array.from({ length: 12 }, (_, i) => testKey(`receiver ${i}`))
  const paid = await Promise.all(
    receivers.map((key, i) =>
      ask(node, 'dev_faucet', { address: addressOf(key, 1 + (i % 2)), amountMotes: String(1_000 + i) }),
    ),
  )
  expect(new Set(paid.map(({ txId }) => txId)).size).toBe(12)
  await ask(node, 'dev_mine')
  for (const [i, key] of receivers.entries())
    expect(await ask(node, 'arm_getAccount', { address: addressOf(key, 1 + (i % 2)) })).toMatchObject({
      balanceMotes: String(1_000 + i),
    })
})

test('a snapshot that cannot be written is a warning, tried again when as much has been written; the node goes on', async () => {
  const failures: unknown[] = []
  const lines: string[] = []
  const { node, snapshotDir } = await startOnDisk({
    snapshotEveryBytes: 20_000,
    onFailure: (error) => failures.push(error),
    log: createLog({ level: 'warn', destination: { write: (line) => void lines.push(line) } }),
  })
  // A file where the folder should be; not while one is being written.
  await node.snapshot()
  await rename(snapshotDir, `${snapshotDir}-before`)
  await writeFile(snapshotDir, '')
  const warned = (): number => lines.filter((line) => line.includes('no snapshot could be written')).length
  for (let round = 0; round < 100 && warned() < 2; round++) await ask(node, 'dev_mine')
  expect(warned()).toBe(2)
  await rm(snapshotDir)
  for (let round = 0; round < 100 && !existsSync(snapshotDir); round++) await ask(node, 'dev_mine')
  expect(failures).toEqual([])
  expect(node.host.health).toEqual({ ok: true })
})
