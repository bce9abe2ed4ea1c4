import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createRpcClient, type RpcClient } from '@armchain/client'
import { toHex, transactionId } from '@armchain/core'
import { loadIncluded, type SignedLoad, signLoad } from '@armchain/testnet'
import { median } from '../compare.ts'
import {
  BATCH,
  batchBody,
  chunks,
  type Delivery,
  type Part,
  type Prepared,
  postBatch,
  RECEIPTS_SAMPLED,
  type Server,
  type Side,
  type Started,
  sample,
  startServer,
  type Work,
} from '../side.ts'

export type ArmchainOptions = {
  readonly name: string
  /** How transfers are submitted: the binary form, or a JSON-RPC batch of hex as other chains take it. */
  readonly submit: 'binary' | 'json'
  readonly shards: number
  readonly crossPercent: number
  /** Transfers in one request; `BATCH` by default. */
  readonly batch?: number
  /** Options of Node itself for the server. */
  readonly nodeOptions?: readonly string[]
  /** Options of the testnet, as on the command line. */
  readonly testnetOptions?: readonly string[]
}

const CLI = resolve(import.meta.dirname, '../../../packages/testnet/src/cli.ts')
const POLL_MS = 10

type Config = { readonly rpc: readonly string[]; readonly accounts: readonly { readonly secretKey: string }[] }

/** A running testnet, and a client of its first validator. */
export interface ArmchainServer extends Server {
  readonly rpc: RpcClient
  readonly dataDir: string
  prepare(part: Part): Promise<ArmchainPrepared>
}

/** With the bytes of all its transfers. */
export type ArmchainPrepared = Prepared & { readonly sizeBytes: number }

export interface ArmchainSide extends Side {
  start(work: Work): Promise<ArmchainServer>
}

/** A testnet as the command line starts it, its chain on disk. */
export function createArmchainSide(options: ArmchainOptions): ArmchainSide {
  return { name: options.name, start: (work) => startArmchain(options, work) }
}

export async function startArmchain(options: ArmchainOptions, work: Work): Promise<ArmchainServer> {
  const { nodeOptions = [], testnetOptions = [], shards } = options
  const folder = await mkdtemp(join(tmpdir(), 'armchain-bench-'))
  const given = [...testnetOptions, '--shards', String(shards), '--accounts', String(work.accounts)]
  const { config, dataDir, pid, startMs, stop } = await startTestnet(folder, given, nodeOptions)
  const rpc = createRpcClient({ url: config.rpc[0] as string })
  return {
    pid,
    rpc,
    dataDir,
    firstBlockMs: startMs,
    // The chain knows which nonces come next.
    prepare: () => prepare(rpc, config, work, options),
    async [Symbol.asyncDispose]() {
      await rpc.close()
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Starts one with these options of the command line, its data and configuration in `folder`. */
export async function startTestnet(
  folder: string,
  options: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<Started & { readonly config: Config; readonly dataDir: string }> {
  const [out, dataDir] = [join(folder, 'config.json'), join(folder, 'data')]
  const started = await startServer(
    process.execPath,
    [
      [...nodeOptions, '--conditions=@armchain/source', CLI, 'testnet', ...options, '--port', '0'],
      ['--data-dir', dataDir, '--config-out', out],
    ].flat(),
    () =>
      stat(out).then(
        () => true,
        () => false,
      ),
  )
  return { ...started, config: JSON.parse(await readFile(out, 'utf8')) as Config, dataDir }
}

async function prepare(
  rpc: RpcClient,
  { accounts }: Config,
  { count }: Work,
  { submit, crossPercent, batch = BATCH }: Pick<ArmchainOptions, 'submit' | 'crossPercent' | 'batch'>,
): Promise<ArmchainPrepared> {
  const load = await signLoad(rpc, { accounts, count, crossPercent })
  const batches = chunks(load.transactions, batch)
  return {
    sizeBytes: load.transactions.reduce((sum, { length }) => sum + length, 0),
    batches: submit === 'binary' ? batches.map((each) => () => submitBinary(rpc, each)) : asJson(rpc.url, batches),
    async included() {
      await loadIncluded(rpc, load, { finality: crossPercent > 0 ? 'anchored' : 'shard-final' })
      if (crossPercent > 0) await allDelivered(rpc)
    },
    check: () => check(rpc, load),
    deliveries: () => deliveries(rpc, load),
  }
}

async function submitBinary(rpc: RpcClient, batch: readonly Uint8Array[]): Promise<void> {
  const { refused } = await rpc.submitRaw(batch)
  if (refused[0] !== undefined) throw new Error(`armchain: refused ${refused[0].code}: ${refused[0].message}`)
}

function asJson(url: string, batches: readonly (readonly Uint8Array[])[]): (() => Promise<void>)[] {
  const bodies = batches.map((batch) =>
    batchBody(batch.map((raw) => ({ method: 'arm_sendTransaction', params: { raw: toHex(raw) } }))),
  )
  return bodies.map((body) => async () => void (await postBatch(url, body)))
}

/** Until nothing is on its way between the shards, as of anchored heads. */
async function allDelivered(rpc: RpcClient): Promise<void> {
  while ((await rpc.call('arm_getSupply')).inFlightMotes !== '0') await new Promise((done) => setTimeout(done, POLL_MS))
}

/** Medians over payments between shards among a sample, by their traces. */
async function deliveries(rpc: RpcClient, { transactions }: SignedLoad): Promise<Delivery | undefined> {
  const ids = sample(transactions, RECEIPTS_SAMPLED).map((raw) => toHex(transactionId(raw)))
  const traces = await rpc.batch(ids.map((id) => ['arm_trace', { id }] as const))
  const found: Delivery[] = []
  for (const trace of traces) {
    if (!trace.ok) throw trace.reason
    const at = (kind: 'included' | 'anchored' | 'delivered') => trace.value.spans.find((span) => span.kind === kind)
    const [sent, anchored, delivered] = [at('included'), at('anchored'), at('delivered')]
    if (sent === undefined || delivered === undefined) continue
    // The block that it left in, that of the main shard that anchored it, and the one that brought it.
    found.push({ ms: delivered.timeMs - sent.timeMs, blocks: anchored === undefined ? 2 : 3 })
  }
  if (found.length === 0) return undefined
  return { ms: median(found.map(({ ms }) => ms)), blocks: median(found.map(({ blocks }) => blocks)) }
}

async function check(rpc: RpcClient, { senders, transactions }: SignedLoad): Promise<void> {
  for (const batch of chunks(senders, BATCH)) {
    const states = await rpc.batch(batch.map(({ address }) => ['arm_getAccount', { address }] as const))
    states.forEach((state, i) => {
      if (!state.ok) throw state.reason
      if (state.value.nonce !== batch[i]?.nonce) throw new Error(`armchain: a nonce is ${state.value.nonce}`)
    })
  }
  const lastIds = senders.flatMap(({ lastId }) => (lastId === undefined ? [] : [lastId]))
  const spread = sample(transactions, RECEIPTS_SAMPLED / 2).map((raw) => toHex(transactionId(raw)))
  const ids = [...spread, ...sample(lastIds, RECEIPTS_SAMPLED / 2)]
  const receipts = await rpc.batch(ids.map((txId) => ['arm_getReceipt', { txId }] as const))
  for (const receipt of receipts) {
    if (!receipt.ok) throw receipt.reason
    if (!receipt.value.ok || !receipt.value.durable) throw new Error(`armchain: receipt ${receipt.value.code}`)
  }
  const supply = await rpc.call('arm_getSupply')
  if (!supply.ok) throw new Error('armchain: the supply does not add up')
}
