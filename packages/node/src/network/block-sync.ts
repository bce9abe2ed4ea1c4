import { SYNC_ANSWER_MS, SYNC_BEHIND_MS, SYNC_EVERY_MS, SYNC_STALLED_MS } from '../limits.ts'

export type BlockSyncOptions = {
  readonly vShards: readonly number[]
  /** Last height of a vShard that is final here. */
  readonly finalHeight: (vShard: number) => number
  /** Asks a peer for the final blocks from a height on. */
  readonly ask: (peer: number, vShard: number, fromHeight: number) => void
  /** Whom one could ask now. */
  readonly peers: () => readonly number[]
  /** Whether this node decides on a vShard with others: then its engine catches up by itself unless it stands still. */
  readonly decides: (vShard: number) => boolean
}

/**
 * Brings final blocks that this node has not: because it has just started, because its engine asked, because a certified
 * head told of them, or because a vShard has stood still for so long that something may have been missed.
 *
 * Rules: of each vShard one peer is asked at a time; who told of a head is asked first; who does not answer in time, or
 * has nothing, is followed by the next. Blocks are checked against their certificates by whoever takes them: an answer
 * only says that it is somebody's turn.
 */
export class BlockSync {
  readonly #options: BlockSyncOptions
  readonly #shards: Map<number, Progress>
  #turn = 0

  constructor(options: BlockSyncOptions, nowMs: number) {
    this.#options = options
    this.#shards = new Map(
      options.vShards.map((vShard) => [
        vShard,
        { height: -1, movedMs: nowMs, wanted: 0, isNew: true, asked: undefined, empty: 0 },
      ]),
    )
  }

  get behind(): readonly Behind[] {
    return [...this.#shards].flatMap(([vShard, { wanted }]) => {
      const height = this.#options.finalHeight(vShard)
      return wanted > height ? [{ vShard, height, wanted }] : []
    })
  }

  /** Asks a peer, whatever is known of heights. */
  request(nowMs: number, vShard: number): void {
    const shard = this.#shards.get(vShard)
    if (shard !== undefined && shard.asked === undefined) this.#ask(nowMs, vShard, shard)
  }

  /** A head of this height is certified, as this peer says first. */
  heard(nowMs: number, vShard: number, height: number, from: number): void {
    const shard = this.#shards.get(vShard)
    if (shard === undefined || height <= shard.wanted) return
    shard.wanted = height
    shard.empty = 0
    if (shard.asked === undefined && !this.#options.decides(vShard) && this.#isBehind(vShard, shard))
      this.#ask(nowMs, vShard, shard, from)
  }

  /** A peer has sent blocks, which have been taken or not. */
  answered(nowMs: number, vShard: number, from: number, blocks: number): void {
    const shard = this.#shards.get(vShard)
    if (shard === undefined || shard.asked?.peer !== from) return
    shard.isNew = false
    shard.asked = undefined
    shard.empty = blocks === 0 ? shard.empty + 1 : 0
    if (!this.#isBehind(vShard, shard)) return
    // Once nobody has anything, it is looked at again in a while.
    if (shard.empty < Math.max(1, this.#options.peers().length))
      this.#ask(nowMs, vShard, shard, blocks === 0 ? undefined : from)
  }

  /** To be called every so often. */
  look(nowMs: number): void {
    for (const [vShard, shard] of this.#shards) {
      const height = this.#options.finalHeight(vShard)
      if (height !== shard.height) {
        shard.height = height
        shard.movedMs = nowMs
      }
      const patienceMs = shard.isNew ? SYNC_EVERY_MS : SYNC_ANSWER_MS
      if (shard.asked !== undefined && nowMs - shard.asked.atMs >= patienceMs) shard.asked = undefined
      if (shard.asked !== undefined) continue
      shard.empty = 0
      const stillMs = nowMs - shard.movedMs
      const isNew = shard.isNew && !this.#options.decides(vShard)
      if (isNew || stillMs > SYNC_STALLED_MS || (stillMs > SYNC_BEHIND_MS && this.#isBehind(vShard, shard)))
        this.#ask(nowMs, vShard, shard)
    }
  }

  #isBehind(vShard: number, shard: Progress): boolean {
    return shard.wanted > this.#options.finalHeight(vShard)
  }

  #ask(nowMs: number, vShard: number, shard: Progress, first?: number): void {
    const peers = this.#options.peers()
    const peer = first ?? peers[this.#turn++ % Math.max(1, peers.length)]
    if (peer === undefined) return
    shard.asked = { peer, atMs: nowMs }
    this.#options.ask(peer, vShard, this.#options.finalHeight(vShard) + 1)
  }
}

/** A vShard that is final here up to `height`, and elsewhere up to `wanted` at least. */
export type Behind = { readonly vShard: number; readonly height: number; readonly wanted: number }

type Progress = {
  /** At the last look, and since when it has been that. */
  height: number
  movedMs: number
  /** Nobody has answered yet: who follows does not know how far the chain is, and links may not be up. */
  isNew: boolean
  /** Highest height of which a certified head was heard. */
  wanted: number
  asked: { readonly peer: number; readonly atMs: number } | undefined
  /** Answers without a block, one after the other. */
  empty: number
}
