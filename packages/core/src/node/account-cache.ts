/** Slots at first; they double while there is room. */
const SLOTS_MIN = 1_024
const EMPTY = 0
const GOOD = 1
const BAD = 2

/** The account id of a key (32 bytes of each); undefined for a key that may not own an account. */
export type NameKey = (key: Uint8Array) => Uint8Array | undefined

/**
 * Account ids of keys that have been seen, in flat tables: a key is checked and hashed once. It forgets everything when
 * it has `keysMax` keys.
 *
 * Where a key goes depends on `secret`, four words of chance, so that nobody can make keys that all go to one place.
 */
export class AccountCache {
  readonly #name: NameKey
  readonly #keysMax: number
  readonly #secret: Uint32Array
  #keys: Uint8Array = new Uint8Array(32 * SLOTS_MIN)
  #accounts: Uint8Array = new Uint8Array(32 * SLOTS_MIN)
  #kinds: Uint8Array = new Uint8Array(SLOTS_MIN)
  #count = 0

  constructor(name: NameKey, { keysMax, secret }: { readonly keysMax: number; readonly secret: Uint32Array }) {
    this.#name = name
    this.#keysMax = keysMax
    this.#secret = secret
  }

  /** Writes the account of the key at `at` in `data` to `out`, 32 bytes from `to`; false, and nothing written, if it may own none. */
  write(data: Uint8Array, at: number, out: Uint8Array, to: number): boolean {
    let slot = this.#slot(data, at)
    if (this.#kinds[slot] === EMPTY) slot = this.#add(data, at)
    if (this.#kinds[slot] === BAD) return false
    copy32(this.#accounts, 32 * slot, out, to)
    return true
  }

  #add(data: Uint8Array, at: number): number {
    if (this.#count >= this.#keysMax) {
      this.#kinds.fill(EMPTY)
      this.#count = 0
    } else if (2 * this.#count >= this.#kinds.length) this.#grow()
    const key = data.slice(at, at + 32)
    const account = this.#name(key)
    const slot = this.#slot(key, 0)
    this.#keys.set(key, 32 * slot)
    if (account !== undefined) this.#accounts.set(account, 32 * slot)
    this.#kinds[slot] = account === undefined ? BAD : GOOD
    this.#count++
    return slot
  }

  /** Where the key stands, or would stand. */
  #slot(data: Uint8Array, at: number): number {
    const kinds = this.#kinds
    const mask = kinds.length - 1
    for (let slot = this.#hash(data, at) & mask; ; slot = (slot + 1) & mask)
      if (kinds[slot] === EMPTY || same32(this.#keys, 32 * slot, data, at)) return slot
  }

  #hash(data: Uint8Array, at: number): number {
    const secret = this.#secret
    const a = Math.imul(wordAt(data, at) ^ (secret[0] as number), (secret[1] as number) | 1)
    const b = Math.imul(wordAt(data, at + 4) ^ (secret[2] as number) ^ (a >>> 15), (secret[3] as number) | 1)
    return (a ^ b ^ (b >>> 16)) >>> 0
  }

  #grow(): void {
    const [keys, accounts, kinds] = [this.#keys, this.#accounts, this.#kinds]
    this.#keys = new Uint8Array(2 * keys.length)
    this.#accounts = new Uint8Array(2 * accounts.length)
    this.#kinds = new Uint8Array(2 * kinds.length)
    for (let old = 0; old < kinds.length; old++) {
      if (kinds[old] === EMPTY) continue
      const slot = this.#slot(keys, 32 * old)
      copy32(keys, 32 * old, this.#keys, 32 * slot)
      copy32(accounts, 32 * old, this.#accounts, 32 * slot)
      this.#kinds[slot] = kinds[old] as number
    }
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  )
}

function copy32(from: Uint8Array, start: number, to: Uint8Array, at: number): void {
  for (let i = 0; i < 32; i++) to[at + i] = from[start + i] as number
}

function same32(a: Uint8Array, start: number, b: Uint8Array, at: number): boolean {
  for (let i = 0; i < 32; i++) if (a[start + i] !== b[at + i]) return false
  return true
}
