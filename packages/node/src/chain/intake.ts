import {
  carveBytes,
  copy32,
  limits,
  type Outcome,
  type PreparedTransaction,
  prepareTransaction,
  type Refusal,
  type Runtime,
  refuse,
  toHex,
} from '@armchain/core'
import { VERDICT_KEY, VERDICT_VALID, type VerifiedBatch, type VerifyPool } from '@armchain/core/node'
import { INTAKE_BATCH, INTAKE_BATCHES_IN_FLIGHT } from '../limits.ts'
import type { SubmitResult } from '../rpc/submit.ts'
import { ParkedTransactions } from './parked.ts'
import { withHint } from './refusal-hints.ts'
import { verifyBatch } from './verify-batch.ts'

const { TX_BYTES_MAX } = limits

/** Also where it belongs: others of that vShard are told of it. */
export type IntakeResult =
  | (Extract<SubmitResult, { readonly ok: true }> & { readonly vShard: number })
  | Extract<SubmitResult, { readonly ok: false }>

export type Admit = (prepared: PreparedTransaction) => Refusal | undefined
/** Whether a transaction is in a block already. */
export type IsIncluded = (txId: Uint8Array) => Promise<boolean>

/**
 * From received bytes to the pool: decoding and all checks that need no state on the main thread, then signatures in
 * batches off it, then admission. What does not decode is told so, and never reaches a verifier: it costs a sender
 * nothing to make.
 *
 * A transaction that is ahead of its account's nonce is parked for a moment, because requests that a client sends side
 * by side arrive in any order; if what is missing does not come, it is refused as a gap.
 */
export class Intake {
  readonly #runtime: Runtime
  readonly #verifier: VerifyPool
  readonly #admit: Admit
  readonly #isIncluded: IsIncluded
  readonly #parked: ParkedTransactions = new ParkedTransactions()

  constructor(runtime: Runtime, verifier: VerifyPool, admit: Admit, isIncluded: IsIncluded) {
    this.#runtime = runtime
    this.#verifier = verifier
    this.#admit = admit
    this.#isIncluded = isIncluded
  }

  /** The bytes are the intake's from now on: they may be kept, and what their buffers hold beside them with them. */
  async submit(raws: readonly Uint8Array[]): Promise<readonly IntakeResult[]> {
    const batches: Promise<readonly IntakeResult[]>[] = []
    for (let i = 0; i < raws.length; i += INTAKE_BATCH) {
      // A few at a time, so that others' batches come between those of a large request, be it all forgeries.
      const earlier = batches.at(-INTAKE_BATCHES_IN_FLIGHT)
      if (earlier !== undefined) await earlier
      batches.push(this.#submitBatch(raws.slice(i, i + INTAKE_BATCH)))
    }
    return (await Promise.all(batches)).flat()
  }

  /** Refuses what is parked: the node closes. */
  close(): void {
    this.#parked.close()
  }

  async #submitBatch(raws: readonly Uint8Array[]): Promise<readonly IntakeResult[]> {
    const results: (IntakeResult | Promise<IntakeResult>)[] = new Array(raws.length)
    const decoded: PreparedTransaction[] = []
    const positions: number[] = []
    for (let position = 0; position < raws.length; position++) {
      const prepared = this.#decode(raws[position] as Uint8Array)
      if (prepared.ok) {
        decoded.push(prepared.value)
        positions.push(position)
      } else results[position] = refused(prepared.reason)
    }
    if (decoded.length > 0) {
      const verified = await verifyBatch(this.#verifier, this.#runtime, decoded)
      for (let i = 0; i < decoded.length; i++)
        results[positions[i] as number] = this.#judged(decoded[i] as PreparedTransaction, verified, i)
    }
    return results.some((result) => result instanceof Promise) ? Promise.all(results) : (results as IntakeResult[])
  }

  /** With room for id and account, which the verifying threads compute: what waits is copied by each collection, so it is made once. */
  #decode(raw: Uint8Array): Outcome<PreparedTransaction> {
    if (raw.length > TX_BYTES_MAX)
      return refuse('ARM_TX_TOO_LARGE', `transaction has over ${TX_BYTES_MAX} bytes`, { sizeBytes: raw.length })
    return prepareTransaction(this.#runtime, raw, carveBytes(32), carveBytes(32))
  }

  #judged(
    decoded: PreparedTransaction,
    { verdicts, ids, accounts }: VerifiedBatch,
    i: number,
  ): IntakeResult | Promise<IntakeResult> {
    if (verdicts[i] === VERDICT_KEY)
      return refused({ code: 'ARM_TX_KEY', message: 'the key may not own an account: it is of small or mixed order' })
    if (verdicts[i] !== VERDICT_VALID) return refused({ code: 'ARM_TX_SIGNATURE', message: 'the signature is invalid' })
    const at = 32 * i
    copy32(ids, at, decoded.id, 0)
    copy32(accounts, at, decoded.account, 0)
    return this.#offer(decoded)
  }

  #offer(prepared: PreparedTransaction): IntakeResult | Promise<IntakeResult> {
    const refusal = this.#admit(prepared)
    if (refusal === undefined) {
      if (this.#parked.size > 0) this.#follow(prepared)
      return accepted(prepared)
    }
    if (refusal.code === 'ARM_TX_NONCE_LOW') return this.#usedNonce(prepared, refusal)
    if (refusal.code !== 'ARM_TX_NONCE_GAP') return refused(refusal)
    return this.#parked.park(prepared, refused(refusal))
  }

  /** Something of an account got in: what was parked right behind it follows. */
  #follow(admitted: PreparedTransaction): void {
    let { nonce } = admitted.tx
    for (;;) {
      const next = this.#parked.take(admitted, ++nonce)
      if (next === undefined) return
      const refusal = this.#admit(next.prepared)
      next.settle(refusal === undefined ? accepted(next.prepared) : refused(refusal))
      if (refusal !== undefined) return
    }
  }

  /** A used nonce is told apart from the very transaction that used it: sending again is harmless, and the client may wait for it. */
  async #usedNonce({ id }: PreparedTransaction, refusal: Refusal): Promise<IntakeResult> {
    if (!(await this.#isIncluded(id))) return refused(refusal)
    return refused({
      code: 'ARM_TX_DUPLICATE',
      message: 'this transaction is in a block already',
      data: { txId: toHex(id) },
    })
  }
}

function accepted({ id, tx }: PreparedTransaction): IntakeResult {
  return { ok: true, id, vShard: tx.vShard }
}

function refused(refusal: Refusal): IntakeResult {
  return { ok: false, ...withHint(refusal) }
}
