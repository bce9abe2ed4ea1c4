import { ArmError, type Refusal } from '@armchain/core'

type Waiter = { readonly resolve: () => void; readonly reject: (error: Error) => void }

export type Watch = { readonly told: Promise<void>; readonly end: () => void }

/** Callers that wait for a transaction to be in a durable block, and for what ends their wait. */
export class Waiters {
  readonly #waiting: Map<string, Set<Waiter>> = new Map()

  get any(): boolean {
    return this.#waiting.size > 0
  }

  /** Listens from now on: `told` resolves when the id is told of, and rejects with what dropped it, on abort, or after `timeoutMs`. */
  watch(id: string, timeoutMs: number, signal: AbortSignal): Watch {
    const { promise: told, resolve, reject } = Promise.withResolvers<void>()
    // Whoever ends a watch without waiting does not hear what became of it.
    told.catch(() => undefined)
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
      const set = this.#waiting.get(id)
      set?.delete(waiter)
      if (set?.size === 0) this.#waiting.delete(id)
    }
    const finish = (settle: () => void): void => {
      end()
      settle()
    }
    const waiter: Waiter = { resolve: () => finish(resolve), reject: (error) => finish(() => reject(error)) }
    const expired = (): ArmError =>
      new ArmError('ARM_RPC_TIMEOUT', 'the transaction is not in a durable block yet', {
        txId: id,
        timeoutMs,
        hint: 'wait longer, or look for it with arm_getTransaction',
      })
    const timer = setTimeout(() => waiter.reject(expired()), timeoutMs)
    const aborted = (): void => waiter.reject(new ArmError('ARM_RPC_CLOSED', 'the wait was ended', { txId: id }))
    signal.addEventListener('abort', aborted, { once: true })
    this.#waiting.set(id, (this.#waiting.get(id) ?? new Set()).add(waiter))
    if (signal.aborted) aborted()
    return { told, end }
  }

  tell(id: string): void {
    for (const waiter of [...(this.#waiting.get(id) ?? [])]) waiter.resolve()
  }

  /** Ends all waits with the same refusal. */
  dropAll(reason: Refusal): void {
    for (const id of [...this.#waiting.keys()]) this.drop(id, reason)
  }

  drop(id: string, { code, message, data }: Refusal): void {
    for (const waiter of [...(this.#waiting.get(id) ?? [])])
      waiter.reject(new ArmError(code, message, { ...data, txId: id }))
  }
}
