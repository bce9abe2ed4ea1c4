import { headCodec, type Message, messageCodec, type ShardKey } from '@armchain/core'
import type { StoredBlock } from './history.ts'
import type { NodeParts } from './node-parts.ts'
import type { Anchored } from './trace-index.ts'

/**
 * Where a block was anchored and its messages delivered. The index knows the blocks that this process has made or
 * replayed; those before a snapshot are searched for in history: an anchor follows the block within a few main-shard
 * blocks, and a delivery the first block of its destination that has seen the anchor.
 */

export type Sent = { readonly destination: ShardKey; readonly seq: number }
export type Delivered = { readonly block: StoredBlock; readonly message: Message; readonly bytes: Uint8Array }

/** Blocks that one search reads: further away, a delivery is not found, and its trace says that it is not done. */
const SEARCH_BLOCKS_MAX = 256

/** The main-shard block that anchored a vShard's block; undefined while there is none. */
export async function findAnchor(
  { host, history, anchoredHeight, publishedHeight }: NodeParts,
  { vShard, height, details }: StoredBlock,
): Promise<Anchored | undefined> {
  const indexed = host.trace.anchored(vShard, height)
  if (indexed !== undefined || height > anchoredHeight(vShard)) return indexed
  const last = Math.min(publishedHeight(0), details.mainHeight + SEARCH_BLOCKS_MAX)
  for (let mainHeight = details.mainHeight + 1; mainHeight <= last; mainHeight++) {
    const main = await history.block(0, mainHeight)
    const heads = main?.body.anchors.map(({ head }) => headCodec.decode(head)) ?? []
    if (main && heads.some((head) => head.shard.vShard === vShard && head.height === height))
      return { mainHeight, timeMs: main.head.timeMs }
  }
  return undefined
}

/** A message as its destination took it; undefined while it has not. */
export async function findDelivery(
  parts: NodeParts,
  source: StoredBlock,
  { destination, seq }: Sent,
): Promise<Delivered | undefined> {
  const { host, history, publishedHeight } = parts
  const indexed = host.trace.delivered(source.head.shard, destination, seq)
  if (indexed !== undefined) {
    const block = await history.block(destination.vShard, indexed.height)
    return block && deliveryIn(block, source.vShard, seq)
  }
  const anchor = source.vShard === 0 ? { mainHeight: source.height } : await findAnchor(parts, source)
  if (anchor === undefined) return undefined
  const first = await firstToSee(parts, destination.vShard, anchor.mainHeight)
  const last = Math.min(publishedHeight(destination.vShard), first + SEARCH_BLOCKS_MAX)
  for (let height = first; height <= last; height++) {
    const block = await history.block(destination.vShard, height)
    const found = block && deliveryIn(block, source.vShard, seq)
    if (found !== undefined) return found
  }
  return undefined
}

/** The lowest height of a vShard whose block has seen a main-shard height. */
async function firstToSee(
  { history, publishedHeight }: NodeParts,
  vShard: number,
  mainHeight: number,
): Promise<number> {
  let low = 1
  let high = publishedHeight(vShard) + 1
  while (low < high) {
    const middle = (low + high) >> 1
    const block = await history.block(vShard, middle)
    if ((block?.details.mainHeight ?? -1) < mainHeight) low = middle + 1
    else high = middle
  }
  return low
}

function deliveryIn(block: StoredBlock, source: number, seq: number): Delivered | undefined {
  for (const item of block.body.imports) {
    if (item.source.vShard !== source) continue
    for (const bytes of item.messages) {
      const message = messageCodec.decode(bytes)
      if (message.seq === seq) return { block, message, bytes }
    }
  }
  return undefined
}
