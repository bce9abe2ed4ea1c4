import type { FinalBlock } from './chain-model.ts'
import type { Random } from './random.ts'

export type DiskOperation =
  | { readonly type: 'record'; readonly record: Uint8Array }
  | { readonly type: 'checkpoint'; readonly records: readonly Uint8Array[] }
  | { readonly type: 'final'; readonly block: FinalBlock }

/** A disk that keeps what is synced and, of what is not, any number of the first writes. */
export class TestDisk {
  records: Uint8Array[] = []
  readonly finals: FinalBlock[] = []
  #unsynced: DiskOperation[] = []
  readonly #onFinal: (block: FinalBlock) => void

  /** `onFinal` is told of each final block once it is durable: only then may anyone see it. */
  constructor(onFinal: (block: FinalBlock) => void) {
    this.#onFinal = onFinal
  }

  write(operation: DiskOperation): void {
    this.#unsynced.push(operation)
  }

  sync(): void {
    for (const operation of this.#unsynced) this.#keep(operation)
    this.#unsynced = []
  }

  /** The power goes: what was not synced may be there or not, the first of it before the last. */
  crash(random: Random): void {
    const kept = random.below(this.#unsynced.length + 1)
    for (const operation of this.#unsynced.slice(0, kept)) this.#keep(operation)
    this.#unsynced = []
  }

  #keep(operation: DiskOperation): void {
    if (operation.type === 'record') this.records.push(operation.record)
    else if (operation.type === 'checkpoint') this.records = [...operation.records]
    else {
      this.finals.push(operation.block)
      this.#onFinal(operation.block)
    }
  }
}
