import { createLightClient, createRpcClient, createWallet, type Receipt, trustedRoot } from '@armchain/client'
import { formatAc, MOTES_PER_AC } from '@armchain/core'
import { waterfall } from './commands/trace.ts'
import { accountKey, type Testnet } from './testnet.ts'

/** A payment inside a shard, to an own sub-account, and across shards; then a balance proven against a certified head. */
export async function runDemo(testnet: Testnet, print: (line: string) => void): Promise<void> {
  await using rpc = createRpcClient({ url: testnet.rpcUrl })
  const [first, second] = testnet.accounts
  if (first === undefined || second === undefined || testnet.genesis.scheme.shards.length < 3) {
    print('\nThe demonstration needs two accounts and two vShards.')
    return
  }
  const alice = await createWallet(rpc, accountKey(first))
  const bob = await createWallet(rpc, accountKey(second))

  print('\nAlice pays Bob 5 AC inside vShard 1')
  const inside = await alice.wait(await alice.transfer(bob.address(1), 5n * MOTES_PER_AC))
  print(describe(inside))

  print('Alice moves 3 AC from her sub-account on vShard 1 to her own on vShard 2')
  const moved = await alice.wait(await alice.move(3n * MOTES_PER_AC, { from: 1, to: 2 }))
  print(describe(moved))

  print('Alice pays Bob 2 AC from vShard 1 to vShard 2')
  const across = await alice.wait(await alice.transfer(bob.address(2), 2n * MOTES_PER_AC, { vShard: 1 }), 'anchored')
  print(describe(across))
  let trace = await rpc.call('arm_trace', { id: across.traceId })
  for (let tries = 0; !trace.done && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    trace = await rpc.call('arm_trace', { id: across.traceId })
  }
  for (const line of waterfall(trace)) print(`  ${line}`)

  const light = createLightClient(rpc, trustedRoot(testnet.genesis))
  const { account, head } = await light.account(bob.address(2))
  print(
    `Bob holds ${formatAc(account?.balance ?? 0n)} AC on vShard 2: proven against the certified head of height ${head.height}`,
  )
  const supply = await rpc.call('arm_getSupply')
  print(`Supply: ${formatAc(BigInt(supply.totalMotes))} AC in all, audit ${supply.ok ? 'ok' : 'FAILED'}`)
}

function describe({ ok, code, vShard, height, feeMotes, finality, txId }: Receipt): string {
  return `  receipt: ${ok ? 'ok' : code}, vShard ${vShard} height ${height}, ${finality}, fee ${formatAc(BigInt(feeMotes))} AC, id ${txId.slice(0, 16)}..`
}
