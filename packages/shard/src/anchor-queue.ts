import { type Anchor, formatShardKey, headCodec, type ShardKey } from '@armchain/core'
import { ANCHORS_PER_BLOCK } from './limits.ts'

/** A finalised vShard block that the main shard has yet to anchor. */
export type Unanchored = {
  readonly height: number
  readonly anchor: Anchor
  /** Main-shard height that it has seen. */
  readonly mainHeight: number
}

/** Finalised vShard blocks on their way into the main shard, by shard, oldest first. */
export class AnchorQueue {
  readonly #lists: Map<string, { readonly shard: ShardKey; readonly items: Unanchored[] }> = new Map()
  /** Shards whose next head does not hold: none of theirs is offered until someone decides. */
  readonly #frozen: Set<string> = new Set()

  add(shard: ShardKey, item: Unanchored): void {
    const key = formatShardKey(shard)
    const list = this.#lists.get(key)
    if (list === undefined) this.#lists.set(key, { shard, items: [item] })
    else list.items.push(item)
  }

  /** The main shard has anchored a shard up to a height. */
  anchored(shard: ShardKey, height: number): void {
    const items = this.#lists.get(formatShardKey(shard))?.items
    while (items?.[0] !== undefined && items[0].height <= height) items.shift()
  }

  freeze(shard: ShardKey): void {
    this.#frozen.add(formatShardKey(shard))
  }

  /** True if a block of a shard waits. */
  get waiting(): boolean {
    return this.#open().length > 0
  }

  /**
   * Heads for the main-shard block of a height: in order for each shard, above those that `anchoredHeight` says are
   * anchored, and none that has seen what is not yet decided. The shard that waits longest comes first, as a full block
   * leaves the last ones out.
   */
  next(mainHeight: number, anchoredHeight: (shard: ShardKey) => number): Anchor[] {
    const anchors: Anchor[] = []
    const open = this.#open().map(({ shard, items }) => {
      const from = anchoredHeight(shard)
      return items.filter(({ height }) => height > from).slice(0, ANCHORS_PER_BLOCK)
    })
    for (const items of open.sort((a, b) => (a[0]?.mainHeight ?? 0) - (b[0]?.mainHeight ?? 0))) {
      for (const { anchor, mainHeight: seen } of items) {
        if (seen >= mainHeight) break
        anchors.push(anchor)
      }
    }
    return anchors
  }

  /** All that waits, for a snapshot. */
  store(): readonly Unanchored[] {
    return [...this.#lists.values()].flatMap(({ items }) => items)
  }

  restore(items: readonly Unanchored[]): void {
    this.#lists.clear()
    for (const item of items) this.add(headCodec.decode(item.anchor.head).shard, item)
  }

  #open(): { readonly shard: ShardKey; readonly items: readonly Unanchored[] }[] {
    return [...this.#lists.values()].filter(
      ({ shard, items }) => items.length > 0 && !this.#frozen.has(formatShardKey(shard)),
    )
  }
}
