// Throughput, CPU and latency of testnets of several validators beside one that decides alone, in one run.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { RpcClient } from '@armchain/client'
import { formatAddress } from '@armchain/core'
import { compare, type Measured, median } from './compare.ts'
import { commit, machine } from './machine.ts'
import type { Work } from './side.ts'
import { type ArmchainOptions, createArmchainSide, startArmchain } from './sides/armchain.ts'

const USAGE = `npm run bench:validators -- [options]
  --count N      transfers a run (default 20000, from 1000 accounts)
  --repeats N    runs of each testnet (default 3)
  --probes N     payments whose time to finality is taken, one after the other (default 100)
  --out DIR      where the JSON goes (default bench/results)`

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    repeats: { type: 'string', default: '3' },
    probes: { type: 'string', default: '100' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const ACCOUNTS = 1_000
const SHARDS = 2
const TESTNETS = [
  { name: 'solo', validators: 1 },
  { name: 'simplex, 4 validators, BLS', validators: 4, certificates: 'bls' },
  { name: 'simplex, 4 validators, ed25519', validators: 4, certificates: 'ed25519' },
  { name: 'poa, 4 validators, ed25519', validators: 4, engine: 'poa', certificates: 'ed25519' },
] as const
const progress = (line: string): void => console.error(line)

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const work: Work = { count: whole('count', values.count), accounts: ACCOUNTS }
  const sides = TESTNETS.map(optionsOf).map(createArmchainSide)
  const measured = await compare(sides, work, whole('repeats', values.repeats), progress)
  const rows: Row[] = []
  for (const [i, testnet] of TESTNETS.entries()) {
    const latency = await probe(optionsOf(testnet), whole('probes', values.probes))
    progress(
      `${testnet.name}: finality of a payment ${latency.p50Ms.toFixed(0)} ms, p99 ${latency.p99Ms.toFixed(0)} ms`,
    )
    rows.push(rowOf(testnet, measured[i] as Measured, latency))
  }
  console.table(rows)
  mkdirSync(values.out, { recursive: true })
  const report = { rows, machine: machine(), commit: commit(), work, runs: measured }
  writeFileSync(join(values.out, 'validators.json'), `${JSON.stringify(report, null, 2)}\n`)
}

type Latency = { readonly p50Ms: number; readonly p99Ms: number }
type Row = {
  readonly testnet: string
  readonly 'transfers/s': number
  readonly 'CPU us each': number
  readonly 'CPU us each, a validator': number
  readonly 'finality p50 ms': number
  readonly 'p99 ms': number
}

function optionsOf(testnet: (typeof TESTNETS)[number]): ArmchainOptions {
  const { validators, name } = testnet
  const more = [
    ...('engine' in testnet ? ['--engine', testnet.engine] : []),
    ...('certificates' in testnet ? ['--certificates', testnet.certificates] : []),
  ]
  const testnetOptions = validators === 1 ? [] : ['--validators', String(validators), ...more]
  return { name, submit: 'binary', shards: SHARDS, crossPercent: 0, testnetOptions }
}

function rowOf({ name, validators }: (typeof TESTNETS)[number], { median: run }: Measured, latency: Latency): Row {
  return {
    testnet: name,
    'transfers/s': Math.round(run.tps),
    'CPU us each': Math.round(run.cpuUsPerTx),
    'CPU us each, a validator': Math.round(run.cpuUsPerTx / validators),
    'finality p50 ms': Math.round(latency.p50Ms),
    'p99 ms': Math.round(latency.p99Ms),
  }
}

/** From a payment's submission until its receipt is final on its shard and durable, one at a time. */
async function probe(options: ArmchainOptions, count: number): Promise<Latency> {
  await using server = await startArmchain(options, { count: 0, accounts: 10 })
  const { rpc } = server
  const { addressPrefix } = await rpc.call('arm_network')
  const address = formatAddress({ account: new Uint8Array(32).fill(1), vShard: 1 }, addressPrefix)
  for (let i = 0; i < 10; i++) await payOnce(rpc, address)
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    // At any moment of a block's time, not always right after one.
    await new Promise((done) => setTimeout(done, 20 + ((i * 37) % 80)))
    const start = performance.now()
    await payOnce(rpc, address)
    times.push(performance.now() - start)
  }
  const sorted = times.sort((a, b) => a - b)
  return {
    p50Ms: median(sorted),
    p99Ms: sorted[Math.min(sorted.length - 1, Math.ceil(0.99 * sorted.length))] as number,
  }
}

async function payOnce(rpc: RpcClient, address: string): Promise<void> {
  const { txId } = await rpc.call('dev_faucet', { address, amountMotes: '1' })
  await rpc.call('arm_waitForReceipt', { txId, timeoutMs: 60_000 }, { timeoutMs: 65_000 })
}

function whole(name: string, value: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new Error(`--${name} takes a whole number above 0, not "${value}"`)
  return Number(value)
}
