import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createSoloEngine, type EngineFactory } from '@armchain/consensus'
import {
  ArmError,
  bank,
  createRuntime,
  fees,
  type Genesis,
  genesisHash,
  INDEX_KEY_BYTES,
  isArmError,
  type KeyPair,
  keyAccountIndex,
  type PreparedTransaction,
  type Refusal,
  type Runtime,
  type RuntimeModule,
  toHex,
  vesting,
} from '@armchain/core'
import { createVerifyPool, sharedVerifyPool, type VerifyPool } from '@armchain/core/node'
import { anchoredHeight, type Dropped, type PoolLimits, type SealedBlock, type ShardDescriptor } from '@armchain/shard'
import { AddressBook } from './chain/address-book.ts'
import { ChainHost, RECORD_BLOCK, type Signer } from './chain/chain-host.ts'
import { devHandlers, type MutablePace } from './chain/dev.ts'
import { History } from './chain/history.ts'
import { Intake } from './chain/intake.ts'
import { accountKey } from './chain/named-accounts.ts'
import type { NodeParts } from './chain/node-parts.ts'
import { PendingTransactions } from './chain/pending.ts'
import { publishBlock } from './chain/publish.ts'
import { queryHandlers, readAddress } from './chain/queries.ts'
import { Serial } from './chain/serial.ts'
import { type RestoredMachine, restoreMachine } from './chain/snapshots.ts'
import { Waiters } from './chain/waiters.ts'
import { SNAPSHOT_EVERY_BYTES } from './limits.ts'
import { type Log, silentLog } from './log.ts'
import { createMetrics } from './metrics.ts'
import { createRpcServer, type RpcServer } from './rpc/server.ts'
import { type Archive, openArchive } from './storage/archive.ts'
import type { DataDir } from './storage/data-dir.ts'
import { keepSnapshots, latestValidSnapshot, listSnapshots, writeSnapshot } from './storage/snapshot.ts'
import { openWal, type Wal } from './storage/wal.ts'

export type NodeOptions = {
  readonly genesis: Genesis
  /** Runtime modules beside bank, vesting and fees. */
  readonly modules?: readonly RuntimeModule[]
  /** Consensus engines beside `solo`, by name. */
  readonly engines?: Readonly<Record<string, EngineFactory>>
  readonly signer: (shard: ShardDescriptor) => Signer | undefined
  readonly pace: { readonly blockTimeMs: number; readonly idleMs: number; readonly mode: 'timed' | 'manual' }
  /** Where the chain lives; nothing outlives the process without it. */
  readonly dataDir?: DataDir
  readonly rpc?: { readonly host?: string; readonly port?: number }
  /** Answers `dev_` methods; the faucet pays from this key. */
  readonly dev?: { readonly faucet?: KeyPair }
  readonly log?: Log
  readonly verifyWorkers?: number
  /** Of each vShard's pool. */
  readonly poolLimits?: PoolLimits
  readonly snapshotEveryBytes?: number
  /** Called when the node cannot go on, as when its disk fails. */
  readonly onFailure?: (error: unknown) => void
}

export interface ArmNode extends AsyncDisposable {
  readonly url: string | undefined
  readonly wsUrl: string | undefined
  readonly runtime: Runtime
  readonly host: ChainHost
  /** What the log held at start. */
  readonly recovered: { readonly blocks: number; readonly truncatedBytes: number }
  /** Submits signed transactions as RPC would. */
  readonly submit: Intake['submit']
  /** Writes a snapshot and drops the log before it; a no-op without a data folder. */
  snapshot(): Promise<void>
  close(): Promise<void>
}

const VERSION = '0.1.0'
/** After the node serves: whoever started it does its own first work before that. */
const WARM_UP_AFTER_MS = 300
const SNAPSHOTS_KEPT = 2
/** Of a log record beside its body: head, details, certificate, frame. */
const RECORD_OVERHEAD_BYTES = 1024

/** The composition of a node: log, state, chain machine, history, intake, RPC. Resolves when it serves. */
export async function createNode(options: NodeOptions): Promise<ArmNode> {
  const { genesis, dataDir, log = silentLog } = options
  keyAccountIndex(randomBytes(INDEX_KEY_BYTES))
  const runtime = createRuntime(genesis.scheme, [bank, vesting, fees, ...(options.modules ?? [])], genesisHash(genesis))
  const wal = dataDir && (await openWal({ dir: dataDir.walDir, genesisHash: runtime.genesisHash, sync: 'fdatasync' }))
  const archive = await openArchive({
    dir: dataDir?.archiveDir ?? 'memory',
    compression: genesis.scheme.compression === 'none' ? 'none' : 'zstd',
  })
  const verifier =
    options.verifyWorkers === undefined ? sharedVerifyPool() : createVerifyPool({ workers: options.verifyWorkers })
  const pace: MutablePace = { ...options.pace }
  const history = new History(archive, runtime)
  const engines = { solo: createSoloEngine, ...options.engines }
  const host = new ChainHost({
    runtime,
    genesis,
    engines,
    pace,
    signer: options.signer,
    wal,
    history,
    nowMs: Date.now,
    log,
    ...(options.poolLimits && { poolLimits: options.poolLimits }),
  })
  const node = new RunningNode(options, { runtime, archive, wal, verifier, pace, history, host, log })
  try {
    await node.recover()
    await node.serve()
    return node
  } catch (error) {
    await node.close()
    throw error
  }
}

type Inner = {
  readonly runtime: Runtime
  readonly archive: Archive
  readonly wal: Wal | undefined
  readonly verifier: VerifyPool
  readonly pace: MutablePace
  readonly history: History
  readonly host: ChainHost
  readonly log: Log
}

class RunningNode implements ArmNode {
  readonly #options: NodeOptions
  readonly #inner: Inner
  readonly #waiters: Waiters = new Waiters()
  readonly #pending: PendingTransactions = new PendingTransactions()
  readonly #published: Map<number, number> = new Map()
  readonly #anchored: Map<number, number> = new Map()
  readonly #hashes: Map<string, number> = new Map()
  readonly #metrics: ReturnType<typeof createMetrics> = createMetrics()
  readonly #snapshots: Serial = new Serial()
  readonly #intake: Intake
  readonly #parts: NodeParts
  #rpc: RpcServer | undefined
  #warmUp: NodeJS.Timeout | undefined
  #recovered = { blocks: 0, truncatedBytes: 0 }
  #logBytes = 0
  /** Log written since the last attempt at a snapshot. */
  #unsnapshotBytes = 0
  /** Of the last snapshot that was written. */
  #snapshotBytes = 0
  #snapshotting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: NodeOptions, inner: Inner) {
    this.#options = options
    this.#inner = inner
    const { runtime, verifier, host, history, pace } = inner
    this.#intake = new Intake(
      runtime,
      verifier,
      (prepared) => this.#admit(prepared),
      async (txId) => (await history.find(txId)) !== undefined,
    )
    this.#parts = {
      runtime,
      host,
      history,
      waiters: this.#waiters,
      addresses: new AddressBook(runtime.scheme.addressPrefix),
      pace,
      version: VERSION,
      dev: options.dev !== undefined,
      walBytes: () => this.#logBytes,
      pending: (txId) => this.#pending.get(txId),
      publishedHeight: (vShard) => this.#published.get(vShard) ?? 0,
      anchoredHeight: (vShard) => this.#anchored.get(vShard) ?? 0,
      heightOf: (vShard, hash) => this.#hashes.get(`${vShard}:${hash}`),
    }
    host.listen(
      (sealed) => this.#onBlock(sealed),
      (_, dropped) => this.#onDropped(dropped),
      (error) => this.#onFailure(error),
    )
  }

  get url(): string | undefined {
    return this.#rpc?.url
  }
  get wsUrl(): string | undefined {
    return this.#rpc?.wsUrl
  }
  get runtime(): Runtime {
    return this.#inner.runtime
  }
  get host(): ChainHost {
    return this.#inner.host
  }
  get recovered(): { readonly blocks: number; readonly truncatedBytes: number } {
    return this.#recovered
  }

  submit: Intake['submit'] = (raws) => this.#intake.submit(raws.map((raw) => new Uint8Array(raw)))

  /** Replays the log over the last snapshot, and gives history what it misses. */
  async recover(): Promise<void> {
    const { wal, host, history, archive, log } = this.#inner
    const { dataDir } = this.#options
    if (wal === undefined || dataDir === undefined) return
    const skipped = (path: string, error: unknown): void =>
      log.warn('a snapshot is damaged and was skipped', { path, error: String(error) })
    const snapshot = await latestValidSnapshot(dataDir.snapshotDir, this.runtime.genesisHash, (file, error) =>
      skipped(String(file), error),
    )
    if (snapshot !== undefined) host.restore(await restoreMachine(snapshot.meta, snapshot.chunks()))
    const archived = new Map<number, number>()
    for (const { descriptor } of host.machine.shards)
      archived.set(descriptor.key.vShard, (await archive.lastHeight(descriptor.key.vShard)) ?? 0)
    let blocks = 0
    for await (const record of wal.replay(snapshot?.walSegment)) {
      if (record.kind !== RECORD_BLOCK)
        throw new ArmError('ARM_LOG_CORRUPT', 'the log holds a record of an unknown kind', {
          kind: record.kind,
          hint: 'start it with the version that wrote it',
        })
      const sealed = this.#replay(record.payload)
      if (sealed.executed.height > (archived.get(sealed.shard.vShard) ?? 0)) history.put(sealed)
      await archive.drained()
      blocks++
    }
    this.#readHeights()
    this.#recovered = { blocks, truncatedBytes: wal.recovered.truncatedBytes }
    this.#logBytes = await folderBytes(dataDir.walDir)
    this.#unsnapshotBytes = this.#logBytes
    if (wal.recovered.truncatedBytes > 0)
      log.warn('the torn end of the log was cut', { truncatedBytes: wal.recovered.truncatedBytes })
  }

  async serve(): Promise<void> {
    const { host, log, archive, verifier } = this.#inner
    const { rpc, dev } = this.#options
    const shards = () =>
      host.machine.shards.map(({ descriptor, chain, pool }) => ({
        shard: String(descriptor.key.vShard),
        anchoredHeight: this.#parts.anchoredHeight(descriptor.key.vShard),
        poolTransactions: pool.size,
        accounts: chain.state.accounts.count,
      }))
    this.#metrics.observe(() => ({
      shards: shards(),
      walBytes: this.#logBytes,
      archiveBacklogBytes: archive.backlogBytes,
    }))
    host.start()
    await host.settled()
    if (rpc === undefined) return
    const revert = (restored: RestoredMachine): Promise<void> => this.#revert(restored)
    const handlers = {
      ...queryHandlers(this.#parts),
      ...(dev &&
        devHandlers({ parts: this.#parts, pace: this.#inner.pace, faucet: dev.faucet, submit: this.submit, revert })),
    }
    this.#rpc = await createRpcServer({
      handlers,
      submitMany: (raws) => this.#intake.submit(raws),
      ...rpc,
      metrics: this.#metrics,
      log,
      health: () => host.health,
      addressKey: (address) => {
        const { account, vShard } = readAddress(this.#parts, address)
        return accountKey(account, vShard)
      },
      version: VERSION,
    })
    this.#warmUp = setTimeout(() => {
      verifier
        .warmUp()
        .catch((error: unknown) => log.warn('the verifying threads did not start', { error: String(error) }))
    }, WARM_UP_AFTER_MS).unref()
  }

  snapshot(): Promise<void> {
    return this.#snapshots.run(() => this.#writeSnapshot())
  }

  async #writeSnapshot(): Promise<void> {
    const { wal, host, archive } = this.#inner
    const { dataDir } = this.#options
    if (wal === undefined || dataDir === undefined) return
    // The cut and the copy are of one moment: nothing may come between these two lines.
    const cut = wal.cut()
    // Awaited below, unless the folder cannot even be listed.
    cut.catch(() => undefined)
    using running = host.beginSnapshot()
    const id = ((await listSnapshots(dataDir.snapshotDir)).reduce((max, file) => Math.max(max, file.id), 0) || 0) + 1
    const { sizeBytes } = await writeSnapshot(dataDir.snapshotDir, {
      id,
      genesisHash: this.runtime.genesisHash,
      walSegment: await cut,
      meta: running.meta,
      chunks: inTurns(running.chunks()),
    })
    this.#snapshotBytes = sizeBytes
    // History has to hold what the log forgets: blocks that are durable may still be on their way there.
    await host.settled()
    await archive.sync()
    await wal.dropBefore(await keepSnapshots(dataDir.snapshotDir, SNAPSHOTS_KEPT))
    this.#logBytes = await folderBytes(dataDir.walDir)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    clearTimeout(this.#warmUp)
    const { host, wal, archive, verifier } = this.#inner
    this.#intake.close()
    await this.#rpc?.close()
    await host.close()
    await this.#snapshots
    await wal?.close()
    await archive.close()
    if (this.#options.verifyWorkers !== undefined) await verifier.close()
    this.#metrics.close()
  }

  /** Takes the chain back; everything that knows of later blocks forgets them before it goes on. */
  async #revert(restored: RestoredMachine): Promise<void> {
    const { host, history } = this.#inner
    await host.revert(restored, async () => {
      this.#pending.clear()
      this.#waiters.dropAll(REVERTED)
      this.#readHeights()
      for (const [vShard, height] of this.#published) await history.revert(vShard, height)
      await this.snapshot()
    })
  }

  #admit(prepared: PreparedTransaction): Refusal | undefined {
    const refusal = this.#inner.host.admit(prepared)
    if (refusal === undefined) this.#pending.set(prepared)
    return refusal
  }

  /** What is durable and anchored, where the machine stands still; later heads are forgotten. */
  #readHeights(): void {
    const { machine } = this.#inner.host
    for (const { descriptor, chain } of machine.shards) {
      this.#published.set(descriptor.key.vShard, chain.tip.height)
      this.#anchored.set(descriptor.key.vShard, anchoredHeight(machine, descriptor.key))
    }
    for (const [key, height] of this.#hashes)
      if (height > (this.#published.get(Number(key.split(':')[0])) ?? 0)) this.#hashes.delete(key)
  }

  #replay(record: Uint8Array): SealedBlock {
    try {
      return this.#inner.host.replay(record)
    } catch (cause) {
      throw new ArmError(
        'ARM_LOG_CORRUPT',
        'a block of the log does not follow from the state',
        {
          reason: String((cause as Error).message),
          hint: 'restore the data folder from a copy, or start over with --reset',
        },
        { cause },
      )
    }
  }

  #onBlock(sealed: SealedBlock): void {
    const { executed, shard } = sealed
    this.#published.set(shard.vShard, executed.height)
    if (shard.vShard === 0) this.#anchored.set(0, executed.height)
    for (const { head } of executed.anchors) this.#anchored.set(head.shard.vShard, head.height)
    this.#hashes.set(`${shard.vShard}:${toHex(executed.hash)}`, executed.height)
    if (this.#hashes.size > HASHES_MAX) this.#hashes.delete(this.#hashes.keys().next().value as string)
    for (const { id } of executed.transactions) this.#pending.delete(id)
    publishBlock(this.#parts, this.#rpc, sealed)
    this.#metrics.block({
      shard: String(shard.vShard),
      height: executed.height,
      transactions: executed.transactions.length,
      imports: executed.imports.length,
      gasUsed: executed.details.gasUsed,
      sizeBytes: executed.details.sizeBytes,
      seconds: Math.max(0, (Date.now() - executed.head.timeMs) / 1000),
    })
    const recordBytes = executed.details.sizeBytes + RECORD_OVERHEAD_BYTES
    this.#logBytes += recordBytes
    this.#unsnapshotBytes += recordBytes
    const everyBytes = this.#options.snapshotEveryBytes ?? Math.max(SNAPSHOT_EVERY_BYTES, this.#snapshotBytes)
    if (this.#unsnapshotBytes > everyBytes) this.#snapshotSoon()
  }

  #snapshotSoon(): void {
    const { wal, host, log } = this.#inner
    if (wal === undefined || this.#snapshotting !== undefined) return
    // Also after a failure, so that the next attempt comes when as much has been written again.
    this.#unsnapshotBytes = 0
    this.#snapshotting = this.snapshot()
      .catch((error: unknown) => {
        if (isArmError(error) && error.code === 'ARM_LOG_IO') host.fail(error)
        else log.warn('no snapshot could be written; the log is kept instead', { error: String(error) })
      })
      .finally(() => {
        this.#snapshotting = undefined
      })
  }

  #onDropped(dropped: readonly Dropped[]): void {
    for (const { prepared, reason } of dropped) {
      this.#pending.delete(prepared.id)
      this.#waiters.drop(toHex(prepared.id), reason)
    }
  }

  #onFailure(error: unknown): void {
    this.#waiters.dropAll({ code: 'ARM_LOG_IO', message: 'the node has stopped: it cannot write any more' })
    this.#inner.log.error('the node cannot go on', { error: String(error) })
    this.#options.onFailure?.(error)
  }
}

const REVERTED: Refusal = {
  code: 'ARM_CHAIN_REVERTED',
  message: 'the chain was taken back to a snapshot',
  data: { hint: 'sign again, with the nonce that the account has now' },
}

/** Recent heads that can be found by hash. */
const HASHES_MAX = 100_000

/** A chunk in a turn of the event loop: blocks are made and requests answered in between. */
async function* inTurns(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) {
    yield chunk
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function folderBytes(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(dir, name)).then(
        (file) => file.size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
