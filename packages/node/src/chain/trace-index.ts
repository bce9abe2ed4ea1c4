import { formatShardKey, messageCodec, type ShardKey } from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import { TRACE_ENTRIES_MAX } from '../limits.ts'

export type Anchored = { readonly mainHeight: number; readonly timeMs: number }

/** A run of ascending sequence numbers of one channel. */
type Run = { readonly firstSeq: number; readonly count: number }
type Delivery = Run & { readonly height: number; readonly timeMs: number }

/**
 * Where blocks were anchored and messages delivered: what it takes to follow a trace across shards. Rebuilt from the
 * log at start; bounded over all channels together, and the oldest entries are forgotten first.
 */
export class TraceIndex {
  readonly #entriesMax: number
  readonly #anchored: Map<string, Anchored> = new Map()
  readonly #deliveries: Runs<Delivery>

  constructor(entriesMax: number = TRACE_ENTRIES_MAX) {
    this.#entriesMax = entriesMax
    this.#deliveries = new Runs(entriesMax)
  }

  add({ executed, shard }: SealedBlock): void {
    const { height, head } = executed
    for (const { head: anchored } of executed.anchors)
      this.#anchored.set(`${anchored.shard.vShard}:${anchored.height}`, { mainHeight: height, timeMs: head.timeMs })
    for (const key of this.#anchored.keys()) {
      if (this.#anchored.size <= this.#entriesMax) break
      this.#anchored.delete(key)
    }
    for (const item of executed.imports) {
      const firstSeq = messageCodec.decode(item.messages[0] as Uint8Array).seq
      const delivery = { firstSeq, count: item.messages.length, height, timeMs: head.timeMs }
      this.#deliveries.push(channelKey(item.source, shard), delivery)
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
    return this.#deliveries.find(channelKey(source, destination), seq)
  }
}

/** Runs by channel, ascending; once there are too many, an eighth of them is forgotten, the oldest of all channels. */
class Runs<Item extends Run> {
  readonly #max: number
  readonly #channels: Map<string, Item[]> = new Map()
  /** Channels in the order of their runs. */
  #order: string[] = []

  constructor(max: number) {
    this.#max = max
  }

  push(channel: string, item: Item): void {
    const items = this.#channels.get(channel) ?? []
    items.push(item)
    this.#channels.set(channel, items)
    this.#order.push(channel)
    if (this.#order.length > this.#max) this.#forget()
  }

  /** The run that holds `seq`. */
  find(channel: string, seq: number): Item | undefined {
    const items = this.#channels.get(channel) ?? []
    let low = 0
    let high = items.length
    while (low < high) {
      const middle = (low + high) >> 1
      const { firstSeq, count } = items[middle] as Item
      if (firstSeq + count <= seq) low = middle + 1
      else high = middle
    }
    const found = items[low]
    return found !== undefined && found.firstSeq <= seq ? found : undefined
  }

  clear(): void {
    this.#channels.clear()
    this.#order = []
  }

  #forget(): void {
    const gone = new Map<string, number>()
    const oldest = this.#order.length - Math.floor(this.#max * (7 / 8))
    for (const channel of this.#order.slice(0, oldest)) gone.set(channel, (gone.get(channel) ?? 0) + 1)
    this.#order.splice(0, oldest)
    for (const [channel, count] of gone) {
      const items = this.#channels.get(channel)
      items?.splice(0, count)
      if (items?.length === 0) this.#channels.delete(channel)
    }
  }
}

function channelKey(source: ShardKey, destination: ShardKey): string {
  return `${formatShardKey(source)}>${formatShardKey(destination)}`
}
