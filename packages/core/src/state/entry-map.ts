import { utf8 } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { grownCapacity, type KeyStore, SparseTree, type TreeProof } from './sparse-tree.ts'

/** Named values of one owner (an account, or the shard itself), with a tree over them: path SHA-256(key), value SHA-256(value). */
export class EntryMap {
  readonly #values: Map<string, { readonly slot: number; value: Uint8Array }> = new Map()
  readonly #names: string[] = []
  readonly #free: number[] = []
  readonly #keys: KeyStore = { bytes: new Uint8Array(32 * 4) }
  readonly #tree: SparseTree = new SparseTree(this.#keys)

  get size(): number {
    return this.#values.size
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)?.value
  }

  /** Keys in ascending order of their UTF-16 code units. */
  keys(): string[] {
    return [...this.#values.keys()].sort(byCodeUnits)
  }

  set(key: string, value: Uint8Array | undefined): void {
    const entry = this.#values.get(key)
    if (value === undefined) {
      if (entry === undefined) return
      this.#tree.delete(entry.slot)
      this.#values.delete(key)
      this.#free.push(entry.slot)
      return
    }
    const slot = entry?.slot ?? this.#newSlot(key)
    if (entry === undefined) this.#values.set(key, { slot, value })
    else entry.value = value
    this.#tree.setMany([slot], sha256(value), 1)
  }

  root(): Uint8Array {
    return this.#tree.root()
  }

  prove(key: string): TreeProof {
    return this.#tree.prove(entryPath(key), (slot) => sha256(this.get(this.#names[slot] as string) as Uint8Array))
  }

  #newSlot(key: string): number {
    const slot = this.#free.pop() ?? this.#names.length
    this.#names[slot] = key
    if (32 * slot >= this.#keys.bytes.length) {
      const bytes = new Uint8Array(32 * grownCapacity(slot))
      bytes.set(this.#keys.bytes)
      this.#keys.bytes = bytes
    }
    this.#keys.bytes.set(entryPath(key), 32 * slot)
    return slot
  }
}

export function entryPath(key: string): Uint8Array {
  return sha256(utf8(key))
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
