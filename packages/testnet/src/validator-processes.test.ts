import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRpcClient, createWallet, type RpcClient } from '@armchain/client'
import { formatAddress, MOTES_PER_AC } from '@armchain/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ValidatorProcess } from './node-process/validator-process.ts'
import { accountKey, startTestnet, type Testnet } from './testnet.ts'
import type { ValidatorProcesses } from './validator-processes.ts'

const AC = MOTES_PER_AC
const WAIT_MS = 40_000
const ALL = [0, 1, 2, 3]
const folder = mkdtempSync(join(tmpdir(), 'processes-'))

let testnet: Testnet
let validators: ValidatorProcesses

/** One testnet for all: processes take seconds to start. Each test leaves it as it should be. */
beforeAll(async () => {
  testnet = await startTestnet({ processes: true, shards: 2, dataDir: join(folder, 'testnet') })
  validators = testnet.processes as ValidatorProcesses
}, 120_000)

afterAll(async () => {
  await testnet?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('decide as processes: a payment between shards is final, and all hold the same blocks', async () => {
  await using rpc = client(0)
  const [alice, bob] = await Promise.all(testnet.accounts.map((account) => createWallet(rpc, accountKey(account))))
  if (alice === undefined || bob === undefined) throw new Error('two accounts')
  const paid = await alice.wait(await alice.transfer(bob.address(2), 3n * AC, { vShard: 1 }), 'anchored')
  await until('the payment has arrived', async () => (await rpc.call('arm_trace', { id: paid.traceId })).done)
  await sameHeads(ALL)
  for (const validator of ALL) {
    await using own = client(validator)
    const net = await own.call('arm_net')
    expect(net.validator).toBe(validator)
    const peers = net.peers.map((peer) => peer.validator).sort()
    expect(peers).toEqual(ALL.filter((other) => other !== validator))
    expect(net.topics.map(({ name }) => name.split('/').slice(4).join('/')).sort()).toEqual(
      ['main/head', 'main/tx', 'shard/1/head', 'shard/1/tx', 'shard/2/head', 'shard/2/tx'].sort(),
    )
    expect(net.channels.find(({ name }) => name.endsWith('/votes/1'))?.received).toBeGreaterThan(0)
    const metrics = await (await fetch(`${validators.ready(validator).rpc}/metrics`)).text()
    expect(metrics).toMatch(/armchain_net_peers\{kind="validator",direction="(in|out)bound"\} [123]/)
    expect(metrics).toContain('armchain_net_topic_mesh_peers{topic=')
  }
})

test('one that is killed is not missed, and catches up; so does one that stood still', async () => {
  await validators.kill(2)
  await pay(0, 3)
  expect((await validators.list())[2]).toMatchObject({ state: 'down', rpcUrl: undefined })
  await validators.restart(2)
  await validators.pause(1)
  await pay(3, 2)
  expect((await validators.list())[1]?.state).toBe('paused')
  validators.resume(1)
  await sameHeads(ALL)
})

test('halves that do not hear each other decide nothing; then what was paid meanwhile is final', async () => {
  await using rpc = client(0)
  await rpc.call('dev_partition', {
    groups: [
      [0, 1],
      [2, 3],
    ],
  })
  const { txId } = await rpc.call('dev_faucet', { address: payee(1) })
  await expect(rpc.call('arm_waitForReceipt', { txId, timeoutMs: 2_000 })).rejects.toMatchObject({
    code: 'ARM_RPC_TIMEOUT',
  })
  await rpc.call('dev_heal')
  const { ok } = await rpc.call('arm_waitForReceipt', { txId, timeoutMs: WAIT_MS }, { timeoutMs: WAIT_MS })
  expect(ok).toBe(true)
  await sameHeads(ALL)
})

test('a node that follows joins late with an empty folder, has the whole chain, and passes payments on', async () => {
  const own = join(folder, 'follower')
  mkdirSync(own)
  const { network } = JSON.parse(readFileSync(join(validators.folder(0), 'config.json'), 'utf8'))
  const config = {
    genesis: '../testnet/genesis.json',
    role: 'super',
    dataDir: 'data',
    network: { peers: network.peers, validators: network.validators },
    rpc: { port: 0 },
    log: 'warn',
  }
  writeFileSync(join(own, 'config.json'), JSON.stringify(config))
  const follower = await ValidatorProcess.start(own, {})
  await using rpc = createRpcClient({ url: follower.ready.rpc })
  try {
    expect(follower.ready).toMatchObject({ role: 'super', validator: null })
    await until('the follower has caught up', async () => isAsFar(rpc, await headsOf(1)))
    const wallet = await createWallet(rpc, accountKey(testnet.accounts[2] ?? { secretKey: '' }))
    const { ok } = await wallet.wait(await wallet.transfer(payee(2), AC), 'anchored')
    expect(ok).toBe(true)
    // Nothing that it has to say is held against it.
    const { peers, channels } = await rpc.call('arm_net')
    expect(peers.map((peer) => peer.validator)).toEqual(expect.arrayContaining([1, 2, 3]))
    expect(channels.find(({ name }) => name.endsWith('/votes/1'))?.sent).toBe(0)
    await expect(rpc.call('dev_faucet', { address: payee(1) })).rejects.toMatchObject({ code: 'ARM_DEV_ONLY' })
  } finally {
    // As its channel ends with whoever has started it.
    follower.disown()
    await follower.ended
  }
})

test('all that are killed at once go on from their folders', async () => {
  const ids = await pay(1, 2)
  await Promise.all(ALL.map((validator) => validators.kill(validator)))
  await Promise.all(ALL.map((validator) => validators.restart(validator)))
  await using rpc = client(3)
  for (const txId of ids) expect((await rpc.call('arm_getReceipt', { txId })).ok).toBe(true)
  await pay(0, 2)
  await sameHeads(ALL)
}, 90_000)

test.each([{ validators: 1 }, { blockTime: 'manual' as const }, { poolLimits: {} as never }, { modules: [] }])(
  '%o are no processes',
  async (options) => {
    await expect(startTestnet({ processes: true, ...options })).rejects.toMatchObject({ code: 'ARM_ARGUMENT' })
  },
)

function client(validator: number): RpcClient {
  return createRpcClient({ url: validators.ready(validator).rpc })
}

function payee(vShard: number): string {
  return formatAddress({ account: new Uint8Array(32).fill(7), vShard }, testnet.genesis.scheme.addressPrefix)
}

/** Pays on each vShard in turn through a validator; the ids once all are in blocks. */
async function pay(validator: number, count: number): Promise<readonly string[]> {
  await using rpc = client(validator)
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push((await rpc.call('dev_faucet', { address: payee(i % 3) })).txId)
  for (const txId of ids)
    await rpc.call('arm_waitForReceipt', { txId, timeoutMs: WAIT_MS }, { timeoutMs: WAIT_MS + 1_000 })
  return ids
}

type Head = { readonly vShard: number; readonly height: number; readonly hash: string }

async function headsOf(validator: number): Promise<readonly Head[]> {
  await using rpc = client(validator)
  const { shards } = await rpc.call('arm_status')
  return shards.map(({ vShard, height, headHash }) => ({ vShard, height, hash: headHash }))
}

async function isAsFar(rpc: RpcClient, heads: readonly Head[]): Promise<boolean> {
  const { shards } = await rpc.call('arm_status')
  return heads.every(({ vShard, height }) => (shards.find((each) => each.vShard === vShard)?.height ?? 0) >= height)
}

async function sameHeads(members: readonly number[]): Promise<void> {
  const heads = await headsOf(0)
  for (const validator of members) {
    await using rpc = client(validator)
    await until(`validator ${validator} has caught up`, () => isAsFar(rpc, heads))
    for (const { vShard, height, hash } of heads)
      expect((await rpc.call('arm_getHead', { vShard, height })).hash).toBe(hash)
  }
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + WAIT_MS
  while (!(await done())) {
    if (performance.now() > untilMs) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}
