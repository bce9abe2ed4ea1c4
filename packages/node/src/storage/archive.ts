/**
 * History: blocks by height and transactions by id, written behind by a worker thread. It is no part of what a node
 * needs to go on: after a crash, blocks that are missing are put again from the log.
 */
import type { Worker } from 'node:worker_threads'
import { ArmError, invariant } from '@armchain/core'
import { ARCHIVE_BACKLOG_BYTES_MAX, ARCHIVE_SPARE_BYTES_MAX } from '../limits.ts'
import { SpareBuffers } from '../spare-buffers.ts'
import {
  type Command,
  type IndexingProgress,
  type PutRequest,
  type PutsRequest,
  packBlock,
  type Query,
  type Reply,
  type Request,
} from './archive-messages.ts'
import {
  type ArchivedBlock,
  type BlockPlace,
  type Compression,
  type TransactionPlace,
  TX_ID_BYTES,
} from './archive-records.ts'
import { returnArchiveThread, takeArchiveThread } from './archive-thread.ts'

export type { IndexingProgress } from './archive-messages.ts'
export type { ArchivedBlock, BlockPlace, TransactionPlace } from './archive-records.ts'

export interface Archive extends AsyncDisposable {
  /** Bytes of blocks that were put and are not written yet. */
  readonly backlogBytes: number
  /**
   * Copies the block (the caller may reuse its bytes) and sends it to the worker. Blocks of a shard come in the order of
   * their heights; one that is there already is replaced.
   *
   * @throws ArmError ARM_STORE if the archive has failed, or the backlog is full: await `drained` well before that.
   */
  putBlock(block: BlockPlace & ArchivedBlock): void
  /** Resolves when all blocks that were put are written: they survive the end of the process, not of the machine. */
  drained(): Promise<void>
  /** Resolves when all that was put or set survives the end of the machine too: only then may the log be shortened. */
  sync(): Promise<void>
  /** Sees every block put before, as all queries do. */
  getBlock(shard: number, height: number): Promise<ArchivedBlock | undefined>
  /** The same with an empty body. */
  getReceipts(shard: number, height: number): Promise<ArchivedBlock | undefined>
  /** An id that stands in several blocks, as no chain makes it, is found in one of them. */
  findTransaction(txId: Uint8Array): Promise<TransactionPlace | undefined>
  /** The highest block of a shard: those that follow it have to be put. */
  lastHeight(shard: number): Promise<number | undefined>
  setMeta(name: string, value: Uint8Array): Promise<void>
  getMeta(name: string): Promise<Uint8Array | undefined>
  /** Forgets the blocks above `height` and their transactions: for reverts of a development chain. */
  deleteAbove(shard: number, height: number): Promise<void>
  /** Writes what waits, and closes. */
  close(): Promise<void>
}

export type ArchiveOptions = {
  /** A folder, made if need be; or `memory`, which keeps everything until the end of the process: for development. */
  readonly dir: string | 'memory'
  /** Of new blocks; those that are there are read as they were written. `zstd` by default. */
  readonly compression?: Compression
  readonly maxBacklogBytes?: number
  /**
   * Told if the index of transactions is damaged; and how far it is, each time that it has read so many blocks again as a
   * restart never has to while it is whole.
   */
  readonly onIndexing?: (progress: IndexingProgress) => void
}

type Waiter = { resolve(value?: unknown): void; reject(error: unknown): void }

/** @throws ArmError ARM_STORE if the folder cannot be opened, for one because another process has it open. */
export async function openArchive(options: ArchiveOptions): Promise<Archive> {
  const archive = new WorkerArchive(options)
  await archive.opened
  return archive
}

class WorkerArchive implements Archive {
  readonly opened: Promise<void>
  readonly #dir: string
  readonly #worker: Worker
  readonly #maxBacklogBytes: number
  readonly #onIndexing: ArchiveOptions['onIndexing']
  readonly #waiting = new Map<number, Waiter>()
  #draining: Waiter[] = []
  readonly #listeners = [
    ['message', (reply: Reply): void => this.#receive(reply)],
    ['error', (cause: unknown): void => this.#fail('its worker crashed', cause)],
    ['exit', (): void => this.#fail('its worker ended')],
  ] as const
  readonly #buffers: SpareBuffers = new SpareBuffers(ARCHIVE_SPARE_BYTES_MAX)
  /** Blocks that go to the worker when the event loop comes round. */
  #puts: PutRequest[] = []
  #nextId = 1
  #backlogBytes = 0
  #failure: ArmError | undefined
  #closing: Promise<void> | undefined

  constructor({ dir, compression = 'zstd', maxBacklogBytes, onIndexing }: ArchiveOptions) {
    this.#dir = dir
    this.#maxBacklogBytes = maxBacklogBytes ?? ARCHIVE_BACKLOG_BYTES_MAX
    this.#onIndexing = onIndexing
    this.#worker = takeArchiveThread()
    this.opened = new Promise((resolve, reject) => this.#waiting.set(OPENING_ID, { resolve: () => resolve(), reject }))
    for (const [event, listener] of this.#listeners) this.#worker.on(event, listener)
    this.#send({ kind: 'open', dir, compression })
  }

  get backlogBytes(): number {
    return this.#backlogBytes
  }

  putBlock(block: BlockPlace & ArchivedBlock): void {
    this.#check()
    invariant(block.txIds.length % TX_ID_BYTES === 0, 'transaction ids have 32 bytes')
    const request = packBlock(block, block, this.#buffers)
    if (this.#backlogBytes + request.bytes.length > this.#maxBacklogBytes) {
      const hint = 'await drained() before more blocks are put'
      throw new ArmError('ARM_STORE', 'too much waits to be written to the history', {
        backlogBytes: this.#backlogBytes,
        maxBytes: this.#maxBacklogBytes,
        hint,
      })
    }
    this.#backlogBytes += request.bytes.length
    this.#puts.push(request)
    // Blocks of several shards become durable at once: they wake the worker once.
    if (this.#puts.length === 1) setImmediate(() => this.#sendPuts())
  }

  async drained(): Promise<void> {
    if (this.#failure) throw this.#failure
    if (this.#backlogBytes === 0) return
    await new Promise((resolve, reject) => this.#draining.push({ resolve, reject }))
  }

  async sync(): Promise<void> {
    await this.#ask({ kind: 'sync' })
  }

  async getBlock(shard: number, height: number): Promise<ArchivedBlock | undefined> {
    return await this.#ask({ kind: 'getBlock', shard, height, parts: 'all' })
  }

  async getReceipts(shard: number, height: number): Promise<ArchivedBlock | undefined> {
    return await this.#ask({ kind: 'getBlock', shard, height, parts: 'receipts' })
  }

  async findTransaction(txId: Uint8Array): Promise<TransactionPlace | undefined> {
    if (txId.length !== TX_ID_BYTES) return undefined
    return await this.#ask({ kind: 'findTransaction', txId: new Uint8Array(txId) })
  }

  async lastHeight(shard: number): Promise<number | undefined> {
    return await this.#ask({ kind: 'lastHeight', shard })
  }

  async setMeta(name: string, value: Uint8Array): Promise<void> {
    await this.#ask({ kind: 'setMeta', name, value: new Uint8Array(value) })
  }

  async getMeta(name: string): Promise<Uint8Array | undefined> {
    return await this.#ask({ kind: 'getMeta', name })
  }

  async deleteAbove(shard: number, height: number): Promise<void> {
    await this.#ask({ kind: 'deleteAbove', shard, height })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    try {
      if (this.#failure) throw this.#failure
      await this.#request({ kind: 'close' })
    } catch (error) {
      await this.#worker.terminate()
      throw error
    }
    for (const [event, listener] of this.#listeners) this.#worker.off(event, listener)
    returnArchiveThread(this.#worker)
  }

  #check(): void {
    if (this.#failure) throw this.#failure
    if (this.#closing !== undefined) throw storeError(this.#dir, 'it is closed')
  }

  async #ask<T>(message: Query | Command): Promise<T> {
    this.#check()
    return (await this.#request(message)) as T
  }

  #request(message: Query | Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#waiting.set(id, { resolve, reject })
      this.#send({ ...message, id })
    })
  }

  #send(request: Exclude<Request, PutsRequest>): void {
    // Whatever is asked sees the blocks that were put before.
    this.#sendPuts()
    this.#post(request)
  }

  #sendPuts(): void {
    const puts = this.#puts
    if (puts.length === 0 || this.#failure !== undefined) return
    this.#puts = []
    this.#post(
      { kind: 'puts', puts },
      puts.map(({ bytes }) => bytes.buffer),
    )
  }

  /** The worker keeps the process alive only while it owes something. */
  #post(request: Request, transfer: ArrayBuffer[] = []): void {
    this.#worker.ref()
    this.#worker.postMessage(request, transfer)
  }

  #receive(reply: Reply): void {
    switch (reply.kind) {
      case 'opened':
        this.#settle(OPENING_ID)?.resolve()
        break
      case 'indexing':
        this.#onIndexing?.(reply.progress)
        break
      case 'written':
        this.#backlogBytes -= reply.bytes
        this.#buffers.giveBack(reply.buffers)
        if (this.#backlogBytes === 0) for (const waiter of this.#draining.splice(0)) waiter.resolve()
        break
      case 'answer':
        this.#settle(reply.id)?.resolve(reply.value)
        break
      case 'refused':
        this.#settle(reply.id)?.reject(storeError(this.#dir, reply.reason))
        break
      case 'failed':
        this.#fail(reply.reason)
        void this.#worker.terminate()
        break
    }
    if (this.#waiting.size === 0 && this.#backlogBytes === 0) this.#worker.unref()
  }

  #settle(id: number): Waiter | undefined {
    const waiter = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiter
  }

  #fail(reason: string, cause?: unknown): void {
    this.#failure ??= storeError(this.#dir, reason, cause)
    const waiters = [...this.#waiting.values(), ...this.#draining.splice(0)]
    this.#waiting.clear()
    for (const waiter of waiters) waiter.reject(this.#failure)
  }
}

const OPENING_ID = 0

function storeError(dir: string, reason: string, cause?: unknown): ArmError {
  const hint = 'check free space, permissions, and that no other node uses the folder; then restart'
  return new ArmError('ARM_STORE', `the history in ${dir} failed: ${reason}`, { dir, hint }, { cause })
}
