import { ArmError, fromHex, type Refusal, toHex } from '@armchain/core'
import { idPrefix } from './pending.ts'
import { withHint } from './refusal-hints.ts'

type Wait = { readonly told: Promise<void>; readonly leave: () => void }
type Waiter = { readonly resolve: () => void; readonly reject: (error: Error) => void }

export type WaitOptions = {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Gives up the caller's place among those that work while it waits. */
  readonly wait: (told: Promise<void>) => Promise<void>
}

/** What is waited for besides transactions has other names. */
const TRANSACTION_ID = /^[0-9a-f]{64}$/

/** Callers that wait for a transaction to be in a durable block, and for what ends their wait. */
export class Waiters {
  readonly #waiting: Map<string, Set<Waiter>> = new Map()
  /** How many ids of transactions that are waited for begin with each prefix. */
  readonly #prefixes: Map<number, number> = new Map()

  get any(): boolean {
    return this.#waiting.size > 0
  }

  /**
   * What `look` finds, looking again each time the id is told of; rejects with what dropped it, on abort, or after
   * `timeoutMs`. It listens before it looks: what happens during a look that finds nothing is not missed.
   */
  async until<Found>(
    id: string,
    { timeoutMs, signal, wait }: WaitOptions,
    look: () => Promise<Found | undefined>,
  ): Promise<Found> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const { told, leave } = this.#listen(id, Math.max(1, deadline - performance.now()), signal)
      try {
        const found = await look()
        if (found !== undefined) return found
        await wait(told)
      } finally {
        leave()
      }
    }
  }

  /** The same for a transaction, where text is made of its id only if somebody may be waiting for it. */
  tellTransaction(id: Uint8Array): void {
    if (this.#prefixes.has(idPrefix(id))) this.tell(toHex(id))
  }

  tell(id: string): void {
    for (const waiter of [...(this.#waiting.get(id) ?? [])]) waiter.resolve()
  }

  /** Ends all waits with the same refusal. */
  dropAll(reason: Refusal): void {
    for (const id of [...this.#waiting.keys()]) this.drop(id, reason)
  }

  drop(id: string, refusal: Refusal): void {
    const { code, message, data } = withHint(refusal)
    for (const waiter of [...(this.#waiting.get(id) ?? [])])
      waiter.reject(new ArmError(code, message, { ...data, txId: id }))
  }

  #listen(id: string, timeoutMs: number, signal: AbortSignal): Wait {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // It may be told before anyone awaits it.
    promise.catch(() => undefined)
    const waiter: Waiter = { resolve, reject }
    const expired = (): ArmError =>
      new ArmError('ARM_RPC_TIMEOUT', 'the transaction is not in a durable block yet', {
        txId: id,
        timeoutMs: Math.round(timeoutMs),
        hint: 'wait longer, or look for it with arm_getTransaction',
      })
    const timer = setTimeout(() => reject(expired()), timeoutMs)
    const aborted = (): void => reject(new ArmError('ARM_RPC_CLOSED', 'the wait was ended', { txId: id }))
    if (signal.aborted) aborted()
    signal.addEventListener('abort', aborted, { once: true })
    const others = this.#waiting.get(id)
    if (others === undefined) this.#expect(id, 1)
    this.#waiting.set(id, (others ?? new Set()).add(waiter))
    const leave = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
      const set = this.#waiting.get(id)
      set?.delete(waiter)
      if (set?.size !== 0 || !this.#waiting.delete(id)) return
      this.#expect(id, -1)
    }
    return { told: promise, leave }
  }

  #expect(id: string, change: 1 | -1): void {
    if (!TRANSACTION_ID.test(id)) return
    const prefix = idPrefix(fromHex(id))
    const count = (this.#prefixes.get(prefix) ?? 0) + change
    if (count > 0) this.#prefixes.set(prefix, count)
    else this.#prefixes.delete(prefix)
  }
}
