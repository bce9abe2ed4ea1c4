import { ArmError, type Refusal } from '@armchain/core'

type Waiter = { readonly resolve: () => void; readonly reject: (error: Error) => void }

/** Callers that wait for a transaction to be in a durable block, and for what ends their wait. */
export class Waiters {
  readonly #waiting: Map<string, Set<Waiter>> = new Map()

  get any(): boolean {
    return this.#waiting.size > 0
  }

  /** Resolves when the id is told of; rejects with what dropped it, on abort, or after `timeoutMs`. */
  wait(id: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', aborted)
        const set = this.#waiting.get(id)
        set?.delete(waiter)
        if (set?.size === 0) this.#waiting.delete(id)
        settle()
      }
      const waiter: Waiter = { resolve: () => finish(resolve), reject: (error) => finish(() => reject(error)) }
      const expired = new ArmError('ARM_RPC_TIMEOUT', 'the transaction is not in a durable block yet', {
        txId: id,
        timeoutMs,
        hint: 'wait longer, or look for it with arm_getTransaction',
      })
      const timer = setTimeout(() => waiter.reject(expired), timeoutMs)
      const aborted = (): void => waiter.reject(new ArmError('ARM_RPC_CLOSED', 'the wait was ended', { txId: id }))
      signal.addEventListener('abort', aborted, { once: true })
      this.#waiting.set(id, (this.#waiting.get(id) ?? new Set()).add(waiter))
    })
  }

  tell(id: string): void {
    for (const waiter of [...(this.#waiting.get(id) ?? [])]) waiter.resolve()
  }

  drop(id: string, { code, message, data }: Refusal): void {
    for (const waiter of [...(this.#waiting.get(id) ?? [])])
      waiter.reject(new ArmError(code, message, { ...data, txId: id }))
  }
}
