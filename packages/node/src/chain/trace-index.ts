import { formatShardKey, messageCodec, type ShardKey } from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import { TRACE_ENTRIES_MAX, TRACE_SENT_BYTES_MAX } from '../limits.ts'

export type Anchored = { readonly mainHeight: number; readonly timeMs: number }
export type TraceLimits = { readonly entries: number; readonly sentBytes: number }

/** A run of ascending sequence numbers of one channel. */
type Run = { readonly firstSeq: number; readonly count: number; readonly weight: number }
type Sent = Run & { readonly messages: readonly Uint8Array[] }
type Delivery = Run & { readonly height: number; readonly timeMs: number }

/** Of a message beside its bytes. */
const MESSAGE_OVERHEAD_BYTES = 128

/**
 * Where blocks were anchored and messages delivered: what it takes to follow a trace across shards. Rebuilt from the
 * log at start; bounded over all channels together, and the oldest entries are forgotten first.
 */
export class TraceIndex {
  readonly #entriesMax: number
  readonly #anchored: Map<string, Anchored> = new Map()
  readonly #deliveries: Runs<Delivery>
  /** Weighed in bytes: a message may be a thousand times as large as another. */
  readonly #sent: Runs<Sent>

  constructor({ entries, sentBytes }: TraceLimits = { entries: TRACE_ENTRIES_MAX, sentBytes: TRACE_SENT_BYTES_MAX }) {
    this.#entriesMax = entries
    this.#deliveries = new Runs(entries)
    this.#sent = new Runs(sentBytes)
  }

  /** Bytes of messages that are kept for receipts to show. */
  get sentBytes(): number {
    return this.#sent.weight
  }

  add({ executed, shard }: SealedBlock): void {
    const { height, head } = executed
    for (const { batch, messages } of executed.outbox.batches) {
      const weight = messages.reduce((sum, { length }) => sum + length + MESSAGE_OVERHEAD_BYTES, 0)
      const { firstSeq, count } = batch
      this.#sent.push(channelKey(shard, batch.destination), { firstSeq, count, weight, messages })
    }
    for (const { head: anchored } of executed.anchors)
      this.#anchored.set(`${anchored.shard.vShard}:${anchored.height}`, { mainHeight: height, timeMs: head.timeMs })
    for (const key of this.#anchored.keys()) {
      if (this.#anchored.size <= this.#entriesMax) break
      this.#anchored.delete(key)
    }
    for (const item of executed.imports) {
      const firstSeq = messageCodec.decode(item.messages[0] as Uint8Array).seq
      const delivery = { firstSeq, count: item.messages.length, weight: 1, height, timeMs: head.timeMs }
      this.#deliveries.push(channelKey(item.source, shard), delivery)
    }
  }

  clear(): void {
    this.#anchored.clear()
    this.#deliveries.clear()
    this.#sent.clear()
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

  /** A message that was sent not too long ago. */
  sent(source: ShardKey, destination: ShardKey, seq: number): Uint8Array | undefined {
    const block = this.#sent.find(channelKey(source, destination), seq)
    return block?.messages[seq - block.firstSeq]
  }
}

/** Runs by channel, ascending; once they weigh too much, an eighth of them is forgotten, the oldest of all channels. */
class Runs<Item extends Run> {
  readonly #weightMax: number
  readonly #channels: Map<string, Item[]> = new Map()
  /** Channels in the order of their runs. */
  #order: string[] = []
  #weight = 0

  constructor(weightMax: number) {
    this.#weightMax = weightMax
  }

  get weight(): number {
    return this.#weight
  }

  push(channel: string, item: Item): void {
    const items = this.#channels.get(channel) ?? []
    items.push(item)
    this.#channels.set(channel, items)
    this.#order.push(channel)
    this.#weight += item.weight
    if (this.#weight > this.#weightMax) this.#forget()
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
    this.#weight = 0
  }

  #forget(): void {
    const gone = new Map<string, number>()
    let oldest = 0
    for (; oldest < this.#order.length && this.#weight > this.#weightMax * (7 / 8); oldest++) {
      const channel = this.#order[oldest] as string
      const at = gone.get(channel) ?? 0
      this.#weight -= this.#channels.get(channel)?.[at]?.weight ?? 0
      gone.set(channel, at + 1)
    }
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
