// Pays from one vShard to another, follows the message through the main shard, and moves money between own sub-accounts.
import { createRpcClient, createWallet } from '@armchain/client'
import { formatAc, parseAc } from '@armchain/core'
import { accountKey, startTestnet } from '@armchain/testnet'

await using testnet = await startTestnet({ shards: 2 })
await using rpc = createRpcClient({ url: testnet.rpcUrl })

const [first, second] = testnet.accounts
if (first === undefined || second === undefined) throw new Error('a testnet has ten accounts unless told otherwise')
const alice = await createWallet(rpc, accountKey(first))
const bob = await createWallet(rpc, accountKey(second))

// One key holds a sub-account on every vShard; the address says which is meant.
const before = await bob.balance(2)
const txId = await alice.transfer(bob.address(2), parseAc('2'), { vShard: 1 })
await alice.wait(txId, 'anchored')

let trace = await rpc.call('arm_trace', { id: txId })
while (!trace.done) {
  await new Promise((resolve) => setTimeout(resolve, 20))
  trace = await rpc.call('arm_trace', { id: txId })
}
for (const { kind, vShard, height, detail } of trace.spans)
  console.log(`${kind.padEnd(12)} vShard ${vShard} height ${height}  ${detail}`)
if ((await bob.balance(2)) - before !== parseAc('2')) throw new Error('the payment did not arrive')

const moveId = await alice.move(parseAc('3'), { from: 1, to: 2 })
const { feeMotes } = await alice.wait(moveId, 'anchored')
console.log(`moved 3 AC to the own sub-account on vShard 2 for ${formatAc(BigInt(feeMotes))} AC`)

const supply = await rpc.call('arm_getSupply')
if (!supply.ok) throw new Error('the supply does not add up')
