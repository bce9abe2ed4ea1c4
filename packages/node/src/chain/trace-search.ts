import { headCodec, type Message, messageCodec, type ShardKey } from '@armchain/core'
import type { NodeParts } from './node-parts.ts'
import type { StoredBlock, StoredReceipts } from './stored-block.ts'
import type { Anchored } from './trace-index.ts'

/**
 * Where a block was anchored and its messages delivered. The index knows the blocks that this process has made or
 * replayed; those before a snapshot are searched for in history: an anchor follows the block within a few main-shard
 * blocks, and a delivery the first block of its destination that has seen the anchor.
 */

export type Sent = { readonly destination: ShardKey; readonly seq: number }
export type Delivered = {
  readonly block: StoredBlock
  readonly message: Message
  readonly bytes: Uint8Array
  readonly receipt: Uint8Array
}

/** Blocks that one search reads: further away, a delivery is not found, and its trace says that it is not done. */
const SEARCH_BLOCKS_MAX = 256

/** The main-shard block that anchored a vShard's block; undefined while there is none. */
export async function findAnchor(
  { host, history, anchoredHeight, publishedHeight }: NodeParts,
  { vShard, height, details }: StoredReceipts,
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
  source: StoredReceipts,
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

/** The messages of one import follow each other, and their receipts stand in the same order, before those of transactions. */
function deliveryIn(block: StoredBlock, source: number, seq: number): Delivered | undefined {
  const { imports } = block.body
  const messageCount = imports.reduce((sum, { messages }) => sum + messages.length, 0)
  let index = block.receipts.length - block.ids.length - messageCount
  for (const item of imports) {
    const [first] = item.messages
    const at = item.source.vShard === source && first ? seq - messageCodec.decode(first).seq : -1
    const bytes = item.messages[at]
    const receipt = block.receipts[index + at]
    if (bytes !== undefined && receipt !== undefined)
      return { block, message: messageCodec.decode(bytes), bytes, receipt }
    index += item.messages.length
  }
  return undefined
}
