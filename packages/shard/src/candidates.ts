import { invariant, type ShardState, toHex, type Writes } from '@armchain/core'
import type { ExecutedBlock } from './chain.ts'

/**
 * Blocks that are executed and not final: a tree above the tip. The state stands at the tip or at one of them, and
 * moving takes writes back, or makes them again; no block is executed twice.
 */
export class Candidates {
  readonly #state: ShardState
  readonly #blocks: Map<string, Candidate> = new Map()
  /** Those whose writes are in the state, from the tip's child up. */
  readonly #path: Candidate[] = []

  constructor(state: ShardState) {
    this.#state = state
  }

  /** Where the state stands; undefined at the tip. */
  get top(): ExecutedBlock | undefined {
    return this.#path.at(-1)?.executed
  }

  get size(): number {
    return this.#blocks.size
  }

  get(hash: Uint8Array): ExecutedBlock | undefined {
    return this.#blocks.get(toHex(hash))?.executed
  }

  /** The block of a height below the place where the state stands, that one included. */
  at(height: number): ExecutedBlock | undefined {
    return this.#path.find(({ executed }) => executed.height === height)?.executed
  }

  /** A block that was executed on the state as it stands, and whose writes are in it. */
  add(executed: ExecutedBlock): void {
    const name = toHex(executed.hash)
    invariant(!this.#blocks.has(name), 'a block is executed once')
    const candidate = { executed, name, parent: toHex(parentOf(executed)), writes: executed.undo }
    this.#blocks.set(name, candidate)
    this.#path.push(candidate)
  }

  /** Puts the state at a block; at the tip for its hash. False, and nothing has moved, if it is neither. */
  moveTo(hash: Uint8Array, tipHash: Uint8Array): boolean {
    const path = this.#pathTo(toHex(hash), toHex(tipHash))
    if (path === undefined) return false
    let common = 0
    while (common < path.length && this.#path[common] === path[common]) common++
    this.#cut(common)
    for (const candidate of path.slice(common)) {
      candidate.writes = this.#state.apply(candidate.writes)
      this.#path.push(candidate)
    }
    return true
  }

  /** Forgets a block and all that stands on it. */
  remove(hash: Uint8Array): void {
    const candidate = this.#blocks.get(toHex(hash))
    if (candidate === undefined) return
    const at = this.#path.indexOf(candidate)
    if (at >= 0) this.#cut(at)
    this.#forget(candidate)
  }

  /** A block above the tip has become the tip, and the state stands there: all that is not above it is forgotten. */
  settle(hash: Uint8Array): void {
    const name = toHex(hash)
    const first = this.#path.shift()
    invariant(first?.name === name && this.#path.length === 0, 'the state stands at the block that becomes the tip')
    this.#blocks.delete(name)
    for (const candidate of [...this.#blocks.values()]) {
      const base = this.#pathTo(candidate.name, name)
      if (base === undefined) this.#blocks.delete(candidate.name)
    }
  }

  #cut(length: number): void {
    while (this.#path.length > length) {
      const last = this.#path.pop() as Candidate
      last.writes = this.#state.apply(last.writes)
    }
  }

  #forget(candidate: Candidate): void {
    this.#blocks.delete(candidate.name)
    for (const each of [...this.#blocks.values()]) if (each.parent === candidate.name) this.#forget(each)
  }

  /** From the tip's child to the block; undefined if that does not stand on the tip. */
  #pathTo(name: string, tip: string): Candidate[] | undefined {
    const path: Candidate[] = []
    for (let at = name; at !== tip; ) {
      const candidate = this.#blocks.get(at)
      if (candidate === undefined) return undefined
      path.push(candidate)
      at = candidate.parent
    }
    return path.reverse()
  }
}

type Candidate = {
  readonly executed: ExecutedBlock
  readonly name: string
  readonly parent: string
  /** Those that take the block back while it is in the state, else those that bring it. */
  writes: Writes
}

export function parentOf({ details }: ExecutedBlock): Uint8Array {
  const [parent] = details.previous
  invariant(parent !== undefined, 'a block has a parent')
  return parent
}
