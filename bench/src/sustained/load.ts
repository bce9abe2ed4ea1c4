import { Worker } from 'node:worker_threads'
import type { RpcClient } from '@armchain/client'
import type { Setting } from './chain.ts'
import type { SignedBody, SignJob } from './sign-worker.ts'

/** Transfers in one request. */
export const BATCH = 200
const WORKERS = 2
const WAIT_MS = 60_000

/** Signs `count` transfers, rounded up to whole requests, from `firstNonce` of every sender. */
export async function signBodies(
  setting: Setting,
  count: number,
  { firstNonce, expiryHeight }: { readonly firstNonce: number; readonly expiryHeight: number },
): Promise<SignedBody[]> {
  const bodies = Math.ceil(count / BATCH / WORKERS)
  const parts = await Promise.all(
    Array.from({ length: WORKERS }, (_, index) =>
      signed({ setting, index, workers: WORKERS, batch: BATCH, bodies, firstNonce, expiryHeight }),
    ),
  )
  // Alternately: each worker has senders of its own, whose transfers are in order.
  return Array.from({ length: bodies }, (_, i) => parts.map((part) => part[i] as SignedBody)).flat()
}

function signed(job: SignJob): Promise<SignedBody[]> {
  return new Promise((resolve, reject) => {
    const bodies: SignedBody[] = []
    const worker = new Worker(new URL('./sign-worker.ts', import.meta.url), { workerData: job })
    worker.on('message', (body: SignedBody) => void bodies.push(body))
    worker.on('error', reject)
    worker.on('exit', () => resolve(bodies))
  })
}

/** Submits a body; throws if any of it is refused. */
export async function submit(url: string, { body }: SignedBody): Promise<void> {
  const headers = { 'content-type': 'application/octet-stream' }
  const response = await fetch(new URL('/submit', url), { method: 'POST', headers, body })
  const answer = (await response.json()) as {
    readonly accepted?: number
    readonly refused?: readonly { readonly code: string; readonly message: string }[]
  }
  const [first] = answer.refused ?? []
  if (first !== undefined) throw new Error(`refused: ${first.code} ${first.message}`)
  if (answer.accepted !== BATCH) throw new Error(`the node answered ${JSON.stringify(answer).slice(0, 300)}`)
}

/** As fast as they are taken, four at a time; resolves when all are in durable blocks, to transfers a second. */
export async function peakTps(rpc: RpcClient, bodies: readonly SignedBody[]): Promise<number> {
  const start = performance.now()
  let next = 0
  const sender = async (): Promise<void> => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) await submit(rpc.url, body)
  }
  await Promise.all(Array.from({ length: 4 }, sender))
  await Promise.all(bodies.slice(-8).map(({ lastId }) => included(rpc, lastId)))
  return (bodies.length * BATCH * 1000) / (performance.now() - start)
}

/** Resolves when the transaction is in a durable block. */
export async function included(rpc: RpcClient, txId: string): Promise<void> {
  await rpc.call('arm_waitForReceipt', { txId, timeoutMs: WAIT_MS, finality: 'shard-final' })
}

export type PacedRun = {
  /** Milliseconds from when a request was due until its last transfer is in a durable block, in order. */
  readonly latenciesMs: readonly { readonly dueMs: number; readonly latencyMs: number }[]
  /** Longest that a request left after it was due: what says that the load itself kept up. */
  readonly latestMs: number
}

/**
 * Sends the bodies at an even rate, whatever the node does; `sent` hears how many have left. Each of the `lanes` has senders
 * of its own and waits for its answer before it goes on, so that a node that stands still for a moment is not sent nonces
 * out of order: what then leaves late counts as latency, from when it was due.
 */
export async function sendPaced(
  rpc: RpcClient,
  bodies: readonly SignedBody[],
  { tps, lanes }: { readonly tps: number; readonly lanes: number },
  sent: (transfers: number) => void,
): Promise<PacedRun> {
  const start = performance.now()
  const gapMs = (BATCH * 1000) / tps
  const latenciesMs: { dueMs: number; latencyMs: number }[] = []
  const waiting: Promise<void>[] = []
  let count = 0
  let latestMs = 0
  const lane = async (first: number): Promise<void> => {
    for (let i = first; i < bodies.length; i += lanes) {
      const dueMs = i * gapMs
      const waitMs = start + dueMs - performance.now()
      if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs))
      latestMs = Math.max(latestMs, performance.now() - start - dueMs)
      const body = bodies[i] as SignedBody
      await submit(rpc.url, body)
      waiting.push(
        included(rpc, body.lastId).then(
          () => void latenciesMs.push({ dueMs, latencyMs: performance.now() - start - dueMs }),
        ),
      )
      sent(++count * BATCH)
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)))
  await Promise.all(waiting)
  latenciesMs.sort((a, b) => a.dueMs - b.dueMs)
  return { latenciesMs, latestMs }
}
