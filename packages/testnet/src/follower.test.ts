import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRpcClient, createWallet } from '@armchain/client'
import { createNode, openDataDir } from '@armchain/node'
import { expect, test } from 'vitest'
import { accountKey, startTestnet, type TestAccount } from './testnet.ts'
import type { Validators } from './validators.ts'

const FOLLOWER = 9
const WAIT_MS = 20_000

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + WAIT_MS
  while (!(await done())) {
    if (performance.now() > untilMs) throw new Error(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a node without a seat follows the chain from its start, stays close behind it, and passes payments on', async () => {
  await using testnet = await startTestnet({ validators: 4, certificates: 'ed25519', shards: 1, accounts: 2 })
  const validators = testnet.validators as Validators
  const dir = await mkdtemp(join(tmpdir(), 'armchain-follower-'))
  const dataDir = await openDataDir(dir, { reset: false })
  await using rpc = createRpcClient({ url: testnet.rpcUrl })
  const [payee = ''] = testnet.accounts.map(({ address }) => address)
  await rpc.call('dev_faucet', { address: payee })
  const node = await createNode({
    genesis: testnet.genesis,
    signer: () => undefined,
    pace: { blockTimeMs: 80, idleMs: 1_000, mode: 'timed' },
    dataDir,
    durability: 'process',
    transport: validators.network.join(FOLLOWER, [0, 1, 2, 3]),
    rpc: { port: 0 },
    dev: {},
  })
  try {
    await using own = createRpcClient({ url: node.url as string })
    const heights = async (client: typeof rpc) =>
      (await client.call('arm_network')).shards.map(({ height }: { height: number }) => height)
    const target = await heights(rpc)
    await until('the follower has caught up', async () =>
      (await heights(own)).every((height, i) => height >= (target[i] as number)),
    )
    const balance = async (client: typeof rpc) => (await client.call('arm_getAccount', { address: payee })).balanceMotes
    expect(await balance(own)).toBe(await balance(rpc))
    // A payment that only the follower was told of is in a block of the validators, which it has in turn.
    const before = await balance(own)
    const wallet = await createWallet(own, accountKey(testnet.accounts[1] as TestAccount))
    const paid = await wallet.wait(await wallet.transfer(payee, 7n), 'anchored')
    expect(paid.ok).toBe(true)
    expect(BigInt(await balance(rpc)) - 7n).toBe(BigInt(before))
    // Nothing was blamed on anyone meanwhile.
    expect([node.cutOffs, ...[0, 1, 2, 3].map((i) => validators.node(i).cutOffs)]).toEqual([0, 0, 0, 0, 0])
  } finally {
    await node.close()
    await dataDir.release()
    await rm(dir, { recursive: true })
  }
})
