import { equalBytes, type PreparedTransaction } from '@armchain/core'

type Waiting = PreparedTransaction | PreparedTransaction[]

/**
 * Transactions that wait in pools, by id. Each is put in and taken out once in its life, so it is found by a small whole
 * number made of its id: text made for the purpose, or a number that needs memory of its own, would cost more than all
 * else that is done here. The number depends on chance, so that nobody can make many ids that share one.
 */
export class PendingTransactions {
  readonly #secret: Uint32Array = crypto.getRandomValues(new Uint32Array(4))
  /** A list only where several ids share a number. */
  readonly #byNumber: Map<number, Waiting> = new Map()

  set(prepared: PreparedTransaction): void {
    const number = this.#number(prepared.id)
    const same = this.#byNumber.get(number)
    if (same === undefined) this.#byNumber.set(number, prepared)
    else if (find(same, prepared.id) === undefined) this.#byNumber.set(number, [same, prepared].flat())
  }

  get(id: Uint8Array): PreparedTransaction | undefined {
    const same = this.#byNumber.get(this.#number(id))
    return same === undefined ? undefined : find(same, id)
  }

  delete(id: Uint8Array): void {
    const number = this.#number(id)
    const same = this.#byNumber.get(number)
    if (same === undefined) return
    const rest = Array.isArray(same) ? same.filter((each) => !equalBytes(each.id, id)) : []
    if (rest.length > 0) this.#byNumber.set(number, rest)
    else if (Array.isArray(same) || equalBytes(same.id, id)) this.#byNumber.delete(number)
  }

  clear(): void {
    this.#byNumber.clear()
  }

  /** 30 bits, which the engine holds without memory of their own. */
  #number(id: Uint8Array): number {
    const secret = this.#secret
    const a = Math.imul(wordAt(id, 0) ^ (secret[0] as number), (secret[1] as number) | 1)
    const b = Math.imul(wordAt(id, 4) ^ (secret[2] as number) ^ (a >>> 15), (secret[3] as number) | 1)
    return (a ^ b ^ (b >>> 16)) & 0x3fff_ffff
  }
}

function wordAt(id: Uint8Array, at: number): number {
  return (
    ((id[at] as number) << 24) | ((id[at + 1] as number) << 16) | ((id[at + 2] as number) << 8) | (id[at + 3] as number)
  )
}

function find(waiting: Waiting, id: Uint8Array): PreparedTransaction | undefined {
  if (Array.isArray(waiting)) return waiting.find((each) => equalBytes(each.id, id))
  return equalBytes(waiting.id, id) ? waiting : undefined
}

/**
 * 30 of the first 32 bits, which the engine holds without memory of their own. Ids that were made to share them with one
 * that is waited for cost a look each, and take a billion hashes to make.
 */
export function idPrefix(id: Uint8Array): number {
  return wordAt(id, 0) & 0x3fff_ffff
}
