import type { ErrorCode } from '@armchain/core'
import { RPC_CHUNK_BYTES } from '../limits.ts'
import type { Log } from '../log.ts'
import type { RpcMetrics } from '../metrics.ts'
import { failureOf } from './wire.ts'

export type SubmitResult =
  | { readonly ok: true; readonly id: Uint8Array }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly data?: Readonly<Record<string, unknown>>
    }

/** One outcome for each transaction, in order. */
export type SubmitMany = (raws: readonly Uint8Array[]) => Promise<readonly SubmitResult[]>

export interface Submitter {
  /** Where transactions are put before they are submitted; shared, as a chunk of its own for each request would pin memory. */
  readonly writer: ChunkWriter
  /** All that waits goes with these in one call now. */
  submitNow(raws: readonly Uint8Array[]): Promise<readonly SubmitResult[]>
  /** Goes with everything else that arrives before the event loop comes round. */
  submitSoon(raw: Uint8Array): Promise<SubmitResult>
}

type Job = {
  readonly raws: readonly Uint8Array[]
  readonly resolve: (results: readonly SubmitResult[]) => void
}

/** Gathers transactions so that the pool and the signature workers see few large batches; keeps their order. */
export function createSubmitter(submitMany: SubmitMany, metrics: Pick<RpcMetrics, 'submitted'>, log: Log): Submitter {
  let queue: Job[] = []
  let scheduled: NodeJS.Immediate | undefined

  const flush = (): void => {
    clearImmediate(scheduled)
    scheduled = undefined
    const jobs = queue
    queue = []
    if (jobs.length > 0) void run(jobs)
  }
  const run = async (jobs: readonly Job[]): Promise<void> => {
    const raws = jobs.length === 1 ? (jobs[0] as Job).raws : jobs.flatMap((job) => job.raws)
    const results = await outcomes(raws, submitMany, log)
    for (const [outcome, count] of tally(results)) metrics.submitted(outcome, count)
    if (jobs.length === 1) return (jobs[0] as Job).resolve(results)
    let start = 0
    for (const { raws: own, resolve } of jobs) {
      resolve(results.slice(start, start + own.length))
      start += own.length
    }
  }
  return {
    writer: new ChunkWriter(),
    submitNow: (raws) =>
      new Promise((resolve) => {
        queue.push({ raws, resolve })
        flush()
      }),
    submitSoon: (raw) =>
      new Promise((resolve) => {
        queue.push({ raws: [raw], resolve: (results) => resolve(results[0] as SubmitResult) })
        scheduled ??= setImmediate(flush)
      }),
  }
}

/** How many there are of each outcome: `ok` or an error code. */
export function tally(results: readonly SubmitResult[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const result of results) {
    const outcome = result.ok ? 'ok' : result.code
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  }
  return counts
}

async function outcomes(
  raws: readonly Uint8Array[],
  submitMany: SubmitMany,
  log: Log,
): Promise<readonly SubmitResult[]> {
  try {
    const results = await submitMany(raws)
    if (results.length === raws.length) return results
    throw new Error(`submitMany gave ${results.length} outcomes for ${raws.length} transactions`)
  } catch (error) {
    log.error('submitting failed', { error })
    const { code, message, data } = failureOf(error)
    const refusal: SubmitResult = { ok: false, code, message, ...(data === undefined ? {} : { data }) }
    return raws.map(() => refusal)
  }
}

/**
 * Byte arrays cut from shared chunks. One allocation each would cost more than decoding does; one for a whole request
 * would let a single kept transaction hold megabytes.
 */
export class ChunkWriter {
  #chunk: Buffer = Buffer.alloc(0)
  #offset = 0

  /** Bytes of hex text, with or without `0x`; undefined if it is not hex. */
  fromHex(text: string): Uint8Array | undefined {
    const digits = text.charCodeAt(1) === 0x78 && text.charCodeAt(0) === 0x30 ? text.slice(2) : text
    const length = digits.length >>> 1
    if (digits.length !== length * 2) return undefined
    const start = this.#reserve(length)
    // Stops at the first character that is not hex.
    if (this.#chunk.write(digits, start, length, 'hex') !== length) return undefined
    return this.#take(start, length)
  }

  copy(source: Uint8Array, from: number, length: number): Uint8Array {
    const start = this.#reserve(length)
    this.#chunk.set(source.subarray(from, from + length), start)
    return this.#take(start, length)
  }

  #reserve(length: number): number {
    if (this.#chunk.length - this.#offset < length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(length, RPC_CHUNK_BYTES))
      this.#offset = 0
    }
    return this.#offset
  }

  /** A plain Uint8Array: `slice` of a Buffer does not copy, which would surprise whoever gets it. */
  #take(start: number, length: number): Uint8Array {
    this.#offset = start + length
    return new Uint8Array(this.#chunk.buffer, start, length)
  }
}
