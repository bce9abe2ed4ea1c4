import { BATCH_BYTES_MAX, BATCH_ITEM_BYTES } from '../limits.ts'
import { encodePeerMessage, PeerKind } from './wire.ts'

/** As messages that a topic takes: as many in each as fit, and one that is larger by itself. */
export function* framedBatches(transactions: readonly Uint8Array[]): Generator<Uint8Array> {
  let from = 0
  let sizeBytes = 0
  for (const [i, { length }] of transactions.entries()) {
    const itemBytes = length + BATCH_ITEM_BYTES
    if (i > from && sizeBytes + itemBytes > BATCH_BYTES_MAX) {
      yield encodePeerMessage({ kind: PeerKind.transactions, transactions: transactions.slice(from, i) })
      from = i
      sizeBytes = 0
    }
    sizeBytes += itemBytes
  }
  if (from < transactions.length)
    yield encodePeerMessage({ kind: PeerKind.transactions, transactions: transactions.slice(from) })
}
