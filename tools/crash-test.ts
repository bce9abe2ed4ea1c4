// Kills a testnet with SIGKILL under load, again and again, and checks after each restart that every receipt which was
// given as durable is still there, and at the end that a fresh replay of the log gives the same state roots.
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createRpcClient, createWallet, type RpcClient } from '@armchain/client'
import { fromHex, keyPairFromSecret } from '@armchain/core'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
})
const rounds = Number(values.rounds)
let seed = Number(values.seed)

const SHARDS = 2
const ACCOUNTS = 24
const START_TIMEOUT_MS = 60_000
const CHECKED_PER_ROUND = 40

type Config = { readonly rpc: readonly string[]; readonly accounts: readonly { readonly secretKey: string }[] }
type Running = {
  readonly child: ChildProcess
  readonly config: Config
  readonly rpc: RpcClient
  readonly stderr: () => string
}

const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'armchain-crash-'))
const dataDir = join(folder, 'data')
const durable = new Map<string, string>()
let running: Running | undefined

try {
  console.log(`crash test: ${rounds} rounds, seed ${seed}`)
  for (let round = 1; round <= rounds; round++) await playRound(round)
  await checkReplay()
  await checkCorruption()
  if (durable.size < rounds)
    throw new Error(`only ${durable.size} durable receipts in ${rounds} rounds: nothing was shown`)
  console.log(`${rounds} rounds, ${durable.size} durable receipts, none lost`)
} catch (error) {
  console.error(`crash test failed (seed ${values.seed}): ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  running?.child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

/** Start, check what earlier rounds were promised, load, kill at a random moment, sometimes tear the log's end. */
async function playRound(round: number): Promise<void> {
  running = await start()
  const checked = await checkReceipts(running.rpc)
  const killAt = 50 + random(800)
  const { promise: loaded, resolve: onReceipt } = Promise.withResolvers<void>()
  const load = runLoad(running, onReceipt)
  // Counted from the first receipt: a kill before there is any load would show nothing.
  await Promise.race([loaded, load.then(() => Promise.reject(new Error('the load ended before any receipt')))])
  await new Promise((done) => setTimeout(done, killAt))
  const exited = new Promise((done) => running?.child.once('exit', done))
  running.child.kill('SIGKILL')
  await exited
  const added = await load
  await running.rpc.close()
  running = undefined
  const torn = random(3) === 0
  if (torn) appendFileSync(newestSegment(), randomBytes(1 + random(200)))
  console.log(
    `round ${round}: killed after ${killAt} ms, ${added} more durable receipts, ${checked} checked${torn ? ', log torn' : ''}`,
  )
}

/** Pays at random, inside and across vShards, until the node is gone; counts receipts that were given. */
async function runLoad({ config, rpc }: Running, onReceipt: () => void): Promise<number> {
  let added = 0
  const workers = config.accounts.map(async ({ secretKey }, i) => {
    try {
      const wallet = await createWallet(rpc, keyPairFromSecret(fromHex(secretKey)))
      for (;;) {
        const vShard = 1 + ((i + added) % SHARDS)
        const to = wallet.address(1 + random(SHARDS))
        const txId = await wallet.transfer(to, BigInt(1 + random(1_000)), { vShard })
        const { blockHash } = await wallet.wait(txId)
        durable.set(txId, blockHash)
        added++
        onReceipt()
      }
    } catch {
      // The node was killed: what it had not answered, it had not promised.
    }
  })
  await Promise.all(workers)
  return added
}

async function checkReceipts(rpc: RpcClient): Promise<number> {
  const all = [...durable]
  const newest = all.slice(-CHECKED_PER_ROUND)
  const older = Array.from(
    { length: Math.min(CHECKED_PER_ROUND, all.length) },
    () => all[random(all.length)] as [string, string],
  )
  const sample = [...newest, ...older]
  const outcomes = await rpc.batch(sample.map(([txId]) => ['arm_getReceipt', { txId }] as const))
  outcomes.forEach((outcome, i) => {
    const [txId, blockHash] = sample[i] as [string, string]
    if (!outcome.ok) throw new Error(`durable receipt of ${txId} is lost: ${outcome.reason.message}`)
    if (outcome.value.blockHash !== blockHash) throw new Error(`receipt of ${txId} moved to another block`)
  })
  const supply = await rpc.call('arm_getSupply')
  if (!supply.ok) throw new Error('the supply does not add up')
  return sample.length
}

/** Two starts without load must come to the same heads, and all receipts must be there. */
async function checkReplay(): Promise<void> {
  const roots: string[] = []
  for (let i = 0; i < 2; i++) {
    running = await start(['--block-time', 'manual'])
    for (const [txId, blockHash] of durable) {
      const receipt = await running.rpc.call('arm_getReceipt', { txId })
      if (receipt.blockHash !== blockHash) throw new Error(`receipt of ${txId} moved to another block`)
    }
    const { shards } = await running.rpc.call('arm_status')
    roots.push(shards.map(({ vShard, height, stateRoot }) => `${vShard}:${height}:${stateRoot}`).join(' '))
    await stop(running)
  }
  if (roots[0] !== roots[1]) throw new Error(`an uninterrupted replay gives other state roots: ${roots.join(' / ')}`)
  console.log(`replay: same state roots twice, ${durable.size} receipts checked`)
}

/** One bit in the middle of the log: the start has to be refused, with a reason. */
async function checkCorruption(): Promise<void> {
  const [segment] = globSync('wal/*.log', { cwd: dataDir }).sort()
  const file = join(dataDir, segment as string)
  const bytes = readFileSync(file)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(file, bytes)
  const outcome = await start().then(
    (node) => node,
    (error: Error) => error,
  )
  if (!(outcome instanceof Error)) {
    running = outcome
    throw new Error('a log that is damaged in the middle was accepted')
  }
  if (!outcome.message.includes('ARM_LOG_CORRUPT'))
    throw new Error(`the refusal does not name the log: ${outcome.message}`)
  console.log('a flipped bit in the middle of the log is refused with ARM_LOG_CORRUPT')
}

async function start(extra: readonly string[] = []): Promise<Running> {
  const out = join(folder, 'config.json')
  rmSync(out, { force: true })
  const cli = join(root, 'packages/testnet/src/cli.ts')
  const options = [
    '--data-dir',
    dataDir,
    '--port',
    '0',
    '--config-out',
    out,
    '--shards',
    String(SHARDS),
    '--accounts',
    String(ACCOUNTS),
    ...extra,
  ]
  const child = spawn(process.execPath, ['--conditions=@armchain/source', cli, 'testnet', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the testnet did not start: ${stderr}`)
    if (statSync(out, { throwIfNoEntry: false }) !== undefined) {
      const config = JSON.parse(readFileSync(out, 'utf8')) as Config
      return { child, config, rpc: createRpcClient({ url: config.rpc[0] as string }), stderr: () => stderr }
    }
    await new Promise((done) => setTimeout(done, 20))
  }
  child.kill('SIGKILL')
  throw new Error(`the testnet did not start within ${START_TIMEOUT_MS} ms: ${stderr}`)
}

async function stop({ child, rpc }: Running): Promise<void> {
  const exited = new Promise((done) => child.once('exit', done))
  await rpc.close()
  child.kill('SIGTERM')
  await exited
  if (child.exitCode !== 0) throw new Error(`stopping was not clean: exit code ${child.exitCode}`)
  running = undefined
}

function newestSegment(): string {
  return join(dataDir, globSync('wal/*.log', { cwd: dataDir }).sort().at(-1) as string)
}

function randomBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random(256))
}

/** A small seeded generator: the kills are repeatable as far as a machine's timing is. */
function random(below: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}
