import type { SpareBuffers } from '../spare-buffers.ts'
import type { ArchivedBlock, BlockParts, BlockPlace, Compression } from './archive-records.ts'

/** Where the archive's worker keeps the data from now on, and how: the first request, and the first after a `close`. */
export type OpenRequest = { readonly kind: 'open'; readonly dir: string | 'memory'; readonly compression: Compression }

/** A block packed into one buffer that is transferred: header, body, receipts, transaction ids. */
export type PutRequest = BlockPlace & {
  readonly kind: 'put'
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly headerBytes: number
  readonly bodyBytes: number
  readonly receiptsBytes: number
}

/** Blocks that were put in one turn, in their order. */
export type PutsRequest = { readonly kind: 'puts'; readonly puts: readonly PutRequest[] }

export type Query =
  | ({ readonly kind: 'getBlock'; readonly parts: BlockParts } & BlockPlace)
  | { readonly kind: 'findTransaction'; readonly txId: Uint8Array }
  | { readonly kind: 'lastHeight'; readonly shard: number }
  | { readonly kind: 'getMeta'; readonly name: string }

export type Command =
  | { readonly kind: 'setMeta'; readonly name: string; readonly value: Uint8Array }
  | ({ readonly kind: 'deleteAbove' } & BlockPlace)
  | { readonly kind: 'sync' }
  | { readonly kind: 'close' }

export type Request = OpenRequest | PutsRequest | ((Query | Command) & { readonly id: number })

/** The index of transactions is made anew, or completed: because it was damaged, or how far it is. */
export type IndexingProgress =
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'reading'; readonly shard: number; readonly height: number; readonly lastHeight: number }

export type Reply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'indexing'; readonly progress: IndexingProgress }
  /** Blocks were written, which were so many bytes; their buffers come back for the next ones. */
  | { readonly kind: 'written'; readonly bytes: number; readonly buffers: readonly ArrayBuffer[] }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string }
  /** A block could not be written: nothing after it can be. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Packs a block into a buffer of `buffers`, as fresh memory costs more than what is copied into it. */
export function packBlock(place: BlockPlace, block: ArchivedBlock, buffers: SpareBuffers): PutRequest {
  const { header, body, receipts, txIds } = block
  const bytes = buffers.take(header.length + body.length + receipts.length + txIds.length)
  bytes.set(header)
  bytes.set(body, header.length)
  bytes.set(receipts, header.length + body.length)
  bytes.set(txIds, bytes.length - txIds.length)
  return {
    kind: 'put',
    shard: place.shard,
    height: place.height,
    bytes,
    headerBytes: header.length,
    bodyBytes: body.length,
    receiptsBytes: receipts.length,
  }
}

export function unpackBlock({ bytes, headerBytes, bodyBytes, receiptsBytes }: PutRequest): ArchivedBlock {
  const bodyEnd = headerBytes + bodyBytes
  return {
    header: bytes.subarray(0, headerBytes),
    body: bytes.subarray(headerBytes, bodyEnd),
    receipts: bytes.subarray(bodyEnd, bodyEnd + receiptsBytes),
    txIds: bytes.subarray(bodyEnd + receiptsBytes),
  }
}
