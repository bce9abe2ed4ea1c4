import {
  type Block,
  type Body,
  blob,
  blockCodec,
  bodyCodec,
  type Codec,
  compile,
  type Details,
  type Head,
  headCodec,
  headHash,
  list,
  type Runtime,
} from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import type { ArchivedBlock } from '../storage/archive.ts'

/** What became of a block's transactions and messages, without the block's body. */
export type StoredReceipts = {
  readonly vShard: number
  readonly height: number
  readonly hash: Uint8Array
  readonly block: Omit<Block, 'body'>
  readonly head: Head
  readonly details: Details
  /** Ids of the transactions, in order. */
  readonly ids: readonly Uint8Array[]
  /** Encoded; of messages, then of transactions. */
  readonly receipts: readonly Uint8Array[]
}

/** A block of the past. `encoded` is the block as the log and other nodes have it. */
export type StoredBlock = StoredReceipts & { readonly body: Body; readonly encoded: Uint8Array }

export const receiptsCodec: Codec<readonly Uint8Array[]> = compile(list(blob(16 * 1024 * 1024), 2 ** 24))
const ID_BYTES = 32

export function storedOf({ executed, certificate, shard }: SealedBlock): StoredBlock {
  const { head, details } = executed.block
  return {
    vShard: shard.vShard,
    height: executed.height,
    hash: executed.hash,
    block: { head, details, certificate },
    head: executed.head,
    details: executed.details,
    body: {
      transactions: executed.transactions.map(({ bytes }) => bytes),
      imports: executed.imports,
      anchors: executed.anchors.length === 0 ? [] : bodyCodec.decode(executed.block.body).anchors,
    },
    ids: executed.transactions.map(({ id }) => id),
    receipts: executed.receipts,
    get encoded() {
      return blockCodec.encode({ ...executed.block, certificate })
    },
  }
}

/**
 * A block as the archive has it. Its lists are cut up when they are first asked for, as one receipt of it should not
 * cost a whole block.
 */
export class ArchivedStored implements StoredBlock {
  readonly vShard: number
  readonly height: number
  readonly hash: Uint8Array
  readonly block: Omit<Block, 'body'>
  readonly head: Head
  readonly details: Details
  readonly #archived: ArchivedBlock
  #body: Body | undefined
  #ids: readonly Uint8Array[] | undefined
  #receipts: readonly Uint8Array[] | undefined

  constructor(runtime: Runtime, place: { readonly vShard: number; readonly height: number }, archived: ArchivedBlock) {
    const { body: _, ...block } = blockCodec.decode(archived.header)
    this.vShard = place.vShard
    this.height = place.height
    this.block = block
    this.hash = headHash(block.head)
    this.head = headCodec.decode(block.head)
    this.details = runtime.details.decode(block.details)
    this.#archived = archived
  }

  get encoded(): Uint8Array {
    return blockCodec.encode({ ...this.block, body: this.#archived.body })
  }

  get body(): Body {
    this.#body ??= bodyCodec.decode(this.#archived.body)
    return this.#body
  }

  get ids(): readonly Uint8Array[] {
    const { txIds } = this.#archived
    this.#ids ??= Array.from({ length: txIds.length / ID_BYTES }, (_, i) =>
      txIds.subarray(ID_BYTES * i, ID_BYTES * (i + 1)),
    )
    return this.#ids
  }

  get receipts(): readonly Uint8Array[] {
    this.#receipts ??= receiptsCodec.decode(this.#archived.receipts)
    return this.#receipts
  }
}
