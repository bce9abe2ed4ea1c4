import { ArmError } from '@armchain/core'
import type { RpcLimits } from '../limits.ts'

/** What one connection has under way, whatever requests it came in. */
export type ConnectionLoad = {
  /** Waits for receipts and the like. */
  waits: number
  /** Requests without an answer. */
  requests: number
}

/**
 * Waits cost memory and no time, so they are limited apart from work: each connection has its own limit, and once all
 * together have reached theirs, a connection may go on as long as it holds less than an even share. So nobody can use
 * up the waits of the others.
 */
export class WaitLimit {
  readonly #limits: Pick<RpcLimits, 'waits' | 'waitsPerConnection'>
  #total = 0
  #owners = 0

  constructor(limits: Pick<RpcLimits, 'waits' | 'waitsPerConnection'>) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  /** Throws `ARM_RPC_BUSY` at the limit. */
  begin(load: ConnectionLoad): void {
    const { waits, waitsPerConnection } = this.#limits
    const owners = this.#owners + (load.waits === 0 ? 1 : 0)
    const limit = this.#total < waits ? waitsPerConnection : Math.min(waitsPerConnection, Math.floor(waits / owners))
    if (load.waits >= limit)
      throw new ArmError('ARM_RPC_BUSY', `this connection waits for ${load.waits} things already`, {
        limit,
        hint: 'wait for fewer at a time, or subscribe to receipts',
      })
    this.#owners = owners
    this.#total++
    load.waits++
  }

  end(load: ConnectionLoad): void {
    this.#total--
    load.waits--
    if (load.waits === 0) this.#owners--
  }
}
