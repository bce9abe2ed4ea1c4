import type { TxIndexLimits } from '../limits.ts'
import type { IndexingProgress } from './archive-messages.ts'
import {
  type BlockPlace,
  blockKey,
  decodeHeight,
  heightOfKey,
  LAST_HEIGHT_KEYS,
  shardOfKey,
  type TransactionPlace,
  TX_ID_BYTES,
  txIdsOf,
} from './archive-records.ts'
import type { ArchiveStore } from './archive-store.ts'
import type { IndexDisk } from './tx-index/disk.ts'
import { type IndexedBlock, openTxIndex, type TxIndex } from './tx-index/tx-index.ts'

export type ArchiveIndexOptions = {
  readonly disk: IndexDisk
  readonly limits: TxIndexLimits
  readonly onProgress: (progress: IndexingProgress) => void
}

/** Ids of a block that were compared with, for others of the same block: clients ask for what they sent together. */
type Compared = BlockPlace & { readonly txIds: Promise<Buffer | undefined> }

/** The index of transactions over the blocks of the archive: completed from them, and true to them. */
export class ArchiveIndex {
  readonly #store: ArchiveStore
  readonly #index: TxIndex
  #compared: Compared | undefined

  private constructor(store: ArchiveStore, index: TxIndex) {
    this.#store = store
    this.#index = index
  }

  /** Reads the blocks that the index does not cover: a table of transactions at most, unless it is made anew. */
  static async open(store: ArchiveStore, { disk, limits, onProgress }: ArchiveIndexOptions): Promise<ArchiveIndex> {
    const onDamage = (reason: string): void => onProgress({ kind: 'damaged', reason })
    const index = await openTxIndex({ disk, limits, onDamage })
    try {
      for await (const [key, value] of store.entries(LAST_HEIGHT_KEYS.from, LAST_HEIGHT_KEYS.to)) {
        const [shard, lastHeight] = [shardOfKey(key), decodeHeight(value)]
        let read = 0
        for await (const block of blocksFrom(store, shard, index.coveredHeight(shard) + 1)) {
          await index.add([block])
          read += block.txIds.length / TX_ID_BYTES + limits.blockRecords
          if (read < limits.tableRecords) continue
          read = 0
          onProgress({ kind: 'reading', shard, height: block.height, lastHeight })
        }
      }
    } catch (error) {
      await index.close().catch(() => undefined) // What went wrong first is told.
      throw error
    }
    return new ArchiveIndex(store, index)
  }

  /** Takes blocks that are in the store. */
  async add(blocks: readonly IndexedBlock[]): Promise<void> {
    await this.#index.add(blocks)
  }

  /** To be awaited before blocks of the shard from `height` on go or are replaced. */
  async uncover(shard: number, height: number): Promise<void> {
    if (this.#compared?.shard === shard && this.#compared.height >= height) this.#compared = undefined
    await this.#index.uncover(shard, height)
  }

  /** Throws ARM_STORE if the index, or a block, is damaged. */
  async find(txId: Uint8Array): Promise<TransactionPlace | undefined> {
    for (const place of this.#index.candidates(txId)) {
      const start = place.index * TX_ID_BYTES
      const found = (await this.#txIds(place))?.subarray(start, start + TX_ID_BYTES)
      if (found !== undefined && Buffer.compare(found, txId) === 0) return place
    }
    return undefined
  }

  async close(): Promise<void> {
    await this.#index.close()
  }

  #txIds({ shard, height }: BlockPlace): Promise<Buffer | undefined> {
    const compared = this.#compared
    if (compared?.shard === shard && compared.height === height) return compared.txIds
    const txIds = this.#store.get(blockKey({ shard, height })).then((value) => value && Buffer.from(txIdsOf(value)))
    this.#compared = { shard, height, txIds }
    return txIds
  }
}

async function* blocksFrom(store: ArchiveStore, shard: number, height: number): AsyncGenerator<IndexedBlock, void> {
  const end = Buffer.concat([blockKey({ shard, height: 2 ** 48 - 1 }), Buffer.of(0)])
  for await (const [key, value] of store.entries(blockKey({ shard, height }), end))
    yield { shard, height: heightOfKey(key), txIds: txIdsOf(value) }
}
