/**
 * Prices of deterministic work in gas, versioned with the rules; never derived from time. The scale: one unit is about
 * the work of one byte hashed and stored, and a signature check is 300.
 */
export const GAS: {
  readonly signature: number
  readonly txByte: number
  readonly accountWrite: number
  readonly entryRead: number
  readonly entryWrite: number
  readonly entryByte: number
  readonly event: number
  readonly eventByte: number
  readonly send: number
  readonly deliver: number
  readonly messageByte: number
} = {
  signature: 300,
  txByte: 1,
  accountWrite: 50,
  entryRead: 20,
  entryWrite: 100,
  entryByte: 1,
  event: 10,
  eventByte: 1,
  /** Includes the work of a bounce that may come back. */
  send: 400,
  /** Delivering a message that only moves value. */
  deliver: 300,
  messageByte: 1,
}

/** Messages between the first transaction and the last: an endless ping-pong would outlive its payer. */
export const MESSAGE_HOPS_MAX = 16
/** Main-shard blocks that a message may take before it bounces, unless the sender says less. */
export const MESSAGE_EXPIRY_BLOCKS = 10_000

export class OutOfGas {
  readonly gas: number
  constructor(gas: number) {
    this.gas = gas
  }
}

/** Counts up to a limit; throws `OutOfGas`, which only the kernel catches. */
export class GasMeter {
  readonly limit: number
  #used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  charge(gas: number): void {
    this.#used += gas
    if (this.#used <= this.limit) return
    this.#used = this.limit
    throw new OutOfGas(gas)
  }
}
