import { blockCodec, concatBytes, type Receipt, type Runtime } from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import { RECENT_BLOCKS_BYTES } from '../limits.ts'
import type { Archive, TransactionPlace } from '../storage/archive.ts'
import { ArchivedStored, receiptsCodec, type StoredBlock, type StoredReceipts } from './stored-block.ts'

type Recent = { readonly stored: StoredBlock; readonly sizeBytes: number }
const NO_BODY = new Uint8Array(0)
/** Of a remembered block beside its bytes. */
const BLOCK_OVERHEAD_BYTES = 4096

/** Blocks and receipts as queries see them: the latest from memory, all others from the archive. */
export class History {
  readonly #archive: Archive
  readonly #runtime: Runtime
  /** Whole blocks, and blocks without a body, the oldest used first. */
  readonly #recent: Map<string, Recent> = new Map()
  /** Reads under way: callers of the same block share one. */
  readonly #reading: Map<string, Promise<StoredBlock | undefined>> = new Map()
  #recentBytes = 0

  constructor(archive: Archive, runtime: Runtime) {
    this.#archive = archive
    this.#runtime = runtime
  }

  get archive(): Archive {
    return this.#archive
  }

  /** Takes a durable block. */
  put(sealed: SealedBlock): void {
    const { executed, certificate, shard } = sealed
    const { head, details, body } = executed.block
    const { vShard } = shard
    const { height } = executed
    const block = {
      header: blockCodec.encode({ head, details, certificate, body: NO_BODY }),
      body,
      receipts: receiptsCodec.encode(executed.receipts),
      txIds: concatBytes(...executed.transactions.map(({ id }) => id)),
    }
    this.#archive.putBlock({ shard: vShard, height, ...block })
    // A main-shard block's anchors are few and large: read again from history when asked for.
    if (executed.anchors.length > 0) return
    // As bytes: kept as objects, the transactions would be copied by each collection, and take ten times the room.
    const stored = new ArchivedStored(this.#runtime, { vShard, height }, block)
    this.#remember(wholeKey(vShard, height), stored, 2 * (body.length + block.receipts.length))
  }

  async block(vShard: number, height: number): Promise<StoredBlock | undefined> {
    const key = wholeKey(vShard, height)
    return this.#recall(key) ?? (await this.#read(key, vShard, height, () => this.#archive.getBlock(vShard, height)))
  }

  /** The receipts of a block; cheaper than the whole of it where it is not in memory. */
  async receipts(vShard: number, height: number): Promise<StoredReceipts | undefined> {
    const key = `receipts ${wholeKey(vShard, height)}`
    return (
      this.#recall(wholeKey(vShard, height)) ??
      this.#recall(key) ??
      (await this.#read(key, vShard, height, () => this.#archive.getReceipts(vShard, height)))
    )
  }

  async find(txId: Uint8Array): Promise<TransactionPlace | undefined> {
    return await this.#archive.findTransaction(txId)
  }

  receipt(stored: StoredReceipts, index: number): Receipt {
    const imported = stored.receipts.length - stored.ids.length
    return this.#runtime.receipts.decode(stored.receipts[imported + index] as Uint8Array)
  }

  /** Forgets what a revert takes back. */
  async revert(vShard: number, height: number): Promise<void> {
    this.#recent.clear()
    this.#reading.clear()
    this.#recentBytes = 0
    await this.#archive.deleteAbove(vShard, height)
  }

  async #read(
    key: string,
    vShard: number,
    height: number,
    ask: () => ReturnType<Archive['getBlock']>,
  ): Promise<StoredBlock | undefined> {
    const shared = this.#reading.get(key)
    if (shared !== undefined) return await shared
    const reading = ask().then((archived) => {
      if (archived === undefined) return undefined
      const stored = new ArchivedStored(this.#runtime, { vShard, height }, archived)
      // Not if a revert has come in between: the block may be gone.
      if (this.#reading.get(key) === reading)
        this.#remember(key, stored, 2 * (archived.body.length + archived.receipts.length))
      return stored
    })
    this.#reading.set(key, reading)
    try {
      return await reading
    } finally {
      if (this.#reading.get(key) === reading) this.#reading.delete(key)
    }
  }

  /** What is used stays longest. */
  #recall(key: string): StoredBlock | undefined {
    const item = this.#recent.get(key)
    if (item === undefined) return undefined
    this.#recent.delete(key)
    this.#recent.set(key, item)
    return item.stored
  }

  #remember(key: string, stored: StoredBlock, bytes: number): void {
    const sizeBytes = bytes + BLOCK_OVERHEAD_BYTES
    this.#recentBytes += sizeBytes - (this.#recent.get(key)?.sizeBytes ?? 0)
    this.#recent.delete(key)
    this.#recent.set(key, { stored, sizeBytes })
    for (const [oldest, item] of this.#recent) {
      if (this.#recentBytes <= RECENT_BLOCKS_BYTES || oldest === key) break
      this.#recent.delete(oldest)
      this.#recentBytes -= item.sizeBytes
    }
  }
}

function wholeKey(vShard: number, height: number): string {
  return `${vShard}:${height}`
}
