// The archive's worker thread: compresses, and writes to the store behind. Requests are served in their order, runs of
// blocks as one batch and runs of queries at once, so that a query sees every block that was put before it. It serves one
// archive at a time, and after its close the next.
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { ARCHIVE_BATCH_BYTES_MAX, TX_INDEX_LIMITS } from '../limits.ts'
import { ArchiveIndex } from './archive-index.ts'
import {
  type Command,
  type OpenRequest,
  type PutRequest,
  type PutsRequest,
  type Query,
  type Reply,
  type Request,
  unpackBlock,
} from './archive-messages.ts'
import {
  blockKey,
  type Compression,
  decodeBlock,
  decodeHeight,
  encodeBlock,
  encodeHeight,
  lastHeightKey,
  metaKey,
} from './archive-records.ts'
import { type ArchiveStore, memoryStore, openLevelStore } from './archive-store.ts'
import { memoryIndexDisk, nodeIndexDisk } from './tx-index/disk.ts'

const port = parentPort
if (port) serve(port)

type Served = {
  readonly store: ArchiveStore
  readonly index: ArchiveIndex
  readonly compression: Compression
  /** Last height of each shard, as far as it has been asked for or written. */
  readonly lastHeights: Map<number, number>
}

/** What is served in its order, a block by itself. */
type Queued = Exclude<Request, OpenRequest | PutsRequest> | PutRequest

function serve(channel: NonNullable<typeof parentPort>): void {
  const queue: Queued[] = []
  let served: Promise<Served> | undefined
  let working = false
  channel.on('message', (request: Request) => {
    if (request.kind === 'open') {
      served = open(request)
      served.then(() => reply({ kind: 'opened' }), fail)
      return
    }
    if (request.kind === 'puts') queue.push(...request.puts)
    else queue.push(request)
    if (working || served === undefined) return
    working = true
    // After a failure nothing more is taken: a block that is missing in the middle would never be noticed.
    served
      .then((archive) => work(archive, queue))
      .then(() => {
        working = false
      }, fail)
  })
}

async function open({ dir, compression }: OpenRequest): Promise<Served> {
  const inMemory = dir === 'memory'
  const store = inMemory ? memoryStore() : await openLevelStore(dir)
  try {
    const index = await ArchiveIndex.open(store, {
      disk: inMemory ? memoryIndexDisk() : nodeIndexDisk(join(dir, 'tx-index')),
      limits: TX_INDEX_LIMITS,
      onProgress: (progress) => reply({ kind: 'indexing', progress }),
    })
    return { store, index, compression, lastHeights: new Map() }
  } catch (error) {
    // The folder is free for whoever mends it.
    await store.close()
    throw error
  }
}

function reply(message: Reply, transfer: readonly ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

function fail(error: unknown): void {
  reply({ kind: 'failed', reason: reasonOf(error) })
}

async function work(served: Served, queue: Queued[]): Promise<void> {
  while (queue.length > 0) {
    const puts = takePuts(queue)
    if (puts.length > 0) await writeBlocks(served, puts)
    const queries = takeQueries(queue)
    await Promise.all(queries.map((query) => answer(query.id, () => ask(served, query))))
    const next = queue[0]
    if (next === undefined || next.kind === 'put' || isQuery(next)) continue
    queue.shift()
    await answer(next.id, () => execute(served, next))
  }
}

function takePuts(queue: Queued[]): PutRequest[] {
  const puts: PutRequest[] = []
  for (let bytes = 0; bytes < ARCHIVE_BATCH_BYTES_MAX; ) {
    const next = queue[0]
    if (next?.kind !== 'put') break
    bytes += next.bytes.length
    puts.push(next)
    queue.shift()
  }
  return puts
}

type NumberedQuery = Query & { readonly id: number }

function takeQueries(queue: Queued[]): NumberedQuery[] {
  const queries: NumberedQuery[] = []
  for (let next = queue[0]; next !== undefined && isQuery(next); next = queue[0]) {
    queries.push(next)
    queue.shift()
  }
  return queries
}

function isQuery(request: Queued): request is NumberedQuery {
  return ['getBlock', 'findTransaction', 'lastHeight', 'getMeta'].includes(request.kind)
}

async function answer(id: number, action: () => Promise<unknown>): Promise<void> {
  try {
    reply({ kind: 'answer', id, value: await action() })
  } catch (error) {
    reply({ kind: 'refused', id, reason: reasonOf(error) })
  }
}

async function writeBlocks(
  { store, index, compression, lastHeights: known }: Served,
  puts: readonly PutRequest[],
): Promise<void> {
  const batch = store.batch()
  const lastHeights = new Map<number, number>()
  let bytes = 0
  for (const put of puts) {
    batch.put(blockKey(put), joined(encodeBlock(unpackBlock(put), compression)))
    await index.uncover(put.shard, put.height)
    // Blocks come again after a restart, from the log: the last height never falls here.
    const last =
      lastHeights.get(put.shard) ?? known.get(put.shard) ?? (await lastHeight(store, put.shard)) ?? put.height
    lastHeights.set(put.shard, Math.max(last, put.height))
    bytes += put.bytes.length
  }
  for (const [shard, height] of lastHeights) batch.put(lastHeightKey(shard), encodeHeight(height))
  await batch.write()
  for (const [shard, height] of lastHeights) known.set(shard, height)
  await index.add(puts.map((put) => ({ shard: put.shard, height: put.height, txIds: unpackBlock(put).txIds })))
  const buffers = puts.map((put) => put.bytes.buffer)
  reply({ kind: 'written', bytes, buffers }, buffers)
}

let scratch = Buffer.alloc(0)

/** The pieces as one, good until the next call: the batch copies it, and memory that is used again costs least. */
function joined(parts: readonly Uint8Array[]): Buffer {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 0)
  if (sizeBytes > scratch.length) scratch = Buffer.allocUnsafeSlow(Math.max(sizeBytes, 2 * scratch.length))
  const target = scratch.subarray(0, sizeBytes)
  let at = 0
  for (const part of parts) {
    target.set(part, at)
    at += part.length
  }
  if (scratch.length > ARCHIVE_BATCH_BYTES_MAX) scratch = Buffer.alloc(0)
  return target
}

async function lastHeight(store: ArchiveStore, shard: number): Promise<number | undefined> {
  const value = await store.get(lastHeightKey(shard))
  return value && decodeHeight(value)
}

async function ask({ store, index }: Served, query: Query): Promise<unknown> {
  switch (query.kind) {
    case 'getBlock': {
      const value = await store.get(blockKey(query))
      return value && decodeBlock(value, query.parts)
    }
    case 'findTransaction':
      return await index.find(query.txId)
    case 'lastHeight':
      return await lastHeight(store, query.shard)
    case 'getMeta': {
      const value = await store.get(metaKey(query.name))
      return value && new Uint8Array(value)
    }
  }
}

async function execute({ store, index, lastHeights }: Served, command: Command): Promise<void> {
  switch (command.kind) {
    case 'setMeta': {
      const batch = store.batch()
      batch.put(metaKey(command.name), Buffer.from(command.value))
      return await batch.write()
    }
    case 'deleteAbove':
      lastHeights.delete(command.shard)
      await index.uncover(command.shard, command.height + 1)
      return await deleteAbove(store, command.shard, command.height)
    case 'sync':
      return await store.sync()
    case 'close':
      try {
        return await index.close()
      } finally {
        await store.close()
      }
  }
}

/** From the top down, each block in a batch of its own: what is left after a crash has no gap. */
async function deleteAbove(store: ArchiveStore, shard: number, height: number): Promise<void> {
  const last = (await lastHeight(store, shard)) ?? height
  for (let at = last; at > height; at--) {
    const batch = store.batch()
    batch.del(blockKey({ shard, height: at }))
    const below = await store.get(blockKey({ shard, height: Math.max(at - 1, 0) }))
    if (at - 1 > height || below) batch.put(lastHeightKey(shard), encodeHeight(at - 1))
    else batch.del(lastHeightKey(shard))
    await batch.write()
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
