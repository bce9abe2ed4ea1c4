// Starts a sharded testnet in this process, pays someone, and checks the new balance against a certified head.
import { createLightClient, createRpcClient, createWallet, trustedRoot } from '@armchain/client'
import { formatAc, parseAc } from '@armchain/core'
import { accountKey, startTestnet } from '@armchain/testnet'

await using testnet = await startTestnet({ shards: 2 })
await using rpc = createRpcClient({ url: testnet.rpcUrl })

const [alice, bob] = testnet.accounts
if (alice === undefined || bob === undefined) throw new Error('a testnet has ten accounts unless told otherwise')

const root = trustedRoot(testnet.genesis)
const wallet = await createWallet(rpc, accountKey(alice), { root })
const txId = await wallet.transfer(bob.address, parseAc('12.5'))
const receipt = await wallet.wait(txId)
console.log(`paid in block ${receipt.height} of vShard ${receipt.vShard}, fee ${formatAc(BigInt(receipt.feeMotes))} AC`)

// The light client believes the genesis and nothing that the node says; docs/client.md has it exactly.
const light = createLightClient(rpc, root)
const { account, head } = await light.account(bob.address)
console.log(`Bob holds ${formatAc(account?.balance ?? 0n)} AC, proven at height ${head.height}`)
if (account?.balance !== parseAc('10012.5')) throw new Error('the payment is not in the proven balance')
