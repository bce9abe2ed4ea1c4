import { accountIdOf, formatAddress } from '@armchain/core'
import { ADDRESSES_KEPT } from '../limits.ts'

/** Addresses as text, remembered: to make one costs more than all the rest of a transaction's view. */
export class AddressBook {
  readonly #prefix: string
  readonly #known: Map<string, string> = new Map()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  ofAccount(account: Uint8Array, vShard: number): string {
    return this.#find(`${vShard} ${latin1(account)}`, () => formatAddress({ account, vShard }, this.#prefix))
  }

  ofKey(publicKey: Uint8Array, vShard: number): string {
    const name = `${vShard} key ${latin1(publicKey)}`
    return this.#find(name, () => formatAddress({ account: accountIdOf(publicKey), vShard }, this.#prefix))
  }

  #find(name: string, make: () => string): string {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const address = make()
    if (this.#known.size >= ADDRESSES_KEPT) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(name, address)
    return address
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
