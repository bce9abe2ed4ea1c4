import type { MessageProofResult, Trace } from '@armchain/client/rpc-schema'
import { ArmError, importCodec, MESSAGE_BOUNCE, type Message, type Receipt, toHex } from '@armchain/core'
import type { NodeParts } from './node-parts.ts'
import type { StoredReceipts } from './stored-block.ts'
import { findAnchor, findDelivery, type Sent } from './trace-search.ts'

type Span = Trace['spans'][number]

/** Deliveries followed at most: a trace that fans out further is cut, and says so by not being done. */
const FOLLOWED_MAX = 256

/** What a transaction caused on all shards, in order of time (requirement B8). Throws `ARM_NOT_FOUND`. */
export async function traceOf(parts: NodeParts, id: Uint8Array): Promise<Trace> {
  const place = await parts.history.find(id)
  const stored = place && (await parts.history.receipts(place.shard, place.height))
  if (place === undefined || stored === undefined) {
    const waiting = parts.pending(id)
    if (waiting === undefined) throw notFound(id)
    return { traceId: toHex(id), spans: [], done: false }
  }
  const receipt = parts.history.receipt(stored, place.index)
  const outcome = receipt.ok ? 'ok' : receipt.code
  const spans: Span[] = [
    span('included', stored, `index ${place.index}, ${outcome}, fee ${receipt.fee} motes`),
    span('shard-final', stored, 'certified by the shard'),
  ]
  const done = await follow(parts, stored, receipt.messages, spans)
  // Blocks of several shards may bear one time: then the order in which they were followed stays, causes first.
  spans.sort((a, b) => a.timeMs - b.timeMs)
  return { traceId: toHex(id), spans, done }
}

/** The delivered messages of a transaction, each with its import and the certified main-shard head that proves it. */
export async function messageProofs(parts: NodeParts, id: Uint8Array): Promise<MessageProofResult['messages']> {
  const place = await parts.history.find(id)
  const stored = place && (await parts.history.receipts(place.shard, place.height))
  if (place === undefined || stored === undefined) throw notFound(id)
  const proofs: MessageProofResult['messages'][number][] = []
  for (const { destination, seq } of parts.history.receipt(stored, place.index).messages) {
    const delivered = await findDelivery(parts, stored, { destination, seq })
    const item = delivered?.block.body.imports.find(({ messages }) => messages.includes(delivered.bytes))
    const anchor = item && (await parts.history.receipts(0, item.anchorHeight))
    if (delivered === undefined || item === undefined || anchor === undefined) continue
    proofs.push({
      source: stored.vShard,
      destination: destination.vShard,
      seq,
      message: toHex(delivered.bytes),
      proof: toHex(importCodec.encode(item)),
      anchorHead: toHex(anchor.block.head),
      anchorCertificate: toHex(anchor.block.certificate),
    })
  }
  return proofs
}

/** Adds the spans of a block and of the messages that it sent; true if nothing of it is under way. */
async function follow(
  parts: NodeParts,
  from: StoredReceipts,
  messages: readonly Sent[],
  spans: Span[],
): Promise<boolean> {
  let done = await addAnchor(parts, from, spans)
  for (const sent of messages) {
    const delivered = spans.length > FOLLOWED_MAX ? undefined : await findDelivery(parts, from, sent)
    const receipt = delivered && parts.runtime.receipts.decode(delivered.receipt)
    if (delivered === undefined || receipt === undefined) {
      done = false
      continue
    }
    spans.push(deliverySpan(delivered.block, delivered.message, receipt))
    const more = await follow(parts, delivered.block, receipt.messages, spans)
    done &&= more
  }
  return done
}

async function addAnchor(parts: NodeParts, stored: StoredReceipts, spans: Span[]): Promise<boolean> {
  const { vShard, height } = stored
  if (vShard === 0) return true
  const anchored = await findAnchor(parts, stored)
  if (anchored === undefined) return false
  const known = spans.some(
    (each) =>
      each.kind === 'anchored' && each.height === anchored.mainHeight && each.detail.startsWith(`vShard ${vShard} `),
  )
  if (!known)
    spans.push({
      kind: 'anchored',
      vShard: 0,
      height: anchored.mainHeight,
      timeMs: anchored.timeMs,
      detail: `vShard ${vShard} height ${height} accepted by the main shard`,
    })
  return true
}

function notFound(id: Uint8Array): ArmError {
  return new ArmError('ARM_NOT_FOUND', 'no transaction with that id', {
    id: toHex(id),
    hint: 'check the id and the network; a transaction that was dropped or never sent is not known',
  })
}

function deliverySpan(stored: StoredReceipts, message: Message, receipt: Receipt): Span {
  const what = `message ${message.source.vShard}>${message.destination.vShard} #${message.seq}, ${message.value} motes`
  if (message.kind === MESSAGE_BOUNCE) return span('refunded', stored, `${what}, returned because ${message.cause}`)
  return receipt.ok ? span('delivered', stored, what) : span('bounced', stored, `${what}, ${receipt.code}`)
}

function span(kind: Span['kind'], { vShard, height, head }: StoredReceipts, detail: string): Span {
  return { kind, vShard, height, timeMs: head.timeMs, detail }
}
