import {
  createLightClient,
  createRpcClient,
  createWallet,
  type LightClient,
  type RpcClient,
  trustedRoot,
  trustOnFirstUse,
  type Wallet,
} from '@armchain/client'
import { MOTES_PER_AC } from '@armchain/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountKey, startTestnet, type TestAccount, type Testnet } from './testnet.ts'

// What a light client and a wallet with a root check, of a node as it is; what liars are told is in `client`.
let testnet: Testnet
let rpc: RpcClient
let light: LightClient
let alice: Wallet
let bob: Wallet

beforeAll(async () => {
  testnet = await startTestnet({ accounts: 2, blockTime: 'manual' })
  rpc = createRpcClient({ url: testnet.rpcUrl })
  const root = trustedRoot(testnet.genesis)
  light = createLightClient(rpc, root)
  const [a, b] = testnet.accounts as [TestAccount, TestAccount]
  alice = await createWallet(rpc, accountKey(a), { root })
  bob = await createWallet(rpc, accountKey(b), { root })
})

afterAll(async () => {
  await rpc.close()
  await testnet.close()
})

async function codeOf(answer: Promise<unknown>): Promise<string | undefined> {
  return await answer.then(
    () => undefined,
    (error: { code?: string }) => error.code ?? `no ArmError: ${error}`,
  )
}

test('the root of the genesis is the one that the node shows', async () => {
  expect(await trustOnFirstUse(rpc)).toEqual(trustedRoot(testnet.genesis))
})

test('an anchored account: the answer waits for the main shard', async () => {
  const before = (await light.head(1)).height
  const txId = await alice.transfer(bob.address(1), MOTES_PER_AC)
  // All vShards have made the block when this is answered; the next main-shard block anchors what is left.
  await rpc.call('dev_mine')
  expect(await alice.wait(txId)).toMatchObject({ ok: true })
  const waiting = light.account(bob.address(1), 'anchored')
  await rpc.call('dev_mine')
  const { account, head } = await waiting
  expect(head.height).toBeGreaterThan(before)
  expect(account?.balance).toBe(BigInt(testnet.accounts[1]?.balanceMotes as string) + MOTES_PER_AC)
  for (const vShard of [0, 1, 2]) expect((await light.head(vShard, 'anchored')).shard.vShard).toBe(vShard)
})

test('a message across vShards is proven once it has arrived', async () => {
  const txId = await alice.transfer(bob.address(2), 7n * MOTES_PER_AC, { vShard: 1 })
  await rpc.call('dev_mine', { count: 3 })
  expect(await rpc.call('arm_trace', { id: txId })).toMatchObject({ done: true })
  const [proven] = await light.messages(txId)
  expect(proven?.message).toMatchObject({ from: alice.account, to: bob.account, value: 7n * MOTES_PER_AC })
  expect(proven?.anchor.shard.vShard).toBe(0)
})

test('an anchor that cannot be: of the main shard, of no vShard, of no block, and of none in time', async () => {
  const ask = (vShard: number, height: number) =>
    codeOf(rpc.call('arm_getAnchorProof', { vShard, height, timeoutMs: 1 }))
  expect(await ask(0, 1)).toBe('ARM_ARGUMENT')
  expect(await ask(9, 1)).toBe('ARM_TX_SHARD')
  expect(await ask(1, 1_000_000)).toBe('ARM_NOT_FOUND')
  expect(await ask(1, 1)).toBeUndefined()
  testnet.node.host.seal(1)
  const { height } = await light.head(1)
  expect(await ask(1, height)).toBe('ARM_RPC_TIMEOUT')
})

test('a chain that was put back is not the one that was seen', async () => {
  const { snapshotId } = await rpc.call('dev_snapshot')
  await rpc.call('dev_mine')
  await light.head(1)
  await rpc.call('dev_revert', { snapshotId })
  expect(await codeOf(light.head(1))).toBe('ARM_HEAD_OLD')
  await rpc.call('dev_mine', { count: 2 })
  expect((await createLightClient(rpc, trustedRoot(testnet.genesis)).head(1)).height).toBeGreaterThan(0)
})
