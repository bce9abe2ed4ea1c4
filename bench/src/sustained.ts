// A chain at most of its peak for minutes on end: is memory flat, does a transfer cost the same at the end, and how long
// until it is in a durable block?
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createRpcClient, fetchChainContext, type RpcClient } from '@armchain/client'
import { formatAddress } from '@armchain/core'
import { median } from './compare.ts'
import { commit, machine } from './machine.ts'
import { usageOf } from './process-tree.ts'
import { type Setting, sendersOf } from './sustained/chain.ts'
import { BATCH, type PacedRun, peakTps, sendPaced, signBodies } from './sustained/load.ts'

const USAGE = `npm run bench:sustained -- [options]
  --accounts N   accounts in the state (default 2000)
  --minutes N    length of the run (default 10)
  --part P       part of the peak, which is measured first (default 0.8)
  --tps N        this rate instead
  --shards N     vShards (default 2)
  --out DIR      where sustained-N.json goes (default bench/results)`

const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '2000' },
    minutes: { type: 'string', default: '10' },
    part: { type: 'string', default: '0.8' },
    tps: { type: 'string' },
    shards: { type: 'string', default: '2' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const SENDERS = 2_000
/** Transfers by which the peak is measured, twice: the first time warms up. */
const PEAK_TRANSFERS = 60_000
const EXPIRY_HEIGHT = 90_000
const SAMPLE_MS = 5_000

type Sample = { readonly atMs: number; readonly sent: number; readonly cpuMs: number; readonly rssMiB: number }

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const setting: Setting = {
    accounts: Number(values.accounts),
    senders: SENDERS,
    shards: Number(values.shards),
  }
  const folder = await mkdtemp(join(tmpdir(), 'armchain-sustained-'))
  const { child, url, setUpMs } = await startServer(setting, folder)
  console.error(`set up in ${(setUpMs / 1000).toFixed(0)} s`)
  const rpc = createRpcClient({ url })
  try {
    const peak = await measurePeak(rpc, setting)
    const tps = values.tps === undefined ? peak.tps * Number(values.part) : Number(values.tps)
    console.error(`peak ${peak.tps.toFixed(0)} transfers/s; ${values.minutes} minutes at ${tps.toFixed(0)}`)
    const count = Math.round(tps * 60 * Number(values.minutes))
    const bodies = await signBodies(setting, count, { firstNonce: peak.nonce, expiryHeight: EXPIRY_HEIGHT })
    console.error(`${bodies.length * BATCH} transfers are signed`)
    const { run, samples } = await sustain(child.pid as number, rpc, bodies, tps)
    await checkNonces(rpc, setting, peak.nonce + (bodies.length * BATCH) / SENDERS)
    report({ setting, setUpMs, peakTps: peak.tps, tps, transfers: bodies.length * BATCH }, run, samples)
  } finally {
    await rpc.close()
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
}

async function startServer(
  setting: Setting,
  folder: string,
): Promise<{ readonly child: ChildProcess; readonly url: string; readonly setUpMs: number }> {
  const server = resolve(import.meta.dirname, 'sustained/server.ts')
  // The nursery as the command line sets it.
  const options = ['--semi-space-growth-factor=32', '--conditions=@armchain/source', server]
  const child = spawn(process.execPath, [...options, JSON.stringify(setting), join(folder, 'data')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the server has ended')))
  failed.catch(() => undefined)
  const [line] = (await Promise.race([once(lines, 'line'), failed])) as [string]
  const { url, setUpMs } = JSON.parse(line) as { readonly url: string; readonly setUpMs: number }
  return { child, url, setUpMs }
}

async function measurePeak(
  rpc: RpcClient,
  setting: Setting,
): Promise<{ readonly tps: number; readonly nonce: number }> {
  let nonce = 0
  let tps = 0
  for (let i = 0; i < 2; i++) {
    const bodies = await signBodies(setting, PEAK_TRANSFERS, { firstNonce: nonce, expiryHeight: EXPIRY_HEIGHT })
    tps = await peakTps(rpc, bodies)
    nonce += (bodies.length * BATCH) / SENDERS
  }
  return { tps, nonce }
}

async function sustain(
  pid: number,
  rpc: RpcClient,
  bodies: Parameters<typeof sendPaced>[1],
  tps: number,
): Promise<{ readonly run: PacedRun; readonly samples: readonly Sample[] }> {
  const start = performance.now()
  const samples: Sample[] = []
  let sent = 0
  const take = (): void => void samples.push({ atMs: performance.now() - start, sent, ...usageOf(pid) })
  take()
  const timer = setInterval(take, SAMPLE_MS)
  try {
    const lanes = SENDERS / BATCH
    const run = await sendPaced(rpc, bodies, { tps, lanes }, (transfers) => {
      sent = transfers
    })
    take()
    return { run, samples }
  } finally {
    clearInterval(timer)
  }
}

/** All that was sent is in blocks. */
async function checkNonces(rpc: RpcClient, setting: Setting, expected: number): Promise<void> {
  const { addressPrefix } = (await fetchChainContext(rpc)).network
  const senders = sendersOf(setting)
  for (let from = 0; from < senders.length; from += 500) {
    const addresses = senders
      .slice(from, from + 500)
      .map(({ key, vShard }) => formatAddress({ account: key.account, vShard }, addressPrefix))
    for (const state of await rpc.batch(addresses.map((address) => ['arm_getAccount', { address }] as const))) {
      if (!state.ok) throw state.reason
      // The last round of a run need not reach every sender.
      if (Math.abs(state.value.nonce - expected) >= 1)
        throw new Error(`a nonce is ${state.value.nonce}, not ${expected}`)
    }
  }
}

type About = {
  readonly setting: Setting
  readonly setUpMs: number
  readonly peakTps: number
  readonly tps: number
  readonly transfers: number
}

function report(about: About, { latenciesMs, latestMs }: PacedRun, samples: readonly Sample[]): void {
  const end = (samples.at(-1) as Sample).atMs
  const third = (part: number): Span => span(samples, (end * part) / 3, (end * (part + 1)) / 3)
  const [first, , last] = [third(0), third(1), third(2)]
  const all = latenciesMs.map(({ latencyMs }) => latencyMs)
  const latencyMs = { p50: quantile(all, 0.5), p99: quantile(all, 0.99), max: quantile(all, 1) }
  // Whole ones: what is left at the end is too short to say anything.
  const minutes = Array.from({ length: Math.max(1, Math.floor(end / 60_000)) }, (_, i) => {
    const within = latenciesMs.filter(({ dueMs }) => Math.floor(dueMs / 60_000) === i).map((each) => each.latencyMs)
    return {
      minute: i + 1,
      ...span(samples, i * 60_000, (i + 1) * 60_000),
      p50Ms: quantile(within, 0.5),
      p99Ms: quantile(within, 0.99),
    }
  })
  const result = {
    ...about,
    latencyMs,
    sentLateMs: latestMs,
    cpuLastOverFirstThird: last.cpuUsPerTx / first.cpuUsPerTx,
    rssLastOverFirstThird: last.rssMiB / first.rssMiB,
    minutes,
    machine: machine(),
    /** Others on the machine show here: what the run itself needs is below 2. */
    loadAverage: loadavg(),
    commit: commit(),
  }
  console.log(`${about.transfers} transfers among ${about.setting.accounts} accounts, set up in ${about.setUpMs} ms`)
  console.log('minute  CPU us each  RSS MiB  p50 ms  p99 ms')
  for (const { minute, cpuUsPerTx, rssMiB, p50Ms, p99Ms } of minutes) {
    const cells = [cpuUsPerTx.toFixed(1), rssMiB.toFixed(0), p50Ms.toFixed(0), p99Ms.toFixed(0)]
    console.log(
      [String(minute).padStart(6), ...cells.map((cell, i) => cell.padStart([11, 7, 6, 6][i] as number))].join('  '),
    )
  }
  console.log(
    `inclusion p50 ${latencyMs.p50.toFixed(0)} ms, p99 ${latencyMs.p99.toFixed(0)} ms, longest ${latencyMs.max.toFixed(0)} ms`,
  )
  console.log(
    `last third over first: CPU ${result.cpuLastOverFirstThird.toFixed(3)}, memory ${result.rssLastOverFirstThird.toFixed(3)}`,
  )
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, `sustained-${about.setting.accounts}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

type Span = { readonly cpuUsPerTx: number; readonly rssMiB: number }

/** CPU of a transfer and median memory between two moments, by the samples inside. */
function span(samples: readonly Sample[], fromMs: number, toMs: number): Span {
  const inside = samples.filter(({ atMs }) => atMs >= fromMs - 1 && atMs <= toMs + SAMPLE_MS)
  const [from, to] = [inside[0] as Sample, inside.at(-1) as Sample]
  return {
    cpuUsPerTx: to.sent === from.sent ? 0 : ((to.cpuMs - from.cpuMs) * 1000) / (to.sent - from.sent),
    rssMiB: median(inside.map(({ rssMiB }) => rssMiB)),
  }
}

function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}
