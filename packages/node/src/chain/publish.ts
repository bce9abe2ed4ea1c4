import type { Receipt as ReceiptResult } from '@armchain/client/rpc-schema'
import {
  headCodec,
  headHash,
  MESSAGE_BOUNCE,
  type Message,
  messageCodec,
  type PreparedTransaction,
  type Receipt,
  toHex,
} from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import type { RpcServer } from '../rpc/server.ts'
import { accountKey, accountsInEvent } from './named-accounts.ts'
import type { NodeParts } from './node-parts.ts'
import { receiptResult } from './queries.ts'
import { type StoredReceipts, storedOf } from './stored-block.ts'
import { eventView, headView } from './views.ts'

/**
 * Tells waiters and subscribers of a durable block; builds nothing that nobody asked for.
 *
 * An address hears of a receipt if it sent the transaction, sent or was sent the message, or is named in an event; of
 * an event if it sent the transaction or is named in it. So a payment is heard by both ends: inside a shard with the
 * transaction's receipt, across shards with the receipt of the message, which has a `delivery`. Value that a message
 * brought is an event of the bank here, `received` or, when it comes back, `returned`, though the chain itself has none.
 */
export function publishBlock(parts: NodeParts, rpc: RpcServer | undefined, sealed: SealedBlock): void {
  const { executed, shard } = sealed
  const { waiters } = parts
  if (waiters.any) {
    for (const { id } of executed.transactions) waiters.tellTransaction(id)
    for (const { head } of executed.anchors) waiters.tell(`anchor:${head.shard.vShard}:${head.height}`)
    if (shard.vShard === 0) waiters.tell(`anchor:0:${executed.height}`)
  }
  if (rpc === undefined) return
  if (rpc.wants('heads')) rpc.publish('heads', { vShard: shard.vShard, result: headView(executed.head, executed.hash) })
  if (rpc.wants('anchors')) {
    for (const { head } of executed.anchors) {
      rpc.publish('anchors', {
        vShard: head.shard.vShard,
        result: { ...headView(head, headHash(headCodec.encode(head))), mainHeight: executed.height },
      })
    }
  }
  if (rpc.wants('receipts') || rpc.wants('events')) publishReceipts({ parts, rpc, stored: storedOf(sealed) }, sealed)
}

type Publication = { readonly parts: NodeParts; readonly rpc: RpcServer; readonly stored: StoredReceipts }

/** Of hooks if there is one, of messages, then of transactions, as they stand in the block. */
function publishReceipts(publication: Publication, { executed }: SealedBlock): void {
  const { receipts } = publication.parts.runtime
  const messages = executed.imports.flatMap((item) => item.messages)
  const firstMessage = executed.receipts.length - executed.transactions.length - messages.length
  for (const [i, encoded] of executed.receipts.entries()) {
    const receipt = receipts.decode(encoded)
    const message = messages[i - firstMessage]
    const index = i - firstMessage - messages.length
    if (i < firstMessage)
      tell(publication, receipt, [], () => receiptResult(publication.parts, publication.stored, receipt, i))
    else if (message !== undefined) publishMessage(publication, i, receipt, messageCodec.decode(message))
    else publishTransaction(publication, index, receipt, executed.transactions[index] as PreparedTransaction)
  }
}

function publishTransaction(
  publication: Publication,
  index: number,
  receipt: Receipt,
  { account }: PreparedTransaction,
): void {
  const { parts, stored } = publication
  const sender = accountKey(account, stored.vShard)
  tell(publication, receipt, [sender], () => receiptResult(parts, stored, receipt, index))
}

function publishMessage(publication: Publication, index: number, receipt: Receipt, message: Message): void {
  const { parts, rpc, stored } = publication
  const { vShard, height } = stored
  const ends = [accountKey(message.to, vShard), accountKey(message.from, message.source.vShard)]
  const returned = message.kind === MESSAGE_BOUNCE
  const delivery: ReceiptResult['delivery'] = {
    kind: returned ? 'returned' : receipt.ok ? 'delivered' : 'bounced',
    source: message.source.vShard,
    seq: message.seq,
    from: parts.addresses.ofAccount(message.from, message.source.vShard),
    to: parts.addresses.ofAccount(message.to, vShard),
    valueMotes: message.value.toString(),
  }
  tell(publication, receipt, ends, () => ({ ...receiptResult(parts, stored, receipt, index), delivery }))
  if (!receipt.ok || message.value === 0n || !rpc.wants('events')) return
  const txId = toHex(receipt.traceId)
  const data = {
    from: toHex(message.from),
    to: toHex(message.to),
    amount: message.value.toString(),
    source: message.source.vShard,
  }
  rpc.publish('events', {
    vShard,
    addresses: ends,
    txId,
    result: { module: 'bank', name: returned ? 'returned' : 'received', data, txId, vShard, height },
  })
}

/** A receipt and its events; `ends` are whom it concerns whatever its events say. */
function tell(
  { parts, rpc, stored }: Publication,
  receipt: Receipt,
  ends: readonly string[],
  view: () => object,
): void {
  const { runtime } = parts
  const { vShard, height } = stored
  // The transaction that began it all: who follows that one hears of its messages too.
  const txId = toHex(receipt.traceId)
  const named = receipt.events.map((event) => [
    ...ends,
    ...accountsInEvent(runtime, event).map((account) => accountKey(account, vShard)),
  ])
  if (rpc.wants('receipts'))
    rpc.publish('receipts', { vShard, addresses: [...ends, ...named.flat()], txId, result: view })
  if (!rpc.wants('events')) return
  receipt.events.forEach((event, i) => {
    const addresses = named[i] as string[]
    rpc.publish('events', {
      vShard,
      addresses,
      txId,
      result: () => ({ ...eventView(runtime, event), txId, vShard, height }),
    })
  })
}
