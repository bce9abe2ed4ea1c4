import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createRpcClient, type RpcClient } from '@armchain/client'
import { toHex, transactionId } from '@armchain/core'
import { loadIncluded, type SignedLoad, signLoad } from '@armchain/testnet'
import {
  BATCH,
  batchBody,
  chunks,
  type Prepared,
  postBatch,
  RECEIPTS_SAMPLED,
  type Server,
  type Side,
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
  /** Options of Node itself for the server. */
  readonly nodeOptions?: readonly string[]
  /** Options of the testnet, as on the command line. */
  readonly testnetOptions?: readonly string[]
}

/** A running testnet, and a client of its first validator. */
export type ArmchainServer = Server & { readonly rpc: RpcClient }

const CLI = resolve(import.meta.dirname, '../../../packages/testnet/src/cli.ts')
const POLL_MS = 10

type Config = { readonly rpc: readonly string[]; readonly accounts: readonly { readonly secretKey: string }[] }

/** A testnet as the command line starts it, its chain on disk. */
export function createArmchainSide(options: ArmchainOptions): Side {
  return { name: options.name, start: (work) => startArmchain(options, work) }
}

export async function startArmchain(options: ArmchainOptions, work: Work): Promise<ArmchainServer> {
  const { nodeOptions = [], testnetOptions = [], shards } = options
  const folder = await mkdtemp(join(tmpdir(), 'armchain-bench-'))
  const out = join(folder, 'config.json')
  const started = await startServer(
    process.execPath,
    [
      [...nodeOptions, '--conditions=@armchain/source', CLI, 'testnet', ...testnetOptions],
      ['--shards', String(shards), '--accounts', String(work.accounts), '--port', '0'],
      ['--data-dir', join(folder, 'data'), '--config-out', out],
    ].flat(),
    () =>
      stat(out).then(
        () => true,
        () => false,
      ),
  )
  const config = JSON.parse(await readFile(out, 'utf8')) as Config
  const rpc = createRpcClient({ url: config.rpc[0] as string })
  return {
    pid: started.pid,
    rpc,
    firstBlockMs: started.startMs,
    // The chain knows which nonces come next.
    prepare: () => prepare(rpc, config, work, options),
    async [Symbol.asyncDispose]() {
      await rpc.close()
      await started.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function prepare(
  rpc: RpcClient,
  { accounts }: Config,
  { count }: Work,
  { submit, crossPercent }: Pick<ArmchainOptions, 'submit' | 'crossPercent'>,
): Promise<Prepared> {
  const load = await signLoad(rpc, { accounts, count, crossPercent })
  const batches = chunks(load.transactions, BATCH)
  return {
    batches: submit === 'binary' ? batches.map((batch) => () => submitBinary(rpc, batch)) : asJson(rpc.url, batches),
    async included() {
      await loadIncluded(rpc, load, { finality: crossPercent > 0 ? 'anchored' : 'shard-final' })
      if (crossPercent > 0) await allDelivered(rpc)
    },
    check: () => check(rpc, load),
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
