import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRpcClient } from '@armchain/client'
import { type LoadResult, runLoad } from '../load.ts'
import { startTestnet } from '../testnet.ts'
import { type Command, integer } from './command.ts'
import { COUNT_MAX } from './load.ts'

export const benchCommand: Command = {
  usage: `bench [options]                         throughput of a testnet of its own, durable, from 0 to 100 % cross-shard
  --count N           transfers a run (default 10000)
  --shards N          vShards (default 2)
  CPU includes the load generator; \`npm run bench\` in the repository separates it and compares with others.`,
  options: { count: { type: 'string' }, shards: { type: 'string' } },
  positionals: [0, 0],
  async run({ values, output }) {
    const count = integer(values, 'count', 10_000, { min: 1, max: COUNT_MAX })
    const shards = integer(values, 'shards', 2, { min: 1, max: 64 })
    const runs: (LoadResult & { readonly cpuUsPerTx: number })[] = []
    for (const crossPercent of shards > 1 ? [0, 20, 50, 100] : [0]) {
      const folder = await mkdtemp(join(tmpdir(), 'armchain-bench-'))
      try {
        await using testnet = await startTestnet({ shards, accounts: 500, dataDir: folder })
        await using rpc = createRpcClient({ url: testnet.rpcUrl })
        const cpu = process.cpuUsage()
        const result = await runLoad(rpc, { accounts: testnet.accounts, count, crossPercent })
        const { user, system } = process.cpuUsage(cpu)
        runs.push({ ...result, cpuUsPerTx: Math.round((user + system) / count) })
        output.text(
          `${String(crossPercent).padStart(3)} % cross-shard: ${result.tps} transfers a second, ${result.wallMs} ms`,
        )
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
    output.value({ shards, count, runs })
  },
}
