import {
  type Block,
  type Body,
  blob,
  blockCodec,
  bodyCodec,
  type Codec,
  compile,
  concatBytes,
  type Details,
  type Head,
  headCodec,
  headHash,
  list,
  type Receipt,
  type Runtime,
} from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import { RECENT_BLOCKS_BYTES } from '../limits.ts'
import type { Archive, TransactionPlace } from '../storage/archive.ts'

/** A block of the past, decoded as far as a query needs. */
export type StoredBlock = {
  readonly vShard: number
  readonly height: number
  readonly hash: Uint8Array
  readonly block: Omit<Block, 'body'>
  readonly head: Head
  readonly details: Details
  readonly body: Body
  /** Ids of the transactions, in order. */
  readonly ids: readonly Uint8Array[]
  /** Of messages, then of transactions. */
  readonly receipts: readonly Uint8Array[]
}

const receiptsCodec: Codec<readonly Uint8Array[]> = compile(list(blob(16 * 1024 * 1024), 2 ** 24))
const NO_BODY = new Uint8Array(0)

/** Blocks and receipts as queries see them: the latest from memory, all others from the archive. */
export class History {
  readonly #archive: Archive
  readonly #runtime: Runtime
  readonly #recent: Map<string, { readonly stored: StoredBlock; readonly sizeBytes: number }> = new Map()
  #recentBytes = 0

  constructor(archive: Archive, runtime: Runtime) {
    this.#archive = archive
    this.#runtime = runtime
  }

  get archive(): Archive {
    return this.#archive
  }

  /** Takes a durable block. */
  put({ executed, certificate, shard }: SealedBlock): void {
    const { head, details, body } = executed.block
    this.#archive.putBlock({
      shard: shard.vShard,
      height: executed.height,
      header: blockCodec.encode({ head, details, certificate, body: NO_BODY }),
      body,
      receipts: receiptsCodec.encode(executed.receipts),
      txIds: concatBytes(...executed.transactions.map(({ id }) => id)),
    })
    const stored: StoredBlock = {
      vShard: shard.vShard,
      height: executed.height,
      hash: executed.hash,
      block: { head, details, certificate },
      head: executed.head,
      details: executed.details,
      body: { transactions: executed.transactions.map(({ bytes }) => bytes), imports: executed.imports, anchors: [] },
      ids: executed.transactions.map(({ id }) => id),
      receipts: executed.receipts,
    }
    // A main-shard block's anchors are few and large: read again from history when asked for.
    if (executed.anchors.length === 0) this.#remember(stored, 2 * body.length)
  }

  async block(vShard: number, height: number): Promise<StoredBlock | undefined> {
    const recent = this.#recent.get(`${vShard}:${height}`)
    if (recent !== undefined) return recent.stored
    const archived = await this.#archive.getBlock(vShard, height)
    if (archived === undefined) return undefined
    const { body: _, ...block } = blockCodec.decode(archived.header)
    const ids = Array.from({ length: archived.txIds.length / 32 }, (_, i) => archived.txIds.slice(32 * i, 32 * i + 32))
    const stored: StoredBlock = {
      vShard,
      height,
      hash: headHash(block.head),
      block,
      head: headCodec.decode(block.head),
      details: this.#runtime.details.decode(block.details),
      body: bodyCodec.decode(archived.body),
      ids,
      receipts: receiptsCodec.decode(archived.receipts),
    }
    this.#remember(stored, 2 * archived.body.length)
    return stored
  }

  async find(txId: Uint8Array): Promise<TransactionPlace | undefined> {
    return await this.#archive.findTransaction(txId)
  }

  receipt(stored: StoredBlock, index: number): Receipt {
    const imported = stored.receipts.length - stored.ids.length
    return this.#runtime.receipts.decode(stored.receipts[imported + index] as Uint8Array)
  }

  /** Forgets what a revert takes back. */
  async revert(vShard: number, height: number): Promise<void> {
    this.#recent.clear()
    this.#recentBytes = 0
    await this.#archive.deleteAbove(vShard, height)
  }

  #remember(stored: StoredBlock, sizeBytes: number): void {
    const key = `${stored.vShard}:${stored.height}`
    const old = this.#recent.get(key)
    if (old !== undefined) this.#recentBytes -= old.sizeBytes
    this.#recent.delete(key)
    this.#recent.set(key, { stored, sizeBytes: sizeBytes + 4096 })
    this.#recentBytes += sizeBytes + 4096
    for (const [oldest, item] of this.#recent) {
      if (this.#recentBytes <= RECENT_BLOCKS_BYTES || oldest === key) break
      this.#recent.delete(oldest)
      this.#recentBytes -= item.sizeBytes
    }
  }
}
