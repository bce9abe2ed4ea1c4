import { equalBytes, type PreparedTransaction } from '@armchain/core'

/**
 * Transactions that wait in pools, by id. Each is put in and taken out once in its life, so it is found by the first
 * bytes of its id as a number: text made for the purpose would cost more than all else that is done here.
 */
export class PendingTransactions {
  readonly #byPrefix: Map<number, PreparedTransaction[]> = new Map()

  set(prepared: PreparedTransaction): void {
    const prefix = idPrefix(prepared.id)
    const same = this.#byPrefix.get(prefix)
    if (same === undefined) this.#byPrefix.set(prefix, [prepared])
    else if (!same.some(({ id }) => equalBytes(id, prepared.id))) same.push(prepared)
  }

  get(id: Uint8Array): PreparedTransaction | undefined {
    return this.#byPrefix.get(idPrefix(id))?.find((each) => equalBytes(each.id, id))
  }

  delete(id: Uint8Array): void {
    const prefix = idPrefix(id)
    const same = this.#byPrefix.get(prefix)
    const at = same?.findIndex((each) => equalBytes(each.id, id)) ?? -1
    if (same === undefined || at < 0) return
    if (same.length === 1) this.#byPrefix.delete(prefix)
    else same.splice(at, 1)
  }

  clear(): void {
    this.#byPrefix.clear()
  }
}

/** The first six bytes: what a number holds exactly. To make many ids that agree in them is out of reach. */
export function idPrefix(id: Uint8Array): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = id
  return a * 0x100_0000_0000 + b * 0x1_0000_0000 + (c * 0x100_0000 + ((d << 16) | (e << 8) | f))
}
