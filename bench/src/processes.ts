// Testnets whose validators are processes on libp2p: time to start, finality with and without load, and what each
// process uses for it, its network's thread apart.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createRpcClient, type RpcClient } from '@armchain/client'
import { formatAddress } from '@armchain/core'
import { loadIncluded, type SignedLoad, signLoad, startTestnet, type Testnet } from '@armchain/testnet'
import { median } from './compare.ts'
import { commit, machine } from './machine.ts'
import { usageOf } from './process-tree.ts'
import { chunks } from './side.ts'

const USAGE = `npm run bench:processes -- [options]
  --validators N   processes (default 7)
  --count N        transfers of the load that is sent at once (default 5000)
  --rate N         transfers a second of the steady load (default 200)
  --probes N       payments whose time to finality is taken, with and without the steady load (default 40)
  --out DIR        where the JSON goes (default bench/results)`

const { values } = parseArgs({
  options: {
    validators: { type: 'string', default: '7' },
    count: { type: 'string', default: '5000' },
    rate: { type: 'string', default: '200' },
    probes: { type: 'string', default: '40' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const SHARDS = 2
const ACCOUNTS = 500
const BATCH = 500
const STEADY_EVERY_MS = 100
const PROBE_MS_MAX = 60_000
/** A steady load that is not sent by then has no probe beside it any more. */
const STEADY_MS_MAX = 120_000

type Used = { readonly cpuMs: number; readonly networkMs: number; readonly rssMiB: number }
type Finality = { readonly p50Ms: number; readonly p99Ms: number }

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'armchain-bench-'))
  const validators = whole('validators', values.validators)
  try {
    const startedMs = performance.now()
    await using testnet = await startTestnet({
      processes: true,
      validators,
      shards: SHARDS,
      accounts: ACCOUNTS,
      dataDir: join(folder, 'testnet'),
    })
    const startMs = Math.round(performance.now() - startedMs)
    console.error(`${validators} processes made their first blocks after ${startMs} ms`)
    const report = { validators, shards: SHARDS, startMs, ...(await measure(testnet)) }
    console.table(report.processes)
    mkdirSync(values.out, { recursive: true })
    const result = { ...report, machine: machine(), commit: commit() }
    writeFileSync(join(values.out, 'processes.json'), `${JSON.stringify(result, null, 2)}\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(testnet: Testnet) {
  await using rpc = createRpcClient({ url: testnet.rpcUrl })
  const probes = whole('probes', values.probes)
  const address = formatAddress(
    { account: new Uint8Array(32).fill(1), vShard: 1 },
    testnet.genesis.scheme.addressPrefix,
  )
  // The first payments wait for code that has not run before.
  await probe(rpc, address, 10)
  const idle = await probe(rpc, address, probes)
  console.error(`finality without load: p50 ${idle.p50Ms} ms, p99 ${idle.p99Ms} ms`)
  const rate = whole('rate', values.rate)
  const { beside, sent } = await besideLoad(rpc, testnet, { rate, probes, address })
  console.error(`beside ${rate} transfers a second: p50 ${beside.p50Ms} ms, p99 ${beside.p99Ms} ms`)
  const load = await atOnce(rpc, testnet, whole('count', values.count))
  console.error(`${load.count} transfers at once: ${load.tps} a second`)
  return { idle, steady: { rate, sent, ...beside }, load, processes: load.processes }
}

/** Time from a payment's submission to its receipt, one at a time. */
async function probe(rpc: RpcClient, address: string, count: number): Promise<Finality> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    // At any moment of a block's time, not always right after one.
    await new Promise((done) => setTimeout(done, 20 + ((i * 37) % 80)))
    const startedMs = performance.now()
    const { txId } = await rpc.call('dev_faucet', { address, amountMotes: '1' })
    await rpc.call('arm_waitForReceipt', { txId, timeoutMs: PROBE_MS_MAX }, { timeoutMs: PROBE_MS_MAX + 5_000 })
    times.push(performance.now() - startedMs)
  }
  const sorted = times.sort((a, b) => a - b)
  const p99 = sorted[Math.min(sorted.length - 1, Math.ceil(0.99 * sorted.length))] as number
  return { p50Ms: Math.round(median(sorted)), p99Ms: Math.round(p99) }
}

/** Probes while transfers come in at a steady rate. */
async function besideLoad(
  rpc: RpcClient,
  testnet: Testnet,
  { rate, probes, address }: { readonly rate: number; readonly probes: number; readonly address: string },
): Promise<{ readonly beside: Finality; readonly sent: number }> {
  const size = Math.max(1, Math.round((rate * STEADY_EVERY_MS) / 1_000))
  const count = Math.ceil((rate * STEADY_MS_MAX) / 1_000)
  const { transactions } = await signLoad(rpc, { accounts: testnet.accounts, count, crossPercent: 0 })
  const batches = chunks(transactions, size)
  const sending: Promise<void>[] = []
  let sent = 0
  const timer = setInterval(() => {
    const batch = batches[sent]
    if (batch === undefined) return
    sent++
    sending.push(submit(rpc, batch))
  }, STEADY_EVERY_MS)
  try {
    const beside = await probe(rpc, address, probes)
    if (sent >= batches.length) throw new Error('the steady load ended before the probes did: ask for fewer')
    return { beside, sent: sent * size }
  } finally {
    clearInterval(timer)
    await Promise.all(sending)
  }
}

/** All at once through the first validator, until the last is final; what each process used. */
async function atOnce(rpc: RpcClient, testnet: Testnet, count: number) {
  const load: SignedLoad = await signLoad(rpc, { accounts: testnet.accounts, count, crossPercent: 0 })
  const before = await usedBy(testnet)
  const startedMs = performance.now()
  for (const batch of chunks(load.transactions, BATCH)) await submit(rpc, batch)
  await loadIncluded(rpc, load, { finality: 'shard-final' })
  const wallMs = performance.now() - startedMs
  const after = await usedBy(testnet)
  const each = (ms: number): number => Math.round((ms * 1_000) / count)
  const processes = after.map(({ cpuMs, networkMs, rssMiB }, i) => ({
    validator: i,
    'CPU us a transfer': each(cpuMs - (before[i]?.cpuMs ?? 0)),
    'of it the network': each(networkMs - (before[i]?.networkMs ?? 0)),
    'resident MiB': Math.round(rssMiB),
  }))
  return { count, tps: Math.round((count * 1_000) / wallMs), processes }
}

async function usedBy({ processes, genesis }: Testnet): Promise<readonly Used[]> {
  if (processes === undefined) throw new Error('the validators are no processes')
  const validators = genesis.scheme.shards[0]?.validators ?? []
  return Promise.all(
    validators.map(async (_, i) => {
      await using rpc = createRpcClient({ url: processes.ready(i).rpc })
      const { cpuMs: networkMs } = await rpc.call('arm_net')
      return { ...usageOf(processes.pid(i)), networkMs: networkMs ?? 0 }
    }),
  )
}

async function submit(rpc: RpcClient, batch: readonly Uint8Array[]): Promise<void> {
  const { refused } = await rpc.submitRaw(batch)
  if (refused[0] !== undefined) throw new Error(`refused: ${refused[0].code} ${refused[0].message}`)
}

function whole(name: string, value: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(value)) throw new Error(`--${name} takes a whole number above 0, not "${value}"`)
  return Number(value)
}
