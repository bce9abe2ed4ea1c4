import { equalBytes, type PreparedTransaction } from '@armchain/core'

type Waiting = PreparedTransaction | PreparedTransaction[]

/**
 * Transactions that wait in pools, by id. Each is put in and taken out once in its life, so it is found by the first
 * bytes of its id as a number: text made for the purpose would cost more than all else that is done here.
 */
export class PendingTransactions {
  /** A list only where several ids begin alike. */
  readonly #byPrefix: Map<number, Waiting> = new Map()

  set(prepared: PreparedTransaction): void {
    const prefix = idPrefix(prepared.id)
    const same = this.#byPrefix.get(prefix)
    if (same === undefined) this.#byPrefix.set(prefix, prepared)
    else if (find(same, prepared.id) === undefined) this.#byPrefix.set(prefix, [same, prepared].flat())
  }

  get(id: Uint8Array): PreparedTransaction | undefined {
    const same = this.#byPrefix.get(idPrefix(id))
    return same === undefined ? undefined : find(same, id)
  }

  delete(id: Uint8Array): void {
    const prefix = idPrefix(id)
    const same = this.#byPrefix.get(prefix)
    if (same === undefined) return
    const rest = Array.isArray(same) ? same.filter((each) => !equalBytes(each.id, id)) : []
    if (rest.length > 0) this.#byPrefix.set(prefix, rest)
    else if (Array.isArray(same) || equalBytes(same.id, id)) this.#byPrefix.delete(prefix)
  }

  clear(): void {
    this.#byPrefix.clear()
  }
}

function find(waiting: Waiting, id: Uint8Array): PreparedTransaction | undefined {
  if (Array.isArray(waiting)) return waiting.find((each) => equalBytes(each.id, id))
  return equalBytes(waiting.id, id) ? waiting : undefined
}

/** The first six bytes: what a number holds exactly. To make many ids that agree in them is out of reach. */
export function idPrefix(id: Uint8Array): number {
  const high = ((id[0] as number) << 16) | ((id[1] as number) << 8) | (id[2] as number)
  return high * 0x100_0000 + (((id[3] as number) << 16) | ((id[4] as number) << 8) | (id[5] as number))
}
