import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLightClient, createRpcClient, createWallet, trustedRoot } from '@armchain/client'
import { expect, test } from 'vitest'
import { accountKey, startTestnet, type TestAccount, type Testnet } from './testnet.ts'

/** Pays from the first account to the second, and waits until the main shard has accepted it. */
async function pay({ rpcUrl, accounts, genesis }: Testnet): Promise<number> {
  await using rpc = createRpcClient({ url: rpcUrl })
  const root = trustedRoot(genesis)
  const wallet = await createWallet(rpc, accountKey(accounts[0] as TestAccount), { root })
  const receipt = await wallet.wait(await wallet.transfer((accounts[1] as TestAccount).address, 5n), 'anchored')
  expect(receipt.ok).toBe(true)
  // The light client checks the committee's signatures itself.
  const head = await createLightClient(rpc, root).head(1, 'anchored')
  expect(head.height).toBeGreaterThanOrEqual(receipt.height)
  return head.height
}

test('four validators certify with BLS signatures, and go on with the same keys from their folders', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'armchain-bls-'))
  const options = { validators: 4, shards: 1, accounts: 2, certificates: 'bls', dataDir } as const
  try {
    await using testnet = await startTestnet(options)
    const { shards } = testnet.genesis.scheme
    expect(shards.every(({ certificates, validators }) => certificates === 'bls' && validators.length === 4)).toBe(true)
    const height = await pay(testnet)
    await testnet.close()
    await expect(startTestnet({ ...options, certificates: 'ed25519' })).rejects.toMatchObject({ code: 'ARM_DATA_DIR' })
    await using again = await startTestnet({ dataDir })
    expect(again.fresh).toBe(false)
    expect(await pay(again)).toBeGreaterThan(height)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('one validator may certify with BLS signatures, too', async () => {
  await using testnet = await startTestnet({ shards: 1, accounts: 2, certificates: 'bls' })
  await pay(testnet)
})
