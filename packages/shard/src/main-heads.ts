import type { Tip } from './chain.ts'
import type { MainHead } from './imports.ts'

/** Heads of the final main-shard chain that something may still have to be proved against. */
export class MainHeads {
  readonly #heads: Map<number, MainHead> = new Map()
  #oldest = 0

  constructor(genesis: MainHead) {
    this.#heads.set(0, genesis)
  }

  get(height: number): MainHead | undefined {
    return this.#heads.get(height)
  }

  add(height: number, head: MainHead): void {
    this.#heads.set(height, head)
  }

  dropBelow(height: number): void {
    for (; this.#oldest < height; this.#oldest++) this.#heads.delete(this.#oldest)
  }

  /** Ascending, for a snapshot. */
  store(): readonly (readonly [number, MainHead])[] {
    return [...this.#heads]
  }

  restore(heads: readonly (readonly [number, MainHead])[]): void {
    this.#heads.clear()
    for (const [height, head] of heads) this.#heads.set(height, head)
    this.#oldest = heads[0]?.[0] ?? 0
  }
}

export function mainHeadOf({ hash, head }: Pick<Tip, 'hash' | 'head'>): MainHead {
  return { hash, shardTopsRoot: head.shardTopsRoot, outboxRoot: head.outboxRoot }
}
