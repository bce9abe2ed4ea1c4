import type { EngineFactory, Timing } from '@armchain/consensus'
import {
  type Genesis,
  isArmError,
  type KeyPair,
  type PreparedTransaction,
  type Refusal,
  type Runtime,
  type RuntimeModule,
  toHex,
} from '@armchain/core'
import type { VerifyPool } from '@armchain/core/node'
import {
  anchoredHeight,
  type Dropped,
  EVIDENCE_MODULE,
  type PoolLimits,
  type SealedBlock,
  type ShardDescriptor,
  type Signer,
} from '@armchain/shard'
import { AddressBook } from './chain/address-book.ts'
import type { ChainHost } from './chain/chain-host.ts'
import { devHandlers, type MutablePace } from './chain/dev.ts'
import type { History } from './chain/history.ts'
import { Intake } from './chain/intake.ts'
import { accountKey } from './chain/named-accounts.ts'
import type { NodeParts } from './chain/node-parts.ts'
import { OffenceReporter } from './chain/offence-reporter.ts'
import { PeerLink } from './chain/peer-link.ts'
import { PendingTransactions } from './chain/pending.ts'
import { publishBlock } from './chain/publish.ts'
import { queryHandlers, readAddress } from './chain/queries.ts'
import { folderBytes, type Recovered, recoverChain } from './chain/recover.ts'
import { Serial } from './chain/serial.ts'
import type { RestoredMachine } from './chain/snapshots.ts'
import { type ValidatorControl, validatorHandlers } from './chain/validator-control.ts'
import { Waiters } from './chain/waiters.ts'
import { SNAPSHOT_EVERY_BYTES } from './limits.ts'
import type { Log } from './log.ts'
import { createMetrics } from './metrics.ts'
import type { Behind } from './network/block-sync.ts'
import { netHandlers } from './network/net-handlers.ts'
import type { Transport } from './network/transport.ts'
import { createRpcServer, type RpcServer } from './rpc/server.ts'
import type { Archive } from './storage/archive.ts'
import type { DataDir } from './storage/data-dir.ts'
import { keepSnapshots, listSnapshots, writeSnapshot } from './storage/snapshot.ts'
import type { Wal } from './storage/wal.ts'

export type NodeOptions = {
  readonly genesis: Genesis
  /** Runtime modules beside bank, vesting, fees and evidence. */
  readonly modules?: readonly RuntimeModule[]
  /** Consensus engines beside `simplex`, `poa` and `solo`, by name. */
  readonly engines?: Readonly<Record<string, EngineFactory>>
  readonly signer: (shard: ShardDescriptor) => Signer | undefined
  readonly pace: { readonly blockTimeMs: number; readonly idleMs: number; readonly mode: 'timed' | 'manual' }
  /** Bounds on message delays between validators; the engines' own if left out. */
  readonly timing?: Timing
  /** Where the chain lives; nothing outlives the process without it. */
  readonly dataDir?: DataDir
  /** What is durable survives the end of the process, or that of the machine too, which is the default. */
  readonly durability?: 'process' | 'machine'
  /** The other validators. Needs a data folder: whoever forgets its votes may not vote. */
  readonly transport?: Transport
  readonly rpc?: { readonly host?: string; readonly port?: number }
  /** Pays on the main shard for reports of validators that contradict themselves; nothing is reported without it. */
  readonly reporter?: KeyPair
  /** Answers `dev_` methods; the faucet pays from this key. */
  readonly dev?: { readonly faucet?: KeyPair; readonly validators?: ValidatorControl }
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
  readonly recovered: Recovered
  /** How often a peer was cut off for what it sent. */
  readonly cutOffs: number
  /** vShards of which others have final blocks that this node has not yet. */
  readonly behind: readonly Behind[]
  /** Submits signed transactions as RPC would. */
  readonly submit: Intake['submit']
  /** Writes a snapshot and drops the log before it; a no-op without a data folder. */
  snapshot(): Promise<void>
  close(): Promise<void>
  /** Stops at once, as a crash would: what is not on the disk yet is lost. */
  kill(): Promise<void>
}

const VERSION = '0.1.0'
/** After the node serves: whoever started it does its own first work before that. */
const WARM_UP_AFTER_MS = 300
const SNAPSHOTS_KEPT = 2
/** Of a log record beside its body: head, details, certificate, frame. */
const RECORD_OVERHEAD_BYTES = 1024

export type NodeInner = {
  readonly runtime: Runtime
  readonly archive: Archive
  readonly wal: Wal | undefined
  readonly verifier: VerifyPool
  readonly pace: MutablePace
  readonly history: History
  readonly host: ChainHost
  readonly log: Log
}

/** A node that has been put together: what happens from its start to its end. */
export class RunningNode implements ArmNode {
  readonly #options: NodeOptions
  readonly #inner: NodeInner
  readonly #waiters: Waiters = new Waiters()
  readonly #pending: PendingTransactions = new PendingTransactions()
  readonly #published: Map<number, number> = new Map()
  readonly #anchored: Map<number, number> = new Map()
  readonly #hashes: Map<string, number> = new Map()
  readonly #metrics: ReturnType<typeof createMetrics> = createMetrics()
  readonly #snapshots: Serial = new Serial()
  readonly #intake: Intake
  readonly #parts: NodeParts
  #peers: PeerLink | undefined
  readonly #offences: OffenceReporter | undefined
  #rpc: RpcServer | undefined
  #warmUp: NodeJS.Timeout | undefined
  #recovered: Recovered = { blocks: 0, truncatedBytes: 0 }
  #logBytes = 0
  /** Log written since the last attempt at a snapshot. */
  #unsnapshotBytes = 0
  /** Of the last snapshot that was written. */
  #snapshotBytes = 0
  #snapshotting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: NodeOptions, inner: NodeInner) {
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
    this.#offences = this.#createReporter()
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
  get recovered(): Recovered {
    return this.#recovered
  }
  get cutOffs(): number {
    return this.#peers?.cutOffs ?? 0
  }

  get behind(): readonly Behind[] {
    return this.#peers?.behind ?? []
  }

  submit: Intake['submit'] = (raws) => this.#submit(raws.map((raw) => new Uint8Array(raw)))

  /** Takes transactions whose bytes nobody else changes, and tells the others of those that are accepted. */
  async #submit(raws: readonly Uint8Array[]): ReturnType<Intake['submit']> {
    const results = await this.#intake.submit(raws)
    this.#peers?.accepted(raws, results)
    return results
  }

  #join(transport: Transport): PeerLink {
    const { host, history, log } = this.#inner
    const { publishedHeight } = this.#parts
    return new PeerLink({
      transport,
      host,
      history,
      log,
      intake: this.#intake,
      signer: this.#options.signer,
      publishedHeight,
      report: (vShard, evidence) => this.#report(vShard, evidence),
    })
  }

  #createReporter(): OffenceReporter | undefined {
    const { host, log, runtime } = this.#inner
    const { reporter: key, signer } = this.#options
    const [main] = host.layout.shards
    if (key === undefined || main === undefined || !runtime.scheme.modules.includes(EVIDENCE_MODULE)) return undefined
    const turn = signer(main)?.index ?? main.validators.length
    return new OffenceReporter({ runtime, main: () => host.machine.main, key, turn, submit: this.submit, log })
  }

  #report(vShard: number, evidence: Uint8Array): void {
    const { host, log } = this.#inner
    log.warn('a validator has contradicted itself', { vShard })
    const shard = host.machine.shard(vShard)?.descriptor.key
    if (shard !== undefined) this.#offences?.take({ shard, evidence })
  }

  /** Replays what the data folder holds. */
  async recover(): Promise<void> {
    const { wal, host, history, log } = this.#inner
    const { dataDir } = this.#options
    if (wal === undefined || dataDir === undefined) return
    this.#recovered = await recoverChain(host, history, { wal, dataDir, log })
    this.#readHeights()
    this.#logBytes = await folderBytes(dataDir.walDir)
    this.#unsnapshotBytes = this.#logBytes
  }

  async serve(): Promise<void> {
    const { host, log, archive, verifier } = this.#inner
    const { rpc, dev } = this.#options
    const shards = () =>
      host.machine.shards.map(({ descriptor, chain, pool, engine }) => ({
        shard: String(descriptor.key.vShard),
        anchoredHeight: this.#parts.anchoredHeight(descriptor.key.vShard),
        poolTransactions: pool.size,
        accounts: chain.state.accounts.count,
        candidates: chain.candidates,
        engine: engine.sizes?.() ?? [],
      }))
    this.#metrics.observe(() => ({
      shards: shards(),
      walBytes: this.#logBytes,
      archiveBacklogBytes: archive.backlogBytes,
      cutOffs: this.cutOffs,
    }))
    const { transport } = this.#options
    this.#metrics.observeNetwork(async () => transport?.stats?.())
    // Not before the log is replayed: what peers say would come to a chain that is not there yet.
    if (transport !== undefined) this.#peers = this.#join(transport)
    host.start()
    this.#peers?.start()
    await host.settled()
    if (rpc === undefined) return
    const revert = (restored: RestoredMachine): Promise<void> => this.#revert(restored)
    const handlers = {
      ...queryHandlers(this.#parts),
      ...netHandlers(transport),
      ...(dev &&
        devHandlers({
          parts: this.#parts,
          alone: transport === undefined,
          pace: this.#inner.pace,
          faucet: dev.faucet,
          submit: this.submit,
          revert,
        })),
    }
    const control = dev?.validators
    this.#rpc = await createRpcServer({
      handlers: { ...handlers, ...(control && validatorHandlers(control, transport?.self ?? 0)) },
      submitMany: (raws) => this.#submit(raws),
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
    host.continueLog()
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
    await wal.flush()
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

  kill(): Promise<void> {
    this.#inner.host.kill()
    this.#inner.wal?.abandon()
    return this.close()
  }

  async #close(): Promise<void> {
    clearTimeout(this.#warmUp)
    const { host, wal, archive, verifier } = this.#inner
    this.#peers?.close()
    this.#intake.close()
    await this.#rpc?.close()
    await host.close()
    await this.#snapshots.idle()
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

  #onBlock(sealed: SealedBlock): void {
    const { executed, shard } = sealed
    this.#published.set(shard.vShard, executed.height)
    if (shard.vShard === 0) {
      this.#anchored.set(0, executed.height)
      void this.#offences?.look()
    }
    for (const { head } of executed.anchors) this.#anchored.set(head.shard.vShard, head.height)
    this.#hashes.set(`${shard.vShard}:${toHex(executed.hash)}`, executed.height)
    if (this.#hashes.size > HASHES_MAX) this.#hashes.delete(this.#hashes.keys().next().value as string)
    for (const { id } of executed.transactions) this.#pending.delete(id)
    this.#peers?.published(sealed)
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

/** A chunk in a turn of the event loop: blocks are made and requests answered in between. */
async function* inTurns(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) {
    yield chunk
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const REVERTED: Refusal = {
  code: 'ARM_CHAIN_REVERTED',
  message: 'the chain was taken back to a snapshot',
  data: { hint: 'sign again, with the nonce that the account has now' },
}

/** Recent heads that can be found by hash. */
const HASHES_MAX = 100_000
