import { equalBytes, formatShardKey, type Import, type ShardKey } from '@armchain/core'
import { type CheckedAnchor, proveShardTop } from './anchors.ts'
import { importGas } from './execute.ts'
import { mailboxCodec, restoreBatch, storeBatch } from './mailbox-codec.ts'
import { type BatchWithMessages, type Outbox, outboxOf, proveBatch, proveMessages } from './outbox.ts'

/** Messages of one anchored source block that wait for a destination. */
type Mail = {
  readonly source: ShardKey
  readonly sourceHeight: number
  readonly anchorHeight: number
  readonly top: Uint8Array | undefined
  readonly topIndex: number
  readonly topCount: number
  readonly topProof: readonly Uint8Array[]
  readonly batchIndex: number
  readonly batchCount: number
  readonly batchProof: readonly Uint8Array[]
  readonly batch: BatchWithMessages
}

/** Where an anchored block's head stands in the main-shard block that anchors it. */
type Place = Pick<Mail, 'top' | 'topIndex' | 'topCount' | 'topProof'>
type Awaited = {
  readonly source: ShardKey
  readonly height: number
  readonly anchorHeight: number
  readonly place: Place
}

/** What an import may take of its block, beyond the messages themselves: proofs and headers, at most. */
const IMPORT_FRAME_BYTES = 8192
const MESSAGE_FRAME_BYTES = 5
/** Outbox root of a block that sends nothing. */
const NOTHING_SENT = new Uint8Array(32)

export type ImportBudget = {
  /** Next sequence number expected from a source. */
  readonly cursor: (source: ShardKey) => number
  readonly mainHeight: number
  readonly gas: number
  readonly sizeBytes: number
}

/**
 * Outboxes on their way: kept from the block that made them until the destination's cursor has passed. A shard that
 * follows the main shard fills one from headers and the source's messages; a proposer takes imports from it.
 */
export class Mailbox {
  readonly #outboxes: Map<string, { readonly source: ShardKey; readonly height: number; readonly outbox: Outbox }> =
    new Map()
  /** Anchored blocks with messages that this node does not have yet: it is behind on their shard. */
  readonly #awaited: Map<string, Awaited> = new Map()
  readonly #mail: Map<string, Mail[]> = new Map()
  /** Channels whose next messages do not hold: they stand still, and what is behind them waits. */
  readonly #frozen: Set<string> = new Set()

  /** A block's messages, held until its head is anchored; true, and they are on their way at once, if it is already. */
  hold(source: ShardKey, height: number, outbox: Outbox): boolean {
    if (outbox.batches.length === 0) return false
    const key = outboxKey(source, height)
    this.#outboxes.set(key, { source, height, outbox })
    const awaited = this.#awaited.get(key)
    if (awaited === undefined) return false
    this.#awaited.delete(key)
    this.#release(source, height, awaited.anchorHeight, awaited.place)
    return true
  }

  /** A main-shard block at `anchorHeight` anchors these heads; its own messages count as anchored with it. */
  anchored(main: ShardKey, anchorHeight: number, anchors: readonly CheckedAnchor[]): void {
    this.#release(main, anchorHeight, anchorHeight, { top: undefined, topIndex: 0, topCount: 0, topProof: [] })
    anchors.forEach(({ head, top }, topIndex) => {
      if (equalBytes(head.outboxRoot, NOTHING_SENT)) return
      const { shard, height } = head
      const place = { top, topIndex, topCount: anchors.length, topProof: proveShardTop(anchors, topIndex) }
      const key = outboxKey(shard, height)
      if (this.#outboxes.has(key)) this.#release(shard, height, anchorHeight, place)
      else this.#awaited.set(key, { source: shard, height, anchorHeight, place })
    })
  }

  /** Imports for a destination from its cursors on, oldest anchor first, within the budget; and the gas left waiting. */
  imports(
    destination: ShardKey,
    { cursor, mainHeight, gas, sizeBytes }: ImportBudget,
  ): { readonly imports: readonly Import[]; readonly waitingGas: number } {
    const mail = (this.#mail.get(formatShardKey(destination)) ?? []).filter(
      ({ source, anchorHeight }) => anchorHeight <= mainHeight && !this.#frozen.has(channelOf(source, destination)),
    )
    const next = new Map<string, number>()
    const imports: Import[] = []
    const left = { gas, sizeBytes }
    const stopped = new Set<string>()
    let waitingGas = 0
    for (const item of mail) {
      const source = formatShardKey(item.source)
      const { firstSeq, count } = item.batch.batch
      // Behind a batch that did not fit, the next begins beyond what is expected.
      const start = Math.max(0, (next.get(source) ?? cursor(item.source)) - firstSeq)
      if (start >= count) continue
      // Within a channel nothing may overtake, so a batch that did not fit stops the rest of its channel.
      const end: number = stopped.has(source) ? start : takeWhatFits(item.batch, start, left, imports.length === 0)
      if (end > start) imports.push(importOf(item, start, end))
      if (end < count) stopped.add(source)
      next.set(source, firstSeq + end)
      waitingGas += importGas(item.batch.gas.slice(end))
    }
    return { imports, waitingGas }
  }

  /** Drops what a destination has taken; call with cursors that cannot fall back. */
  prune(destination: ShardKey, cursor: (source: ShardKey) => number): void {
    const key = formatShardKey(destination)
    const mail = this.#mail.get(key)
    if (mail === undefined) return
    const rest = mail.filter(({ source, batch }) => batch.batch.firstSeq + batch.batch.count > cursor(source))
    if (rest.length === 0) this.#mail.delete(key)
    else if (rest.length < mail.length) this.#mail.set(key, rest)
  }

  /** Offers nothing more of a channel whose next messages have turned out not to hold. */
  freeze(source: ShardKey, destination: ShardKey): void {
    this.#frozen.add(channelOf(source, destination))
  }

  /** Messages that wait for a destination beyond its cursors. */
  waiting(destination: ShardKey, cursor: (source: ShardKey) => number): number {
    let count = 0
    for (const { source, batch } of this.#mail.get(formatShardKey(destination)) ?? []) {
      if (this.#frozen.has(channelOf(source, destination))) continue
      count += Math.max(0, batch.batch.firstSeq + batch.batch.count - Math.max(batch.batch.firstSeq, cursor(source)))
    }
    return count
  }

  /** Everything that waits, for a snapshot. */
  store(): Uint8Array {
    const outboxes = [...this.#outboxes.values()].map(({ source, height, outbox }) => ({
      source,
      height,
      batches: outbox.batches.map(storeBatch),
    }))
    const mail = [...this.#mail.values()].flat().map((item) => ({ ...item, batch: storeBatch(item.batch) }))
    const awaited = [...this.#awaited.values()].map(({ place, ...item }) => ({ ...item, ...place }))
    return mailboxCodec.encode({ outboxes, awaited, mail })
  }

  /** Replaces the contents by what `store` gave. Throws `ARM_CODEC_INPUT`, and changes nothing, if it is none. */
  restore(stored: Uint8Array): void {
    const { outboxes, awaited, mail } = mailboxCodec.decode(stored)
    const held = outboxes.map((outbox) => ({ ...outbox, batches: outbox.batches.map(restoreBatch) }))
    const queued = mail.map((item): Mail => ({ ...item, top: item.top, batch: restoreBatch(item.batch) }))
    this.#outboxes.clear()
    this.#awaited.clear()
    this.#mail.clear()
    for (const { source, height, anchorHeight, ...place } of awaited)
      this.#awaited.set(outboxKey(source, height), {
        source,
        height,
        anchorHeight,
        place: { ...place, top: place.top },
      })
    for (const { source, height, batches } of held) this.hold(source, height, outboxOf(batches))
    for (const item of queued) this.#queue(item)
  }

  /** True if no message is held or on its way. */
  get empty(): boolean {
    return this.#outboxes.size === 0 && this.#awaited.size === 0 && this.#mail.size === 0
  }

  /** Lowest main-shard height whose head is still needed to prove something. */
  oldestAnchor(): number | undefined {
    let oldest: number | undefined
    for (const { anchorHeight } of this.#awaited.values())
      if (oldest === undefined || anchorHeight < oldest) oldest = anchorHeight
    for (const mail of this.#mail.values()) {
      for (const { anchorHeight } of mail) if (oldest === undefined || anchorHeight < oldest) oldest = anchorHeight
    }
    return oldest
  }

  #release(source: ShardKey, height: number, anchorHeight: number, place: Place): void {
    const outbox = this.#outboxes.get(outboxKey(source, height))?.outbox
    if (outbox === undefined) return
    this.#outboxes.delete(outboxKey(source, height))
    outbox.batches.forEach((batch, batchIndex) => {
      const batchProof = proveBatch(outbox, batchIndex)
      this.#queue({
        source,
        sourceHeight: height,
        anchorHeight,
        ...place,
        batchIndex,
        batchCount: outbox.batches.length,
        batchProof,
        batch,
      })
    })
  }

  #queue(item: Mail): void {
    const destination = formatShardKey(item.batch.batch.destination)
    const mail = this.#mail.get(destination)
    if (mail === undefined) this.#mail.set(destination, [item])
    else mail.push(item)
  }
}

function importOf(item: Mail, start: number, end: number): Import {
  const {
    batch,
    source,
    sourceHeight,
    anchorHeight,
    top,
    topIndex,
    topCount,
    topProof,
    batchIndex,
    batchCount,
    batchProof,
  } = item
  return {
    source,
    sourceHeight,
    anchorHeight,
    top,
    topIndex,
    topCount,
    topProof,
    batch: batch.encoded,
    batchIndex,
    batchCount,
    batchProof,
    start,
    messages: batch.messages.slice(start, end),
    rangeProof: proveMessages(batch, start, end),
  }
}

/** Takes messages from `start` while they fit, and returns where it stopped; the very first of a block always fits. */
function takeWhatFits(
  batch: BatchWithMessages,
  start: number,
  left: { gas: number; sizeBytes: number },
  first: boolean,
): number {
  let end = start
  let sizeBytes = left.sizeBytes - IMPORT_FRAME_BYTES
  let gas = left.gas
  while (end < batch.messages.length) {
    gas -= importGas([batch.gas[end] as number])
    sizeBytes -= (batch.messages[end] as Uint8Array).length + MESSAGE_FRAME_BYTES
    if ((gas < 0 || sizeBytes < 0) && !(first && end === start)) break
    left.gas = gas
    left.sizeBytes = sizeBytes
    end++
  }
  return end
}

function channelOf(source: ShardKey, destination: ShardKey): string {
  return `${formatShardKey(source)}>${formatShardKey(destination)}`
}

function outboxKey(source: ShardKey, height: number): string {
  return `${formatShardKey(source)}@${height}`
}
