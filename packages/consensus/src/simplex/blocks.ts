import { equalBytes, headHash } from '@armchain/core'
import { linkOf } from '../statement.ts'
import type { SentBlock } from './messages.ts'

/** A block in one view. The same head proposed again in a later view is another block with the same hash. */
export type Block = SentBlock & {
  readonly link: Uint8Array
  readonly headHash: Uint8Array
  /** In the engine's records. */
  stored: boolean
  /** The shell has been asked about it, so it is told when it is dead. */
  told: boolean
}

/** `names`: what the block is called, where that is known already. */
export function createBlock(
  { view, height, parentLink, head, payload }: SentBlock,
  names: Pick<Block, 'headHash' | 'link'> = namesOf({ view, height, parentLink, head }),
): Block {
  const { headHash: hash, link } = names
  return { view, height, parentLink, head, payload, link, headHash: hash, stored: false, told: false }
}

function namesOf({ view, height, parentLink, head }: Omit<SentBlock, 'payload'>): Pick<Block, 'headHash' | 'link'> {
  const hash = headHash(head)
  return { headHash: hash, link: linkOf(parentLink, view, height, hash) }
}

/** Blocks by link. Keyed by six bytes as a number, with the whole link compared: no text is made to look one up. */
export class BlockIndex {
  readonly #buckets: Map<number, Block[]> = new Map()

  get(link: Uint8Array): Block | undefined {
    return this.#buckets.get(keyOf(link))?.find((block) => equalBytes(block.link, link))
  }

  add(block: Block): void {
    const key = keyOf(block.link)
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) this.#buckets.set(key, [block])
    else bucket.push(block)
  }

  delete(block: Block): void {
    const key = keyOf(block.link)
    const rest = this.#buckets.get(key)?.filter((each) => each !== block) ?? []
    if (rest.length === 0) this.#buckets.delete(key)
    else this.#buckets.set(key, rest)
  }
}

function keyOf(link: Uint8Array): number {
  let key = 0
  for (let i = 0; i < 6; i++) key = key * 256 + (link[i] as number)
  return key
}
