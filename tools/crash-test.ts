// Kills a testnet with SIGKILL under load, again and again, and checks after each restart that every receipt which was
// given as durable is still there, and at the end that a fresh replay of the log gives the same state roots. With
// `--validators N` all of several validators die at once, each time; in the end one of them loses its log.
import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createRpcClient, createWallet, type RpcClient } from '@armchain/client'
import { fromHex, keyPairFromSecret } from '@armchain/core'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    validators: { type: 'string', default: '1' },
  },
})
const rounds = Number(values.rounds)
const validators = Number(values.validators)
let seed = Number(values.seed)

const SHARDS = 2
const ACCOUNTS = 24
const START_TIMEOUT_MS = 60_000
const CATCH_UP_MS = 60_000
const CHECKED_PER_ROUND = 40

/** What a receipt said, and which validator gave it. */
type Promised = { readonly blockHash: string; readonly validator: number }
type Config = { readonly rpc: readonly string[]; readonly accounts: readonly { readonly secretKey: string }[] }
type Running = {
  readonly child: ChildProcess
  readonly config: Config
  /** Of every validator. */
  readonly rpcs: readonly RpcClient[]
  readonly stderr: () => string
}

const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'armchain-crash-'))
const dataDir = join(folder, 'data')
const durable = new Map<string, Promised>()
let running: Running | undefined

try {
  console.log(`crash test: ${rounds} rounds, seed ${seed}`)
  for (let round = 1; round <= rounds; round++) await playRound(round)
  await checkReplay()
  await (validators === 1 ? checkCorruption() : checkHealing())
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
  const checked = await checkReceipts(running.rpcs)
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
  await closeAll(running)
  running = undefined
  const torn = random(3) === 0
  if (torn) appendFileSync(newestSegment(random(validators)), randomBytes(1 + random(200)))
  console.log(
    `round ${round}: killed after ${killAt} ms, ${added} more durable receipts, ${checked} checked${torn ? ', log torn' : ''}`,
  )
}

/** Pays at random, inside and across vShards, until the node is gone; counts receipts that were given. */
async function runLoad({ config, rpcs }: Running, onReceipt: () => void): Promise<number> {
  let added = 0
  const workers = config.accounts.map(async ({ secretKey }, i) => {
    const validator = i % rpcs.length
    try {
      const wallet = await createWallet(rpcs[validator] as RpcClient, keyPairFromSecret(fromHex(secretKey)))
      for (;;) {
        const vShard = 1 + ((i + added) % SHARDS)
        const to = wallet.address(1 + random(SHARDS))
        const txId = await wallet.transfer(to, BigInt(1 + random(1_000)), { vShard })
        const { blockHash } = await wallet.wait(txId)
        durable.set(txId, { blockHash, validator })
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

async function checkReceipts(rpcs: readonly RpcClient[]): Promise<number> {
  const all = [...durable]
  const newest = all.slice(-CHECKED_PER_ROUND)
  const older = Array.from(
    { length: Math.min(CHECKED_PER_ROUND, all.length) },
    () => all[random(all.length)] as [string, Promised],
  )
  const sample = [...newest, ...older]
  for (const [validator, rpc] of rpcs.entries()) {
    // Each has to keep what it has promised itself; what others have, it may still have to catch up with.
    await checkKept(
      rpc,
      sample.filter(([, promised]) => promised.validator === validator),
    )
    const supply = await rpc.call('arm_getSupply')
    if (!supply.ok) throw new Error('the supply does not add up')
  }
  return sample.length
}

async function checkKept(rpc: RpcClient, promised: readonly (readonly [string, Promised])[]): Promise<void> {
  const outcomes = await rpc.batch(promised.map(([txId]) => ['arm_getReceipt', { txId }] as const))
  outcomes.forEach((outcome, i) => {
    const [txId, { blockHash }] = promised[i] as readonly [string, Promised]
    if (!outcome.ok) throw new Error(`durable receipt of ${txId} is lost: ${outcome.reason.message}`)
    if (outcome.value.blockHash !== blockHash) throw new Error(`receipt of ${txId} moved to another block`)
  })
}

/** Every validator has every receipt that any has given, once it has caught up. */
async function checkEverywhere(rpcs: readonly RpcClient[]): Promise<void> {
  for (const rpc of rpcs) {
    for (const [txId, { blockHash }] of durable) {
      const receipt = await rpc.call('arm_waitForReceipt', { txId, timeoutMs: CATCH_UP_MS })
      if (receipt.blockHash !== blockHash) throw new Error(`validators disagree on the block of ${txId}`)
    }
  }
}

/** Two starts without load must come to the same heads, and all receipts must be there. */
async function checkReplay(): Promise<void> {
  if (validators > 1) {
    running = await start()
    await checkEverywhere(running.rpcs)
    await stop(running)
    console.log(`all ${validators} validators have all ${durable.size} receipts, each in the same block`)
    return
  }
  const roots: string[] = []
  for (let i = 0; i < 2; i++) {
    running = await start(['--block-time', 'manual'])
    await checkEverywhere(running.rpcs)
    const { shards } = await (running.rpcs[0] as RpcClient).call('arm_status')
    roots.push(shards.map(({ vShard, height, stateRoot }) => `${vShard}:${height}:${stateRoot}`).join(' '))
    await stop(running)
  }
  if (roots[0] !== roots[1]) throw new Error(`an uninterrupted replay gives other state roots: ${roots.join(' / ')}`)
  console.log(`replay: same state roots twice, ${durable.size} receipts checked`)
}

/** One bit in the middle of one validator's log: it starts without, and the others bring it all that was final. */
async function checkHealing(): Promise<void> {
  const victim = random(validators)
  flipBit(victim)
  running = await start()
  await checkEverywhere(running.rpcs)
  if (globSync('damaged/wal/*.log', { cwd: folderOf(victim) }).length === 0)
    throw new Error('a log that is damaged in the middle was accepted')
  await stop(running)
  console.log(`validator ${victim} lost its log to a flipped bit, and has all receipts from the others`)
}

function flipBit(validator: number): void {
  const [segment] = globSync('wal/*.log', { cwd: folderOf(validator) }).sort()
  const file = join(folderOf(validator), segment as string)
  const bytes = readFileSync(file)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(file, bytes)
}

/** One bit in the middle of the log: the start has to be refused, with a reason. */
async function checkCorruption(): Promise<void> {
  flipBit(0)
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
    ...(validators === 1 ? [] : ['--validators', String(validators)]),
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
      return { child, config, rpcs: config.rpc.map((url) => createRpcClient({ url })), stderr: () => stderr }
    }
    await new Promise((done) => setTimeout(done, 20))
  }
  child.kill('SIGKILL')
  throw new Error(`the testnet did not start within ${START_TIMEOUT_MS} ms: ${stderr}`)
}

async function closeAll({ rpcs }: Running): Promise<void> {
  for (const rpc of rpcs) await rpc.close()
}

async function stop({ child, ...rest }: Running): Promise<void> {
  const exited = new Promise((done) => child.once('exit', done))
  await closeAll({ child, ...rest })
  child.kill('SIGTERM')
  await exited
  if (child.exitCode !== 0) throw new Error(`stopping was not clean: exit code ${child.exitCode}`)
  running = undefined
}

function folderOf(validator: number): string {
  return validators === 1 ? dataDir : join(dataDir, `validator-${validator}`)
}

function newestSegment(validator: number): string {
  const folder = folderOf(validator)
  return join(folder, globSync('wal/*.log', { cwd: folder }).sort().at(-1) as string)
}

function randomBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random(256))
}

/** A small seeded generator: the kills are repeatable as far as a machine's timing is. */
function random(below: number): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}
