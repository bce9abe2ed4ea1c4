import { type ChildProcess, spawn } from 'node:child_process'
import { usageOf, whenIdle } from './process-tree.ts'

/** The work of one part of a run: transfers signed beforehand, from each account in turn, nonces in order. */
export type Work = { readonly count: number; readonly accounts: number }

/** The same work is done twice: by a server that has just started, and by one that has done it once. */
export const PARTS = ['cold', 'steady'] as const
export type Part = (typeof PARTS)[number]

/** Transactions in one HTTP request. */
export const BATCH = 500
/** Requests on their way at a time. */
export const IN_FLIGHT = 4
/** Receipts that are read back, spread over the run. */
export const RECEIPTS_SAMPLED = 200
const START_TIMEOUT_MS = 60_000

/** One contender: starts a fresh server for each run. */
export interface Side {
  readonly name: string
  start(work: Work): Promise<Server>
}

export interface Server extends AsyncDisposable {
  readonly pid: number
  /** Milliseconds from the start of the process until it has a block and answers. */
  readonly firstBlockMs: number
  /** Signs the transfers of a part, in order; not timed. */
  prepare(part: Part): Promise<Prepared>
}

export type Prepared = {
  /** Submits one batch; throws if any of it is refused. */
  readonly batches: readonly (() => Promise<void>)[]
  /** Resolves when all transfers are in blocks, as durable as the side makes them. */
  readonly included: () => Promise<void>
  /** Reads back every nonce and a sample of receipts; throws if anything is missing. */
  readonly check: () => Promise<void>
  /** How a sample of payments between shards went; undefined if there were none. */
  readonly deliveries?: () => Promise<Delivery | undefined>
}

/** From the block that a payment leaves a shard in until the block that brings it to another. */
export type Delivery = { readonly ms: number; readonly blocks: number }

export type Pace = { readonly tps: number; readonly cpuUsPerTx: number; readonly wallMs: number }

/** The figures of the steady part, and beside them those of the cold one. */
export type Run = Pace & {
  readonly cold: Pace
  readonly delivery?: Delivery | undefined
  readonly firstBlockMs: number
  readonly rssMiB: number
}

/** One run on a fresh server. */
export async function measure(side: Side, work: Work): Promise<Run> {
  await using server = await side.start(work)
  const { delivery: _, ...cold } = await measurePart(server, work, 'cold')
  const steady = await measurePart(server, work, 'steady')
  return { ...steady, cold, firstBlockMs: server.firstBlockMs, rssMiB: usageOf(server.pid).rssMiB }
}

/** The clock stops when all is in blocks; CPU counts until the server is idle again. */
async function measurePart(
  server: Server,
  work: Work,
  part: Part,
): Promise<Omit<Run, 'cold' | 'firstBlockMs' | 'rssMiB'>> {
  const prepared = await server.prepare(part)
  const { included, check } = prepared
  const before = await whenIdle(server.pid)
  const start = performance.now()
  await submitAll(prepared)
  await included()
  const wallMs = performance.now() - start
  const after = await whenIdle(server.pid)
  await check()
  return {
    delivery: await prepared.deliveries?.(),
    tps: (work.count / wallMs) * 1000,
    cpuUsPerTx: ((after.cpuMs - before.cpuMs) * 1000) / work.count,
    wallMs,
  }
}

/** Submits all batches, `IN_FLIGHT` at a time. */
export async function submitAll({ batches }: Prepared): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let send = batches[next++]; send !== undefined; send = batches[next++]) await send()
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
}

export type Started = {
  readonly pid: number
  readonly startMs: number
  /** Resolves when the process has ended. */
  readonly stop: () => Promise<void>
}

/** Starts a server and waits until `ready` says so; the error holds what the server printed. */
export async function startServer(
  command: string,
  args: readonly string[],
  ready: () => Promise<boolean>,
): Promise<Started> {
  const start = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-4096)
  })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code} before it was ready: ${stderr}`)))
  })
  failed.catch(() => undefined)
  while (!(await Promise.race([ready(), failed]))) {
    if (performance.now() - start > START_TIMEOUT_MS) {
      child.kill('SIGKILL')
      throw new Error(`${command} was not ready within ${START_TIMEOUT_MS} ms: ${stderr}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const startMs = performance.now() - start
  const pid = child.pid as number
  usageOf(pid)
  return { pid, startMs, stop: () => ended(child) }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await exited
  clearTimeout(timer)
}

/** Posts a body that was made beforehand and returns the JSON of the answer. */
export async function post(url: string, body: string | Uint8Array<ArrayBuffer>, type: string): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
  return await response.json()
}

export type JsonRpcAnswer = { readonly id: number; readonly result?: unknown; readonly error?: { message: string } }

/** Body of a JSON-RPC batch. */
export function batchBody(calls: readonly { readonly method: string; readonly params: unknown }[]): string {
  return JSON.stringify(calls.map(({ method, params }, id) => ({ jsonrpc: '2.0', id, method, params })))
}

/** Posts a JSON-RPC batch; throws at the first error among the answers, which are by position of the calls. */
export async function postBatch(url: string, body: string): Promise<readonly unknown[]> {
  const answers = (await post(url, body, 'application/json')) as readonly JsonRpcAnswer[]
  if (!Array.isArray(answers)) throw new Error(`the batch was refused: ${JSON.stringify(answers).slice(0, 500)}`)
  const results: unknown[] = []
  for (const { id, result, error } of answers) {
    if (error !== undefined) throw new Error(`call ${id} was refused: ${error.message}`)
    results[id] = result
  }
  return results
}

export function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}

/** Every n-th item, so that about `count` are taken from the whole. */
export function sample<Item>(items: readonly Item[], count: number): Item[] {
  const step = Math.max(1, Math.floor(items.length / count))
  return items.filter((_, i) => i % step === 0).slice(0, count)
}
