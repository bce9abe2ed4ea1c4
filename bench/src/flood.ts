// One validator of four sends nonsense at a steady rate: what the others' event loop and their payments feel of it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { createRpcClient, type RpcClient } from '@armchain/client'
import { decodeMessage, encodeMessage } from '@armchain/consensus'
import { formatAddress } from '@armchain/core'
import { decodePeerMessage, encodePeerMessage, PeerKind, type Transport } from '@armchain/node'
import { startTestnet, type Validators } from '@armchain/testnet'
import { median } from './compare.ts'
import { commit, machine } from './machine.ts'

const USAGE = `npm run bench:flood -- [options]
  --rate N       messages a second, to each of the other three (default 10000)
  --seconds N    how long each flood lasts (default 8)
  --out DIR      where the JSON goes (default bench/results)`

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '8' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const FLOODER = 3
const VICTIMS = [0, 1, 2]
const TICK_MS = 5

/** What is sent, made from what the flooder has said when it was honest. */
const FLOODS: Readonly<Record<string, (said: readonly Uint8Array[]) => readonly Uint8Array[]>> = {
  none: () => [],
  malformed: () => [new Uint8Array(0), new Uint8Array(60).fill(7), engine(new Uint8Array(80).fill(0xff))],
  oversized: () => [engine(new Uint8Array(2_000_000)), new Uint8Array(2_000_000).fill(2)],
  'wrong epoch': (said) => votesOf(said).map((vote) => engine(encodeMessage({ ...vote, epoch: vote.epoch + 1 }))),
  replayed: (said) => said,
  'forged votes': (said) =>
    votesOf(said).map((vote, i) => engine(encodeMessage({ ...vote, view: vote.view + 2_000 + i, signature: JUNK }))),
}
const JUNK: Uint8Array = new Uint8Array(64).fill(3)

type Row = {
  readonly flood: string
  readonly 'loop delay p50 ms': number
  readonly 'p99 ms': number
  readonly 'longest ms': number
  readonly payments: number
  readonly 'finality p50 ms': number
  readonly 'cut off by': number
}

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const rate = Number(values.rate)
  const seconds = Number(values.seconds)
  const rows: Row[] = []
  for (const [flood, make] of Object.entries(FLOODS)) {
    console.error(`${flood}: ${seconds} s`)
    rows.push(await run(flood, make, { rate, seconds }))
  }
  console.table(rows)
  mkdirSync(values.out, { recursive: true })
  const report = { rate, seconds, rows, machine: machine(), commit: commit() }
  writeFileSync(join(values.out, 'flood.json'), `${JSON.stringify(report, null, 2)}\n`)
}

async function run(
  flood: string,
  make: (said: readonly Uint8Array[]) => readonly Uint8Array[],
  { rate, seconds }: { readonly rate: number; readonly seconds: number },
): Promise<Row> {
  await using testnet = await startTestnet({ validators: 4 })
  const validators = testnet.validators as Validators
  await using rpc = createRpcClient({ url: testnet.rpcUrl })
  const said: Uint8Array[] = []
  validators.network.onSent = (from, to, bytes) => {
    if (from === FLOODER && to === 0 && said.length < 500) said.push(bytes)
  }
  const { addressPrefix } = await rpc.call('arm_network')
  const address = formatAddress({ account: new Uint8Array(32).fill(1), vShard: 1 }, addressPrefix)
  for (let i = 0; i < 10; i++) await pay(rpc, address)
  validators.network.onSent = undefined
  await validators.kill(FLOODER)
  const transport = validators.network.join(FLOODER, [...VICTIMS, FLOODER])
  const messages = make(said)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const stop = messages.length === 0 ? () => undefined : flow(transport, messages, rate)
  const times: number[] = []
  const untilMs = performance.now() + 1_000 * seconds
  while (performance.now() < untilMs) {
    const start = performance.now()
    await pay(rpc, address)
    times.push(performance.now() - start)
  }
  delay.disable()
  stop()
  transport.close()
  const ms = (nanoseconds: number): number => Math.round(nanoseconds / 1e5) / 10
  return {
    flood,
    'loop delay p50 ms': ms(delay.percentile(50)),
    'p99 ms': ms(delay.percentile(99)),
    'longest ms': ms(delay.max),
    payments: times.length,
    'finality p50 ms': Math.round(median(times)),
    'cut off by': VICTIMS.filter((victim) => validators.node(victim).cutOffs > 0).length,
  }
}

/** Sends so many a second to each victim, in small bursts. */
function flow(transport: Transport, messages: readonly Uint8Array[], rate: number): () => void {
  let sent = 0
  const start = performance.now()
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - start) * rate) / 1_000)
    for (; sent < due; sent++)
      for (const victim of VICTIMS) transport.send(victim, messages[sent % messages.length] as Uint8Array, 'votes')
  }, TICK_MS)
  return () => clearInterval(timer)
}

async function pay(rpc: RpcClient, address: string): Promise<void> {
  const { txId } = await rpc.call('dev_faucet', { address, amountMotes: '1' })
  await rpc.call('arm_waitForReceipt', { txId, timeoutMs: 60_000 }, { timeoutMs: 65_000 })
}

function engine(bytes: Uint8Array): Uint8Array {
  return encodePeerMessage({ kind: PeerKind.engine, vShard: 1, bytes })
}

function votesOf(said: readonly Uint8Array[]) {
  return said.flatMap((bytes) => {
    const message = decodePeerMessage(bytes)
    const vote = message?.kind === PeerKind.engine ? decodeMessage(message.bytes) : undefined
    return vote?.type === 'vote' ? [vote] : []
  })
}
