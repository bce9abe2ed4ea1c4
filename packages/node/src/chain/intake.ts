import { limits, type PreparedTransaction, prepareTransaction, type Refusal, type Runtime, toHex } from '@armchain/core'
import {
  packTransactions,
  VERDICT_INVALID,
  VERDICT_KEY,
  type VerifiedBatch,
  type VerifyPool,
} from '@armchain/core/node'
import { INTAKE_BATCH, INTAKE_GAP_MS, INTAKE_JUDGE_BACKLOG_MAX, INTAKE_PARKED_MAX } from '../limits.ts'
import type { SubmitResult } from '../rpc/submit.ts'
import { withHint } from './refusal-hints.ts'

const { TX_BYTES_MAX } = limits

export type Admit = (prepared: PreparedTransaction) => Refusal | undefined
/** Whether a transaction is in a block already. */
export type IsIncluded = (txId: Uint8Array) => Promise<boolean>

/**
 * From received bytes to the pool: signatures in batches off the main thread, then decoding and admission on it.
 *
 * A transaction that is ahead of its account's nonce is parked for a moment, because requests that a client sends side
 * by side arrive in any order; if what is missing does not come, it is refused as a gap.
 */
export class Intake {
  readonly #runtime: Runtime
  readonly #verifier: VerifyPool
  readonly #admit: Admit
  readonly #isIncluded: IsIncluded
  readonly #parked: Map<string, Parked[]> = new Map()
  #parkedCount = 0

  constructor(runtime: Runtime, verifier: VerifyPool, admit: Admit, isIncluded: IsIncluded) {
    this.#runtime = runtime
    this.#verifier = verifier
    this.#admit = admit
    this.#isIncluded = isIncluded
  }

  async submit(raws: readonly Uint8Array[]): Promise<readonly SubmitResult[]> {
    if (this.#verifier.judgeBacklog > INTAKE_JUDGE_BACKLOG_MAX) return raws.map(() => BUSY)
    const batches: Promise<readonly SubmitResult[]>[] = []
    for (let i = 0; i < raws.length; i += INTAKE_BATCH) batches.push(this.#submitBatch(raws.slice(i, i + INTAKE_BATCH)))
    return (await Promise.all(batches)).flat()
  }

  /** Refuses what is parked: the node closes. */
  close(): void {
    for (const parked of this.#parked.values()) for (const each of parked) each.settle(GAP_REFUSED)
    this.#parked.clear()
  }

  async #submitBatch(raws: readonly Uint8Array[]): Promise<readonly SubmitResult[]> {
    const { txDomain, types } = this.#runtime
    const fitting = raws.map((raw) => (raw.length <= TX_BYTES_MAX ? raw : new Uint8Array(0)))
    const packed = packTransactions(fitting)
    const verified = await this.#verifier.verifyTransactions({
      ...packed,
      domain: txDomain,
      keyOffset: types.senderKeyOffset,
    })
    // A kept transaction must not pin its whole batch, nor the request it came in.
    const results = raws.map((raw, i) => this.#judge(raw.length <= TX_BYTES_MAX ? undefined : raw.length, verified, i))
    return results.some((result) => result instanceof Promise) ? Promise.all(results) : (results as SubmitResult[])
  }

  #judge(
    oversizeBytes: number | undefined,
    { data, offsets, verdicts, ids, accounts }: VerifiedBatch,
    i: number,
  ): SubmitResult | Promise<SubmitResult> {
    if (oversizeBytes !== undefined)
      return refused({
        code: 'ARM_TX_TOO_LARGE',
        message: `transaction has over ${TX_BYTES_MAX} bytes`,
        data: { sizeBytes: oversizeBytes },
      })
    const bytes = data.slice(offsets[i], offsets[i + 1])
    const prepared = prepareTransaction(
      this.#runtime,
      bytes,
      ids.slice(32 * i, 32 * i + 32),
      accounts.slice(32 * i, 32 * i + 32),
    )
    // What is malformed, or for another chain, is told so rather than that its signature is wrong.
    if (!prepared.ok) return refused(prepared.reason)
    if (verdicts[i] === VERDICT_INVALID)
      return refused({ code: 'ARM_TX_SIGNATURE', message: 'the signature is invalid' })
    if (verdicts[i] === VERDICT_KEY)
      return refused({ code: 'ARM_TX_KEY', message: 'the key may not own an account: it is of small or mixed order' })
    return this.#offer(prepared.value)
  }

  #offer(prepared: PreparedTransaction): SubmitResult | Promise<SubmitResult> {
    const refusal = this.#admit(prepared)
    if (refusal === undefined) {
      if (this.#parkedCount > 0) this.#retry(prepared)
      return { ok: true, txId: toHex(prepared.id) }
    }
    if (refusal.code === 'ARM_TX_NONCE_LOW') return this.#usedNonce(prepared, refusal)
    if (refusal.code !== 'ARM_TX_NONCE_GAP' || this.#parkedCount >= INTAKE_PARKED_MAX) return refused(refusal)
    return this.#park(prepared, refusal)
  }

  /** A used nonce is told apart from the very transaction that used it: sending again is harmless, and the client may wait for it. */
  async #usedNonce({ id }: PreparedTransaction, refusal: Refusal): Promise<SubmitResult> {
    if (!(await this.#isIncluded(id))) return refused(refusal)
    return refused({
      code: 'ARM_TX_DUPLICATE',
      message: 'this transaction is in a block already',
      data: { txId: toHex(id) },
    })
  }

  #park(prepared: PreparedTransaction, refusal: Refusal): Promise<SubmitResult> {
    return new Promise((resolve) => {
      const key = queueKey(prepared)
      const settle = (result: SubmitResult): void => {
        clearTimeout(timer)
        this.#parkedCount--
        resolve(result)
      }
      const timer = setTimeout(() => {
        const rest = (this.#parked.get(key) ?? []).filter((each) => each !== parked)
        if (rest.length === 0) this.#parked.delete(key)
        else this.#parked.set(key, rest)
        settle(refused(refusal))
      }, INTAKE_GAP_MS)
      const parked: Parked = { prepared, settle }
      this.#parkedCount++
      this.#parked.set(key, [...(this.#parked.get(key) ?? []), parked])
    })
  }

  /** Something of an account got in: what was parked behind it may follow. */
  #retry(admitted: PreparedTransaction): void {
    const key = queueKey(admitted)
    const parked = this.#parked.get(key)
    if (parked === undefined) return
    const waiting: Parked[] = []
    for (const each of [...parked].sort((a, b) => a.prepared.tx.nonce - b.prepared.tx.nonce)) {
      const refusal = this.#admit(each.prepared)
      if (refusal?.code === 'ARM_TX_NONCE_GAP') waiting.push(each)
      else each.settle(refusal === undefined ? { ok: true, txId: toHex(each.prepared.id) } : refused(refusal))
    }
    if (waiting.length === 0) this.#parked.delete(key)
    else this.#parked.set(key, waiting)
  }
}

type Parked = { readonly prepared: PreparedTransaction; readonly settle: (result: SubmitResult) => void }

const BUSY: SubmitResult = {
  ok: false,
  code: 'ARM_RPC_BUSY',
  message: 'too many doubtful signatures wait to be judged',
  data: { hint: 'submit again in a moment' },
}
const GAP_REFUSED: SubmitResult = refused({
  code: 'ARM_TX_NONCE_GAP',
  message: 'transactions before this one are missing',
})

function refused(refusal: Refusal): SubmitResult {
  return { ok: false, ...withHint(refusal) }
}

function queueKey({ account, tx }: PreparedTransaction): string {
  return `${tx.vShard}:${toHex(account)}`
}
