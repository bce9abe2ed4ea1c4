import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRpcClient, type RpcClient } from '@armchain/client'
import { encodeMessage } from '@armchain/consensus'
import { anchorCodec, fromHex } from '@armchain/core'
import { usageOf, whenIdle } from '../process-tree.ts'
import { submitAll, type Work } from '../side.ts'
import { createArmchainSide, startTestnet } from '../sides/armchain.ts'
import type { Inputs } from './model.ts'

/** What other benches have left in their folder. */
type Results = {
  readonly stages: {
    readonly processUs: number
    readonly threads: readonly { readonly name: string; readonly us: number }[]
  }
  readonly sweep: { readonly prices: readonly { readonly shards: number; readonly cpuUs: number }[] }
  readonly signatures: { readonly medians: readonly { readonly name: string; readonly cpuUs: number }[] }
}

const WORK: Work = { count: 20_000, accounts: 1_000 }
const BLOCK_MS = 100
const BLOCKS_FOR_MS = 10_000
const BLOCK_SHARDS = 8

/** Reads what was measured before, and measures what is left: the cost of a block, and bytes. */
export async function gatherInputs(folder: string, progress: (line: string) => void): Promise<Inputs> {
  const results = await readResults(folder)
  progress('history of transfers inside a shard')
  const inside = await historyOf(0)
  progress('history of payments between shards')
  const between = await historyOf(100)
  progress('blocks without transactions')
  const { blockUs, anchorBytes } = await emptyBlocks()
  const { stages, sweep, signatures } = results
  return {
    transferUs: stages.processUs,
    mainThreadUs: stages.threads.find(({ name }) => name === 'MainThread' || name === 'node')?.us ?? Number.NaN,
    crossUs: Math.max(...sweep.prices.map(({ cpuUs }) => cpuUs)),
    blockUs,
    voteUs: signatures.medians.find(({ name }) => name === 'ours, single, key cached')?.cpuUs ?? Number.NaN,
    transferBytes: inside.transferBytes,
    voteBytes: voteBytes(),
    anchorBytes,
    signerBytes: 64,
    historyBytes: inside.historyBytes,
    crossHistoryBytes: between.historyBytes,
    messageBytes: between.bodyBytes - inside.bodyBytes,
  }
}

async function readResults(folder: string): Promise<Results> {
  const read = async (name: string, command: string): Promise<never> => {
    try {
      return JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as never
    } catch (cause) {
      throw new Error(`${name}.json is missing in ${folder}: run ${command} first`, { cause })
    }
  }
  return {
    stages: await read('stages', 'npm run bench:stages'),
    sweep: await read('sweep', 'npm run bench -- --sweep'),
    signatures: await read('signatures', 'npm run bench:signatures'),
  }
}

/** Bytes of a transfer, in history and in blocks, all shards of the node together. */
async function historyOf(
  crossPercent: number,
): Promise<{ readonly transferBytes: number; readonly historyBytes: number; readonly bodyBytes: number }> {
  const side = createArmchainSide({ name: 'armchain', submit: 'binary', shards: 2, crossPercent })
  await using server = await side.start(WORK)
  const before = await folderBytes(join(server.dataDir, 'archive'))
  const prepared = await server.prepare('cold')
  await submitAll(prepared)
  await prepared.included()
  await whenIdle(server.pid)
  return {
    transferBytes: prepared.sizeBytes / WORK.count,
    historyBytes: ((await folderBytes(join(server.dataDir, 'archive'))) - before) / WORK.count,
    bodyBytes: (await bodyBytes(server.rpc)) / WORK.count,
  }
}

/** Bodies of all blocks of the vShards. */
async function bodyBytes(rpc: RpcClient): Promise<number> {
  let sum = 0
  for (const vShard of [1, 2]) {
    const { height } = await rpc.call('arm_getHead', { vShard })
    for (let at = 1; at <= height; at++) sum += (await rpc.call('arm_getBlock', { vShard, height: at })).sizeBytes
  }
  return sum
}

/** CPU of a block of a vShard with its share of the main shard's, and bytes of its anchor without signatures. */
async function emptyBlocks(): Promise<{ readonly blockUs: number; readonly anchorBytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'armchain-model-'))
  const started = await startTestnet(folder, ['--shards', String(BLOCK_SHARDS), '--block-time', String(BLOCK_MS)])
  const rpc = createRpcClient({ url: started.config.rpc[0] as string })
  const heights = async (): Promise<number> => {
    let sum = 0
    for (let vShard = 1; vShard <= BLOCK_SHARDS; vShard++) sum += (await rpc.call('arm_getHead', { vShard })).height
    return sum
  }
  try {
    await new Promise((done) => setTimeout(done, BLOCKS_FOR_MS / 2))
    const [before, first] = [usageOf(started.pid), await heights()]
    await new Promise((done) => setTimeout(done, BLOCKS_FOR_MS))
    const [after, last] = [usageOf(started.pid), await heights()]
    const { head, details } = await rpc.call('arm_getHead', { vShard: 1 })
    const anchor = { head: fromHex(head), details: fromHex(details), certificate: new Uint8Array(64), outbox: [] }
    return {
      blockUs: ((after.cpuMs - before.cpuMs) * 1000) / (last - first),
      anchorBytes: anchorCodec.size(anchor),
    }
  } finally {
    await rpc.close()
    await started.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function voteBytes(): number {
  return encodeMessage({
    type: 'vote',
    kind: 1,
    epoch: 0,
    view: 0,
    signer: 0,
    link: new Uint8Array(32),
    signature: new Uint8Array(64),
  }).length
}

async function folderBytes(dir: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size
  return sum
}
