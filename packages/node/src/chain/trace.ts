import type { MessageProofResult, Trace } from '@armchain/client/rpc-schema'
import {
  ArmError,
  type Import,
  importCodec,
  MESSAGE_BOUNCE,
  type Message,
  messageCodec,
  type Receipt,
  type ShardKey,
  toHex,
} from '@armchain/core'
import type { NodeParts } from './node-parts.ts'
import type { StoredBlock, StoredReceipts } from './stored-block.ts'

type Span = Trace['spans'][number]
type Sent = { readonly destination: ShardKey; readonly seq: number }

/** Deliveries followed at most: a trace that fans out further is cut, and says so by not being done. */
const FOLLOWED_MAX = 256

/** What a transaction caused on all shards, in order of time (requirement B8). Throws `ARM_NOT_FOUND`. */
export async function traceOf(parts: NodeParts, id: Uint8Array): Promise<Trace> {
  const place = await parts.history.find(id)
  const stored = place && (await parts.history.receipts(place.shard, place.height))
  if (place === undefined || stored === undefined) {
    const waiting = parts.pending(toHex(id))
    if (waiting === undefined) throw new ArmError('ARM_NOT_FOUND', 'no transaction with that id', { id: toHex(id) })
    return { traceId: toHex(id), spans: [], done: false }
  }
  const receipt = parts.history.receipt(stored, place.index)
  const outcome = receipt.ok ? 'ok' : receipt.code
  const spans: Span[] = [
    span('included', stored, `index ${place.index}, ${outcome}, fee ${receipt.fee} motes`),
    span('shard-final', stored, 'certified by the shard'),
  ]
  const done = await follow(parts, stored, receipt.messages, spans)
  spans.sort((a, b) => a.timeMs - b.timeMs || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
  return { traceId: toHex(id), spans, done }
}

/** The delivered messages of a transaction, each with its import and the certified main-shard head that proves it. */
export async function messageProofs(parts: NodeParts, id: Uint8Array): Promise<MessageProofResult['messages']> {
  const place = await parts.history.find(id)
  const stored = place && (await parts.history.receipts(place.shard, place.height))
  if (place === undefined || stored === undefined)
    throw new ArmError('ARM_NOT_FOUND', 'no transaction with that id', { id: toHex(id) })
  const proofs: MessageProofResult['messages'][number][] = []
  for (const { destination, seq } of parts.history.receipt(stored, place.index).messages) {
    const delivery = parts.host.trace.delivered(stored.head.shard, destination, seq)
    const taken = delivery && (await parts.history.block(destination.vShard, delivery.height))
    const found = taken && findMessage(taken, stored.head.shard, seq)
    const anchor = found && (await parts.history.receipts(0, found.item.anchorHeight))
    if (found === undefined || anchor === undefined) continue
    const { item, bytes } = found
    proofs.push({
      source: stored.vShard,
      destination: destination.vShard,
      seq,
      message: toHex(bytes),
      proof: toHex(importCodec.encode(item)),
      anchorHead: toHex(anchor.block.head),
      anchorCertificate: toHex(anchor.block.certificate),
    })
  }
  return proofs
}

const ORDER: readonly Span['kind'][] = [
  'submitted',
  'included',
  'delivered',
  'bounced',
  'refunded',
  'shard-final',
  'anchored',
]

/** Adds the spans of a block and of the messages that it sent; true if nothing of it is under way. */
async function follow(
  parts: NodeParts,
  from: StoredReceipts,
  messages: readonly Sent[],
  spans: Span[],
): Promise<boolean> {
  let done = addAnchor(parts, from, spans)
  for (const { destination, seq } of messages) {
    const source = from.head.shard
    const delivery = parts.host.trace.delivered(source, destination, seq)
    const stored = delivery && (await parts.history.block(destination.vShard, delivery.height))
    if (stored === undefined || spans.length > FOLLOWED_MAX) {
      done = false
      continue
    }
    const found = findDelivery(parts, stored, source, seq)
    if (found === undefined) continue
    spans.push(deliverySpan(stored, found.message, found.receipt))
    const more = await follow(parts, stored, found.receipt.messages, spans)
    done &&= more
  }
  return done
}

function addAnchor({ host }: NodeParts, stored: StoredReceipts, spans: Span[]): boolean {
  const { vShard, height } = stored
  if (vShard === 0) return true
  const anchored = host.trace.anchored(vShard, height)
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

function findDelivery(
  parts: NodeParts,
  stored: StoredBlock,
  source: ShardKey,
  seq: number,
): { readonly message: Message; readonly receipt: Receipt } | undefined {
  const found = findMessage(stored, source, seq)
  const receipt = found && stored.receipts[found.index]
  return receipt && { message: messageCodec.decode(found.bytes), receipt: parts.runtime.receipts.decode(receipt) }
}

/** A message among a block's imports; `index` is that of its receipt. The messages of one import follow each other. */
function findMessage(
  { body }: StoredBlock,
  source: ShardKey,
  seq: number,
): { readonly item: Import; readonly bytes: Uint8Array; readonly index: number } | undefined {
  let before = 0
  for (const item of body.imports) {
    const [first] = item.messages
    const at = item.source.vShard === source.vShard && first ? seq - messageCodec.decode(first).seq : -1
    const bytes = item.messages[at]
    if (bytes !== undefined) return { item, bytes, index: before + at }
    before += item.messages.length
  }
  return undefined
}

function deliverySpan(stored: StoredBlock, message: Message, receipt: Receipt): Span {
  const what = `message ${message.source.vShard}>${message.destination.vShard} #${message.seq}, ${message.value} motes`
  if (message.kind === MESSAGE_BOUNCE) return span('refunded', stored, `${what}, returned because ${message.cause}`)
  return receipt.ok ? span('delivered', stored, what) : span('bounced', stored, `${what}, ${receipt.code}`)
}

function span(kind: Span['kind'], { vShard, height, head }: StoredReceipts, detail: string): Span {
  return { kind, vShard, height, timeMs: head.timeMs, detail }
}
