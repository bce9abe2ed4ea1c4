import { equalBytes, type PreparedTransaction, toHex } from '@armchain/core'
import { INTAKE_GAP_MS, INTAKE_PARKED_MAX, INTAKE_PARKED_PER_ACCOUNT_MAX } from '../limits.ts'
import type { IntakeResult } from './intake.ts'

/** A transaction ahead of its nonce; `settle` answers whoever sent it. */
export type Parked = {
  readonly prepared: PreparedTransaction
  readonly settle: (result: IntakeResult) => void
  /** What becomes of it, for whoever sends the same again meanwhile. */
  readonly outcome: Promise<IntakeResult>
}

/**
 * Transactions that wait a moment for one before them, by account and nonce: finding the next one costs the same however
 * many there are.
 */
export class ParkedTransactions {
  readonly #accounts: Map<string, Map<number, Parked>> = new Map()
  #count = 0

  get size(): number {
    return this.#count
  }

  /** Resolves to what becomes of it; to `gap` after a while, or at once where there is no room. */
  park(prepared: PreparedTransaction, gap: IntakeResult): IntakeResult | Promise<IntakeResult> {
    const key = accountKey(prepared)
    const own = this.#accounts.get(key) ?? new Map<number, Parked>()
    const { nonce } = prepared.tx
    const other = own.get(nonce)
    if (other !== undefined) return equalBytes(other.prepared.id, prepared.id) ? other.outcome : gap
    if (this.#count >= INTAKE_PARKED_MAX || own.size >= INTAKE_PARKED_PER_ACCOUNT_MAX) return gap
    const { promise: outcome, resolve } = Promise.withResolvers<IntakeResult>()
    const timer = setTimeout(() => {
      this.#remove(key, nonce)
      resolve(gap)
    }, INTAKE_GAP_MS)
    const settle = (result: IntakeResult): void => {
      clearTimeout(timer)
      resolve(result)
    }
    this.#count++
    this.#accounts.set(key, own.set(nonce, { prepared, settle, outcome }))
    return outcome
  }

  /** Takes out what waits with a nonce of the sender of `like`. */
  take(like: PreparedTransaction, nonce: number): Parked | undefined {
    return this.#remove(accountKey(like), nonce)
  }

  /** Refuses all that waits. */
  close(): void {
    for (const own of this.#accounts.values()) for (const { settle } of own.values()) settle(CLOSED)
    this.#accounts.clear()
    this.#count = 0
  }

  #remove(key: string, nonce: number): Parked | undefined {
    const own = this.#accounts.get(key)
    const parked = own?.get(nonce)
    if (own === undefined || parked === undefined) return undefined
    this.#count--
    own.delete(nonce)
    if (own.size === 0) this.#accounts.delete(key)
    return parked
  }
}

const CLOSED: IntakeResult = {
  ok: false,
  code: 'ARM_TX_NONCE_GAP',
  message: 'transactions before this one are missing',
}

function accountKey({ account, tx }: PreparedTransaction): string {
  return `${tx.vShard}:${toHex(account)}`
}
