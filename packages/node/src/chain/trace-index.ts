import { formatShardKey, messageCodec, type ShardKey } from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import { TRACE_ENTRIES_MAX } from '../limits.ts'

export type Anchored = { readonly mainHeight: number; readonly timeMs: number }

type Delivery = { readonly firstSeq: number; readonly count: number; readonly height: number; readonly timeMs: number }

/**
 * Where blocks were anchored and messages delivered: what it takes to follow a trace across shards. Rebuilt from the
 * log at start; the oldest entries are forgotten first.
 */
export class TraceIndex {
  readonly #anchored: Map<string, Anchored> = new Map()
  readonly #deliveries: Map<string, Delivery[]> = new Map()

  add({ executed, shard }: SealedBlock): void {
    const { height, head } = executed
    for (const { head: anchored } of executed.anchors) {
      this.#anchored.set(`${anchored.shard.vShard}:${anchored.height}`, { mainHeight: height, timeMs: head.timeMs })
    }
    trim(this.#anchored)
    for (const item of executed.imports) {
      const channel = channelKey(item.source, shard)
      const deliveries = this.#deliveries.get(channel) ?? []
      const last = deliveries.at(-1)
      const firstSeq = seqOf(item.messages[0] as Uint8Array)
      if (last !== undefined && last.firstSeq >= firstSeq) deliveries.length = 0
      deliveries.push({ firstSeq, count: item.messages.length, height, timeMs: head.timeMs })
      if (deliveries.length > TRACE_ENTRIES_MAX) deliveries.splice(0, deliveries.length >> 1)
      this.#deliveries.set(channel, deliveries)
    }
  }

  clear(): void {
    this.#anchored.clear()
    this.#deliveries.clear()
  }

  /** The main-shard block that anchored a block; undefined while it is not, or if it is too long ago. */
  anchored(vShard: number, height: number): Anchored | undefined {
    return this.#anchored.get(`${vShard}:${height}`)
  }

  /** The destination's block that took a message. */
  delivered(
    source: ShardKey,
    destination: ShardKey,
    seq: number,
  ): { readonly height: number; readonly timeMs: number } | undefined {
    return find(this.#deliveries.get(channelKey(source, destination)) ?? [], seq)
  }
}

function seqOf(message: Uint8Array): number {
  return messageCodec.decode(message).seq
}

function channelKey(source: ShardKey, destination: ShardKey): string {
  return `${formatShardKey(source)}>${formatShardKey(destination)}`
}

function trim(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= TRACE_ENTRIES_MAX) return
    map.delete(key)
  }
}

/** The block of ascending sequence numbers that holds `seq`. */
function find<Block extends { readonly firstSeq: number; readonly count: number }>(
  blocks: readonly Block[],
  seq: number,
): Block | undefined {
  let low = 0
  let high = blocks.length
  while (low < high) {
    const middle = (low + high) >> 1
    const { firstSeq, count } = blocks[middle] as Block
    if (firstSeq + count <= seq) low = middle + 1
    else high = middle
  }
  const found = blocks[low]
  return found !== undefined && found.firstSeq <= seq ? found : undefined
}
