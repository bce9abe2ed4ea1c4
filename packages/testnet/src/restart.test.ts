import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createRpcClient, createWallet, type Receipt, type RpcClient, type Wallet } from '@armchain/client'
import { formatAddress, MOTES_PER_AC } from '@armchain/core'
import { afterEach, describe, expect, test } from 'vitest'
import { runLoad } from './load.ts'
import { accountKey, startTestnet, type Testnet, type TestnetOptions } from './testnet.ts'

const WAIT_MS = 20_000
/** Time to the next block on demand when there is no demand. */
const IDLE_MS = 5_000
/** Enough rounds for a message to arrive: source, main, destination, main. */
const ARRIVAL = 4
const AC = MOTES_PER_AC

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe('a data folder', () => {
  test('a second start goes on: keys, balances, receipts, traces, heights, supply', async () => {
    const dataDir = folder()
    const first = await start({ dataDir, blockTime: 'manual', accounts: 3 })
    const ids = await payments(first)
    const before = await everything(first, ids)
    expect(first.testnet.fresh).toBe(true)
    expect(before.traces.every(({ done }) => done)).toBe(true)
    await first.close()

    const second = await start({ dataDir, blockTime: 'manual', accounts: 3 })
    expect(second.testnet.fresh).toBe(false)
    expect(second.testnet.accounts).toEqual(first.testnet.accounts)
    expect(await everything(second, ids)).toEqual(before)
    const replayed = before.status.reduce((sum, { height }) => sum + height, 0)
    expect(second.testnet.node.recovered.blocks).toBe(replayed)

    await payments(second)
    const after = await everything(second, ids)
    after.status.forEach(({ height }, i) => {
      expect(height).toBeGreaterThan(before.status[i]?.height as number)
    })
    expect(after.receipts).toEqual(before.receipts)
    expect(after.supply.ok).toBe(true)
  })

  test('the same over snapshots, which the log is shortened to', async () => {
    const dataDir = folder()
    const first = await start({ dataDir, blockTime: 'manual', accounts: 3 })
    const ids = await payments(first)
    await first.testnet.node.snapshot()
    ids.push(...(await payments(first)))
    await first.testnet.node.snapshot()
    const [alice] = first.wallets as [Wallet]
    // Sent, and not anchored yet, when the snapshot is taken.
    const late = await alice.move(5n * AC, { from: 1, to: 2 })
    await first.rpc.call('dev_mine')
    await first.testnet.node.snapshot()
    const before = await everything(first, [...ids, late])
    await first.close()

    const second = await start({ dataDir, blockTime: 'manual' })
    expect(second.testnet.node.recovered.blocks).toBe(0)
    const after = await everything(second, [...ids, late])
    expect(after).toEqual(before)
    expect(after.receipts.at(-1)).toMatchObject({ messages: [{ valueMotes: (5n * AC).toString() }] })
    expect(after.traces.at(-1)?.done).toBe(false)
    await second.rpc.call('dev_mine', { count: ARRIVAL })
    expect(await second.rpc.call('arm_trace', { id: late })).toMatchObject({ done: true })
    const proof = await second.rpc.call('arm_getMessageProof', { traceId: ids[1] as string })
    expect(proof.messages).toHaveLength(1)
  })

  test('snapshots that are taken side by side, under load: nothing is lost', async () => {
    const dataDir = folder()
    const first = await start({ dataDir, accounts: 20 })
    const load = runLoad(first.rpc, { accounts: first.testnet.accounts, count: 4_000, crossPercent: 30 })
    let loading = true
    const loaded = load.finally(() => {
      loading = false
    })
    let taken = 0
    while (loading) {
      await Promise.all([first.testnet.node.snapshot(), first.testnet.node.snapshot(), first.rpc.call('arm_status')])
      taken += 2
    }
    expect(await loaded).toMatchObject({ included: 4_000 })
    expect(taken).toBeGreaterThanOrEqual(2)
    await quiet(first.rpc)
    await first.rpc.call('dev_setBlockTime', { blockTimeMs: 3_600_000 })
    const ids = await transactionIds(first.rpc)
    const roots = (await first.rpc.call('arm_status')).shards.map(({ stateRoot }) => stateRoot)
    await first.close()

    const second = await start({ dataDir, blockTime: 'manual' })
    expect(ids.length).toBe(4_000)
    expect(await transactionIds(second.rpc)).toEqual(ids)
    const receipts = await receiptsOf(
      second.rpc,
      ids.filter((_, i) => i % 40 === 0),
    )
    for (const receipt of receipts) expect(receipt).toMatchObject({ ok: true, finality: 'anchored' })
    expect((await second.rpc.call('arm_status')).shards.map(({ stateRoot }) => stateRoot)).toEqual(roots)
    expect(await second.rpc.call('arm_getSupply')).toMatchObject({ ok: true, inFlightMotes: '0' })
  })

  test('that was made in another shape is refused, and stays as it was', async () => {
    const dataDir = folder()
    const first = await start({ dataDir, shards: 1, accounts: 2, blockTime: 'manual' })
    await first.close()
    const others: TestnetOptions[] = [
      { shards: 3 },
      { accounts: 4 },
      { balanceMotes: 5n },
      { mnemonic: `${'abandon '.repeat(11)}about` },
      { networkId: 'other-testnet' },
    ]
    for (const options of others)
      await expect(startTestnet({ dataDir, ...options })).rejects.toMatchObject({
        code: 'ARM_DATA_DIR',
        message: expect.stringContaining(Object.keys(options)[0] as string),
        hint: expect.stringContaining('--reset'),
      })
    const mnemonic = ` ${first.testnet.accounts[0]?.mnemonic.replace(' ', '  ')}\n`
    const again = await start({ dataDir, shards: 1, accounts: 2, mnemonic, blockTime: 'manual' })
    expect(again.testnet).toMatchObject({ fresh: false, accounts: first.testnet.accounts })
  })

  test('a reset starts over, in the shape that it is given', async () => {
    const dataDir = folder()
    const first = await start({ dataDir, shards: 1, accounts: 2, blockTime: 'manual' })
    await first.rpc.call('dev_mine', { count: 3 })
    await first.close()
    await expect(startTestnet({ dataDir, reset: true, mnemonic: 'not a mnemonic' })).rejects.toMatchObject({
      code: 'ARM_MNEMONIC',
    })
    const kept = await start({ dataDir, blockTime: 'manual' })
    expect(await heights(kept.rpc)).toEqual([4, 4])
    await kept.close()
    const second = await start({ dataDir, reset: true, shards: 3, blockTime: 'manual' })
    expect(second.testnet.fresh).toBe(true)
    expect(await heights(second.rpc)).toEqual([1, 1, 1, 1])
    expect(second.testnet.accounts[0]?.mnemonic).not.toBe(first.testnet.accounts[0]?.mnemonic)
  })

  test('one that is in use, and a log of another testnet or a damaged one, are refused and let go of', async () => {
    const [dataDir, otherDir] = [folder(), folder()]
    const first = await start({ dataDir, blockTime: 'manual' })
    await expect(startTestnet({ dataDir, reset: true })).rejects.toMatchObject({ code: 'ARM_DATA_DIR_LOCKED' })
    const port = Number(new URL(first.testnet.rpcUrl).port)
    await expect(startTestnet({ dataDir: otherDir, port })).rejects.toMatchObject({ code: 'ARM_PORT_IN_USE' })
    await first.close()
    const other = await start({ dataDir: otherDir, blockTime: 'manual' })
    await other.close()

    const keep = readFileSync(join(dataDir, 'testnet.json'))
    writeFileSync(join(dataDir, 'testnet.json'), readFileSync(join(otherDir, 'testnet.json')))
    await expect(startTestnet({ dataDir })).rejects.toMatchObject({ code: 'ARM_LOG_CORRUPT' })
    writeFileSync(join(dataDir, 'testnet.json'), '{"format":1')
    await expect(startTestnet({ dataDir })).rejects.toMatchObject({ code: 'ARM_DATA_DIR' })
    writeFileSync(join(dataDir, 'testnet.json'), keep)
    const [log] = readdirSync(join(dataDir, 'wal')) as [string]
    const bytes = readFileSync(join(dataDir, 'wal', log))
    bytes[200] = (bytes[200] as number) ^ 1
    writeFileSync(join(dataDir, 'wal', log), bytes)
    await expect(startTestnet({ dataDir })).rejects.toMatchObject({ code: 'ARM_LOG_CORRUPT' })
    const anew = await start({ dataDir, reset: true, blockTime: 'manual' })
    expect(await heights(anew.rpc)).toEqual([1, 1, 1])
  })
})

test('SIGTERM and SIGINT stop a testnet cleanly, and the next start goes on', async () => {
  await Promise.all([stopsOn('SIGTERM'), stopsOn('SIGINT')])
})

async function stopsOn(signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
  const dataDir = folder()
  const config = join(dataDir, '../', `${basename(dataDir)}.json`)
  cleanups.push(() => rmSync(config, { force: true }))
  const bin = join(import.meta.dirname, '../bin/armchain.mjs')
  const options = ['--port', '0', '--data-dir', dataDir, '--config-out', config, '--block-time', '20']
  const child = spawn(process.execPath, [bin, 'testnet', ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  cleanups.push(() => void child.kill('SIGKILL'))
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const exited = once(child, 'exit')
  await until(async () => child.exitCode !== null || existsSync(config))
  const { rpc: urls, accounts } = JSON.parse(readFileSync(config, 'utf8'))
  await using rpc = createRpcClient({ url: urls[0] })
  const wallet = await createWallet(rpc, accountKey(accounts[0]))
  const receipt = await wallet.wait(await wallet.transfer(accounts[1].address, AC))
  child.kill(signal)
  expect(await exited).toEqual([0, null])
  const [stdout, stderr] = await output
  expect(stdout).toMatch(/Running. Stop with Ctrl-C.\nStopped.\n$/)
  expect(stderr).toBe('')

  const again = await start({ dataDir, blockTime: 'manual' })
  expect(await again.rpc.call('arm_getReceipt', { txId: receipt.txId })).toMatchObject({
    blockHash: receipt.blockHash,
    ok: true,
  })
}

describe('snapshot and revert of a development chain', () => {
  test.each(['in memory', 'in a data folder'])(
    'balances, nonces and heights return, and the chain goes on: %s',
    async (where) => {
      const options: TestnetOptions = { blockTime: 'manual', accounts: 3 }
      if (where === 'in a data folder') Object.assign(options, { dataDir: folder() })
      const node = await start(options)
      const { rpc } = node
      const kept = await payments(node)
      const before = await everything(node, kept)
      const { snapshotId } = await rpc.call('dev_snapshot')
      const later = await rpc.call('dev_snapshot')
      const [alice, bob] = node.wallets as [Wallet, Wallet]

      for (let round = 1; round <= 2; round++) {
        const lost = await payments(node)
        const pending = await alice.transfer(bob.address(1), AC)
        const wait = alice.wait(pending).then(
          () => 'included',
          (error: { code: string }) => error.code,
        )
        expect(await rpc.call('dev_revert', { snapshotId })).toEqual({ reverted: true })
        expect(await wait).toBe('ARM_CHAIN_REVERTED')
        expect(await everything(node, kept)).toEqual(before)
        for (const txId of [...lost, pending]) {
          await expect(rpc.call('arm_getReceipt', { txId })).rejects.toMatchObject({ code: 'ARM_NOT_FOUND' })
          await expect(rpc.call('arm_getTransaction', { txId })).rejects.toMatchObject({ code: 'ARM_NOT_FOUND' })
        }
        await expect(rpc.call('arm_getBlock', { vShard: 1, height: 50 })).rejects.toMatchObject({
          code: 'ARM_NOT_FOUND',
        })
        await expect(rpc.call('dev_revert', later)).rejects.toMatchObject({ code: 'ARM_NOT_FOUND' })
      }

      // Nothing of the lost future vouches for a new block: one that is not anchored does not pass for anchored.
      const txId = await alice.transfer(bob.address(1), AC)
      const { heights: mined } = await rpc.call('dev_mine')
      expect(mined.find(({ vShard }) => vShard === 1)?.height).toBe((before.status[1]?.height as number) + 1)
      const [again] = await receiptsOf(rpc, [txId])
      expect(again).toMatchObject({ ok: true, finality: 'anchored' })

      await payments(node)
      const end = await everything(node, [...kept, txId])
      await node.close()
      if (options.dataDir === undefined) return
      const restarted = await start(options)
      expect(await everything(restarted, [...kept, txId])).toEqual(end)
      await payments(restarted)
      expect(await restarted.rpc.call('arm_getSupply')).toMatchObject({ ok: true })
    },
  )

  test('a block of the new chain is anchored only when the main shard has said so', async () => {
    const node = await start({ accounts: 2, blockTime: 'manual' })
    const [alice, bob] = node.wallets as [Wallet, Wallet]
    const { snapshotId } = await node.rpc.call('dev_snapshot')
    await node.rpc.call('dev_mine', { count: 3 })
    await node.rpc.call('dev_revert', { snapshotId })
    const txId = await alice.transfer(bob.address(1), AC)
    node.testnet.node.host.seal(1)
    expect(await alice.wait(txId)).toMatchObject({ finality: 'shard-final' })
    expect(await node.rpc.call('arm_getBlock', { vShard: 1 })).toMatchObject({ anchored: false })
    node.testnet.node.host.seal(0)
    expect(await alice.wait(txId, 'anchored')).toMatchObject({ finality: 'anchored' })
  })

  test('payments that come in while the chain is reverted are in a block or refused, and the chain lives', async () => {
    const node = await start({ dataDir: folder(), accounts: 8 })
    const { snapshotId } = await node.rpc.call('dev_snapshot')
    let reverting = true
    const outcomes = node.wallets.map(async (wallet, i) => {
      const seen = new Set<string>()
      while (reverting) {
        const payment = wallet.transfer(wallet.address(1 + (i % 2)), 1n, { vShard: 1 })
        seen.add(
          await payment.then(
            () => 'ok',
            (error: { code: string }) => error.code,
          ),
        )
      }
      return [...seen]
    })
    for (let i = 0; i < 6; i++) await node.rpc.call('dev_revert', { snapshotId })
    reverting = false
    const codes = new Set((await Promise.all(outcomes)).flat())
    expect(codes).toContain('ok')
    // A nonce that was read before a revert may be one too many after it.
    for (const code of codes)
      expect(['ok', 'ARM_RPC_BUSY', 'ARM_TX_NONCE_GAP', 'ARM_TX_NONCE_LOW', 'ARM_TX_UNDERPRICED']).toContain(code)
    await quiet(node.rpc)
    expect(await node.rpc.call('arm_getSupply')).toMatchObject({ ok: true })
    const [alice, bob] = node.wallets as [Wallet, Wallet]
    expect(await alice.wait(await alice.transfer(bob.address(2), AC), 'anchored')).toMatchObject({ ok: true })
  })
})

describe('when blocks are made', () => {
  test('by hand: only when told, and a call that waits is told of the block made at that moment', async () => {
    const { rpc, wallets } = await start({ blockTime: 'manual', accounts: 2 })
    const [alice, bob] = wallets as [Wallet, Wallet]
    expect(await rpc.call('arm_network')).toMatchObject({ sealing: 'manual' })
    const txId = await alice.transfer(bob.address(1), AC)
    expect(await rpc.call('arm_getTransaction', { txId })).toMatchObject({ status: 'pending', height: null })
    expect(await heights(rpc)).toEqual([1, 1, 1])
    const [receipt, mined] = await rpc.batch([
      ['arm_waitForReceipt', { txId, timeoutMs: 2_000, finality: 'anchored' }],
      ['dev_mine', { count: 3 }],
    ])
    expect(receipt).toMatchObject({ ok: true, value: { ok: true, height: 2, finality: 'anchored' } })
    expect(mined).toMatchObject({ value: { heights: [0, 1, 2].map((vShard) => ({ vShard, height: 4 })) } })
    expect(await heights(rpc)).toEqual([4, 4, 4])
  })

  test('a load that nobody makes blocks for gives up', async () => {
    const { rpc, testnet } = await start({ blockTime: 'manual', accounts: 2 })
    const load = runLoad(rpc, { accounts: testnet.accounts, count: 4, crossPercent: 0, waitMs: 100 })
    await expect(load).rejects.toMatchObject({ code: 'ARM_RPC_TIMEOUT', hint: expect.stringContaining('dev_mine') })
  })

  test('on demand: soon after a transaction, and not without one', async () => {
    const { rpc, wallets } = await start({ accounts: 2 })
    const [alice, bob] = wallets as [Wallet, Wallet]
    expect(await rpc.call('arm_network')).toMatchObject({ sealing: 'on-demand' })
    await quiet(rpc)
    const idle = await heights(rpc)
    const begun = performance.now()
    const receipt = await alice.wait(await alice.transfer(bob.address(1), AC))
    expect(performance.now() - begun).toBeLessThan(IDLE_MS)
    expect(receipt.height).toBeGreaterThan(idle[1] as number)
    await quiet(rpc)
    // The other vShard had nothing to do.
    const made = ((await heights(rpc))[2] as number) - (idle[2] as number)
    expect(made).toBeLessThanOrEqual(1 + Math.floor((performance.now() - begun) / IDLE_MS))
  })

  test('at an interval: with and without transactions, until told otherwise', async () => {
    const { rpc, wallets } = await start({ blockTime: 20, accounts: 2 })
    const [alice, bob] = wallets as [Wallet, Wallet]
    expect(await rpc.call('arm_network')).toMatchObject({ sealing: 'interval', blockTimeMs: 20 })
    await until(async () => ((await heights(rpc))[1] as number) > 5)
    await rpc.call('dev_setBlockTime', { blockTimeMs: 3_600_000 })
    expect(await rpc.call('arm_network')).toMatchObject({ sealing: 'interval', blockTimeMs: 3_600_000 })
    const still = await heights(rpc)
    const txId = await alice.transfer(bob.address(1), AC)
    expect(await heights(rpc)).toEqual(still)
    await rpc.call('dev_setBlockTime', { blockTimeMs: 0 })
    expect(await rpc.call('arm_network')).toMatchObject({ sealing: 'on-demand' })
    expect(await alice.wait(txId)).toMatchObject({ ok: true })
    await rpc.call('dev_setBlockTime', { blockTimeMs: 20 })
    await until(async () => ((await heights(rpc))[2] as number) > (still[2] as number) + 3)
  })
})

describe('the faucet', () => {
  test('gives what is asked for, on every vShard, also to many at once', async () => {
    const { rpc, wallets } = await start({ accounts: 1, shards: 2 })
    const account = new Uint8Array(32).fill(9)
    const gifts = [0, 1, 2].flatMap((vShard) => [1, 2, 3, 3].map((ac) => ({ vShard, amount: BigInt(ac) * AC })))
    const given = await Promise.all(
      gifts.map(({ vShard, amount }) =>
        rpc.call('dev_faucet', { address: formatAddress({ account, vShard }, 'armt'), amountMotes: String(amount) }),
      ),
    )
    expect(new Set(given.map(({ txId }) => txId)).size).toBe(gifts.length)
    for (const { txId } of given) expect(await (wallets[0] as Wallet).wait(txId)).toMatchObject({ ok: true })
    for (const vShard of [0, 1, 2])
      expect(await rpc.call('arm_getAccount', { address: formatAddress({ account, vShard }, 'armt') })).toMatchObject({
        exists: true,
        balanceMotes: (9n * AC).toString(),
      })
  })

  test('gives 100 AC by default, and nothing for nothing or beyond what it has', async () => {
    const { rpc, wallets } = await start({ accounts: 1 })
    const [alice] = wallets as [Wallet]
    const before = await alice.balance(1)
    const { txId } = await rpc.call('dev_faucet', { address: alice.address(1) })
    await alice.wait(txId)
    expect((await alice.balance(1)) - before).toBe(100n * AC)
    for (const amountMotes of ['0', (1_000_001n * AC).toString(), '9'.repeat(39)])
      await expect(rpc.call('dev_faucet', { address: alice.address(1), amountMotes })).rejects.toMatchObject({
        code: 'ARM_FAUCET',
        hint: expect.any(String),
      })
    await expect(rpc.call('dev_faucet', { address: alice.address(7) })).rejects.toMatchObject({ code: 'ARM_TX_SHARD' })
  })
})

type Running = {
  readonly testnet: Testnet
  readonly rpc: RpcClient
  readonly wallets: readonly Wallet[]
  close(): Promise<void>
}

async function start(options: TestnetOptions): Promise<Running> {
  const failures: unknown[] = []
  const testnet = await startTestnet({ ...options, onFailure: (error) => failures.push(error) })
  const rpc = createRpcClient({ url: testnet.rpcUrl })
  const close = async (): Promise<void> => {
    await rpc.close()
    await testnet.close()
    expect(failures).toEqual([])
  }
  cleanups.push(close)
  const wallets = await Promise.all(testnet.accounts.map((account) => createWallet(rpc, accountKey(account))))
  return { testnet, rpc, wallets, close }
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'armchain-restart-'))
  cleanups.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Inside a vShard, across, and to an own sub-account; returns when all have arrived. Needs blocks made by hand. */
async function payments({ rpc, wallets }: Running): Promise<string[]> {
  const [alice, bob] = wallets as [Wallet, Wallet]
  const ids = [
    await alice.transfer(bob.address(1), 3n * AC),
    await alice.transfer(bob.address(2), 2n * AC, { vShard: 1 }),
    await bob.move(AC, { from: 2, to: 1 }),
    await alice.move(AC, { from: 1, to: 0 }),
  ]
  await rpc.call('dev_mine', { count: ARRIVAL })
  for (const receipt of await receiptsOf(rpc, ids)) expect(receipt).toMatchObject({ ok: true, finality: 'anchored' })
  return ids
}

/** All that a restart may not change. */
async function everything({ rpc, wallets }: Running, ids: readonly string[]) {
  const accounts = await rpc.batch(
    wallets.flatMap((wallet) =>
      [0, 1, 2].map((vShard) => ['arm_getAccount', { address: wallet.address(vShard) }] as const),
    ),
  )
  const traces = []
  for (const id of ids) traces.push(await rpc.call('arm_trace', { id }))
  const blocks = []
  for (const vShard of [0, 1, 2]) blocks.push(await rpc.call('arm_getBlock', { vShard, full: true }))
  return {
    accounts,
    traces,
    blocks,
    receipts: await receiptsOf(rpc, ids),
    status: (await rpc.call('arm_status')).shards,
    supply: await rpc.call('arm_getSupply'),
  }
}

async function receiptsOf(rpc: RpcClient, ids: readonly string[]): Promise<Receipt[]> {
  const outcomes = await rpc.batch(ids.map((txId) => ['arm_getReceipt', { txId }] as const))
  return outcomes.map((outcome) => {
    if (outcome.ok) return outcome.value
    throw outcome.reason
  })
}

async function transactionIds(rpc: RpcClient): Promise<string[]> {
  const ids: string[] = []
  for (const { vShard, height } of (await rpc.call('arm_status')).shards) {
    const calls = Array.from({ length: height }, (_, i) => ['arm_getBlock', { vShard, height: i + 1 }] as const)
    for (const outcome of await rpc.batch(calls)) {
      if (!outcome.ok) throw outcome.reason
      ids.push(...(outcome.value.transactions as readonly string[]))
    }
  }
  return ids
}

async function heights(rpc: RpcClient): Promise<number[]> {
  return (await rpc.call('arm_status')).shards.map(({ height }) => height)
}

/** Until nothing waits, and nothing is to be anchored or delivered. */
async function quiet(rpc: RpcClient): Promise<void> {
  await until(async () => {
    const { shards } = await rpc.call('arm_status')
    const supply = await rpc.call('arm_getSupply')
    const idle = shards.every((shard) => shard.poolTransactions === 0 && shard.anchoredHeight === shard.height)
    return idle && supply.inFlightMotes === '0'
  })
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so within ${WAIT_MS} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
