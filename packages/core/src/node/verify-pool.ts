import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { packItems } from '@armchain/ed25519-batch'
import { ArmError, invariant } from '../errors.ts'
import type { Ed25519Item } from '../ports.ts'
import { createNativeEd25519 } from './native-ed25519.ts'
import { BATCH_MAX, BATCH_MIN, VERDICT_VALID, type VerifyJob, type VerifyResult } from './verify-job.ts'

/** A batch of transactions to verify; `data` is given away. */
export type TransactionBatch = {
  readonly data: Uint8Array<ArrayBuffer>
  /** Start of each transaction, and the end of the last. */
  readonly offsets: Uint32Array
  readonly domain: Uint8Array
  readonly keyOffset: number
}

export type VerifiedBatch = Pick<VerifyResult, 'data' | 'offsets' | 'verdicts' | 'ids' | 'accounts'>

export interface VerifyPool {
  readonly workers: number
  /** ZIP215 exactly, one verdict an item. */
  verify(items: readonly Ed25519Item[]): Promise<boolean[]>
  /** Signature, key, id and account of each transaction of a batch. */
  verifyTransactions(batch: TransactionBatch): Promise<VerifiedBatch>
  /**
   * Starts the threads and has each verify a batch of good signatures, so that the first transactions wait for neither;
   * once, however often it is called.
   */
  warmUp(): Promise<void>
  close(): Promise<void>
}

/** Below this many signatures, a thread's round trip costs more than it saves. */
const INLINE_MAX = 8
const WORKERS_MAX = 16
/** Signatures and message bytes of a batch that has the engine optimise the kernel: about 50 ms. */
const WARM_UP = 1_024
const WARM_UP_BYTES = 200

/**
 * Of a thread's young generation. A batch leaves a few kilobytes of garbage behind, which would otherwise fill what the
 * process has set for its main thread, page after page, before anything is collected: tens of megabytes resident.
 */
const YOUNG_MB = 12

export function createVerifyPool({
  workers = Math.min(WORKERS_MAX, availableParallelism()),
}: {
  readonly workers?: number
} = {}): VerifyPool {
  return new ThreadPool(workers)
}

let shared: VerifyPool | undefined

/** The process's pool, started on first use. It never keeps the process alive. */
export function sharedVerifyPool(): VerifyPool {
  shared ??= createVerifyPool()
  return shared
}

class ThreadPool implements VerifyPool {
  readonly workers: number
  readonly #threads: Thread[]
  #warm: Promise<void> | undefined
  readonly #inline: ReturnType<typeof createNativeEd25519> = createNativeEd25519()

  constructor(workers: number) {
    this.workers = workers
    this.#threads = Array.from({ length: workers }, () => new Thread())
  }

  async verify(items: readonly Ed25519Item[]): Promise<boolean[]> {
    if (items.length < INLINE_MAX) return items.map((item) => this.#inline.verify(item))
    const wellFormed = items.map(({ publicKey, signature }) => publicKey.length === 32 && signature.length === 64)
    const batches = split(
      items.filter((_, i) => wellFormed[i]),
      this.workers,
    )
    const results = await Promise.all(batches.map((batch) => this.#idlest().run(packItems(batch))))
    const verdicts = results.flatMap((result) => [...result.verdicts])
    let next = 0
    return wellFormed.map((good) => good && verdicts[next++] === VERDICT_VALID)
  }

  async verifyTransactions({ data, offsets, domain, keyOffset }: TransactionBatch): Promise<VerifiedBatch> {
    checkBatch({ data, offsets, domain, keyOffset })
    return await this.#idlest().run({ type: 'transactions', data, offsets, domain, keyOffset })
  }

  warmUp(): Promise<void> {
    this.#warm ??= this.#verifyGood()
    return this.#warm
  }

  async #verifyGood(): Promise<void> {
    const secretSeed = new Uint8Array(32).fill(1)
    const message = new Uint8Array(WARM_UP_BYTES)
    const [publicKey, signature] = [this.#inline.publicKey(secretSeed), this.#inline.sign(message, secretSeed)]
    const batch = packItems(Array.from({ length: WARM_UP }, () => ({ publicKey, message, signature })))
    const results = this.#threads.map((thread) =>
      thread.run({ type: 'items', data: batch.data.slice(), offsets: batch.offsets.slice() }),
    )
    for (const { verdicts } of await Promise.all(results))
      invariant(
        verdicts.every((verdict) => verdict === VERDICT_VALID),
        'the verifier refuses a good signature',
      )
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #idlest(): Thread {
    return this.#threads.reduce((best, thread) => (thread.backlog < best.backlog ? thread : best))
  }
}

type WithoutId<Job> = Job extends unknown ? Omit<Job, 'id'> : never
type Unnumbered = WithoutId<VerifyJob>
type Pending = {
  readonly count: number
  readonly resolve: (result: VerifyResult) => void
  readonly reject: (error: Error) => void
}

/** One worker thread, started on first use and again after a crash. */
class Thread {
  readonly #pending: Map<number, Pending> = new Map()
  #worker: Worker | undefined
  #nextId = 0
  #backlog = 0

  get backlog(): number {
    return this.#backlog
  }

  run(job: Unnumbered): Promise<VerifyResult> {
    const id = this.#nextId++
    const count = job.offsets.length - 1
    const data = whole(job.data)
    const offsets = whole(job.offsets)
    this.#worker ??= this.#start()
    this.#worker.postMessage({ ...job, id, data, offsets }, [data.buffer, offsets.buffer])
    this.#worker.ref()
    this.#backlog += count
    return new Promise((resolve, reject) => this.#pending.set(id, { count, resolve, reject }))
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  #start(): Worker {
    const file = import.meta.url.endsWith('.ts') ? './verify-worker.ts' : './verify-worker.js'
    const worker = new Worker(new URL(file, import.meta.url), {
      name: 'verify',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    worker.on('message', (result: VerifyResult) => this.#settle(result))
    worker.on('error', (cause) =>
      this.#fail(new ArmError('ARM_INTERNAL', 'a verifying thread has failed', { hint: 'submit again' }, { cause })),
    )
    worker.on('exit', () => {
      if (this.#worker === worker)
        this.#fail(new ArmError('ARM_INTERNAL', 'a verifying thread has ended', { hint: 'submit again' }))
    })
    worker.unref()
    return worker
  }

  #settle(result: VerifyResult): void {
    const pending = this.#pending.get(result.id)
    if (pending === undefined) return
    this.#pending.delete(result.id)
    this.#backlog -= pending.count
    if (this.#pending.size === 0) this.#worker?.unref()
    pending.resolve(result)
  }

  #fail(error: Error): void {
    this.#worker = undefined
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#backlog = 0
    for (const { reject } of pending) reject(error)
  }
}

/** What the threads take on trust, so that a caller's mistake does not crash one. */
function checkBatch({ data, offsets, domain, keyOffset }: TransactionBatch): void {
  const ascending = offsets.every((offset, i) => offset >= (offsets[i - 1] ?? 0))
  const inside = offsets.length > 0 && (offsets.at(-1) as number) <= data.length
  if (ascending && inside && domain.length === 32 && Number.isInteger(keyOffset) && keyOffset >= 0) return
  throw new ArmError('ARM_ARGUMENT', 'offsets ascend within the data, and a domain has 32 bytes', {
    dataBytes: data.length,
    domainBytes: domain.length,
    keyOffset,
  })
}

/**
 * A view of a buffer that holds nothing else, so that it can be given away: Node keeps small buffers together in one
 * that cannot be transferred, and a view into a request would take the request with it.
 */
function whole(view: Uint8Array): Uint8Array<ArrayBuffer>
function whole(view: Uint32Array): Uint32Array<ArrayBuffer>
function whole(view: Uint8Array | Uint32Array): Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> {
  const alone = view.buffer instanceof ArrayBuffer && view.byteLength === view.buffer.byteLength
  if (alone) return view as Uint8Array<ArrayBuffer>
  return view instanceof Uint32Array ? new Uint32Array(view) : new Uint8Array(view)
}

/** Even batches, as many as there are threads where each still has `BATCH_MIN`. */
function split<Item>(items: readonly Item[], threads: number): Item[][] {
  const size = Math.min(BATCH_MAX, Math.max(BATCH_MIN, Math.ceil(items.length / threads)))
  const batches: Item[][] = []
  for (let i = 0; i < items.length; i += size) batches.push(items.slice(i, i + size))
  return batches
}

function pack(parts: readonly Uint8Array[]): { data: Uint8Array<ArrayBuffer>; offsets: Uint32Array } {
  const offsets = new Uint32Array(parts.length + 1)
  parts.forEach((part, i) => {
    offsets[i + 1] = (offsets[i] as number) + part.length
  })
  const data = new Uint8Array(offsets[parts.length] as number)
  parts.forEach((part, i) => {
    data.set(part, offsets[i])
  })
  return { data, offsets }
}

export { pack as packTransactions }
