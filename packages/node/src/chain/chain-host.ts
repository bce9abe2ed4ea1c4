import type { EngineFactory, Pace, Timing } from '@armchain/consensus'
import {
  ArmError,
  type Genesis,
  genesisHash,
  invariant,
  type PreparedTransaction,
  type Refusal,
  type Runtime,
  toHex,
} from '@armchain/core'
import {
  ChainMachine,
  type Dropped,
  genesisLayout,
  type Layout,
  type MachineEffect,
  type MachineInput,
  type PoolLimits,
  type SealedBlock,
  type ShardDescriptor,
  type Signer,
} from '@armchain/shard'
import { ARCHIVE_PAUSE_BYTES, UNPUBLISHED_BYTES_MAX } from '../limits.ts'
import type { Log } from '../log.ts'
import type { VoteGuard } from '../storage/vote-guard.ts'
import type { Wal } from '../storage/wal.ts'
import { EngineRecords, RECORD_BLOCK, RECORD_CHECKPOINT, RECORD_ENGINE } from './engine-log.ts'
import type { History } from './history.ts'
import { type BusyPace, isOnDemand } from './pace.ts'
import {
  beginSnapshot,
  type MachineSnapshot,
  type RestoredMachine,
  type RunningSnapshot,
  snapshotMachine,
} from './snapshots.ts'
import { TraceIndex } from './trace-index.ts'

/** The timer by which engines look at their pace. */
const BLOCK_TIMER = 1

export type ChainHostOptions = {
  readonly runtime: Runtime
  readonly genesis: Genesis
  readonly engines: Readonly<Record<string, EngineFactory>>
  readonly pace: Pace
  /** Puts blocks on demand further apart, for who decides alone: others would wait for a leader in vain. */
  readonly busyPace?: Pick<BusyPace, 'apartMs' | 'made'>
  readonly timing?: Timing
  readonly signer: (shard: ShardDescriptor) => Signer | undefined
  /** Absent: nothing outlives the process. */
  readonly wal: Wal | undefined
  /** Remembers votes apart from the log; for nodes that vote with others. */
  readonly guard?: VoteGuard
  /** Whether the signatures of these transactions all hold, and their keys may own accounts. */
  readonly verify: (transactions: readonly PreparedTransaction[]) => Promise<boolean>
  readonly history: History
  readonly nowMs: () => number
  readonly poolLimits?: PoolLimits
  /** Log that may wait to be published before no more blocks are made. */
  readonly unpublishedBytesMax?: number
  readonly log: Log
}

/** What engines ask of the network; nothing of it comes where a validator is alone. */
export interface HostNetwork {
  sendToEngine(vShard: number, to: number | 'all', bytes: Uint8Array): void
  /** Those that follow on the last one that is final here. */
  requestBlocks(vShard: number): void
  /** Whoever has this place has sent what no correct node sends: a seat, or the number of a peer above all seats. */
  blame(vShard: number, place: number, reason: string): void
  /** A validator of a vShard has signed what no correct one signs. */
  report(vShard: number, evidence: Uint8Array): void
}

export type BlockListener = (sealed: SealedBlock) => void
/** What is told of once it is durable. */
type Shown = Extract<MachineEffect, { readonly type: 'sealed' | 'dropped' }>
/** What one step leaves to be done when its records are durable. */
type Batch = {
  readonly shown: Shown[]
  readonly sent: Extract<MachineEffect, { readonly type: 'send' }>[]
  /** Last vote by vShard. */
  readonly votes: Map<number, number>
  sizeBytes: number
}
export type DropListener = (shard: number, dropped: readonly Dropped[]) => void

export type HostHealth = { readonly ok: boolean; readonly reason?: string }

/**
 * Carries out what the chain machine asks for: appends to the log, timers, and, once the log is synced, publication.
 *
 * What listeners hear is durable. The machine itself is ahead of the disk, so whoever shows something of its state reads
 * through `durable`: the value is that of one moment, and is given out once the blocks up to that moment are published.
 * That waits for no block made later, however busy the chain is.
 *
 * Blocks are not made while too much waits to be published, nor while the chain is taken back to a snapshot; after a
 * failure of the log or of history, never again.
 */
export class ChainHost {
  readonly layout: Layout
  readonly trace: TraceIndex = new TraceIndex()
  readonly #options: ChainHostOptions
  /** What the engines see of the pace: on hold, blocks are made by hand only. */
  readonly #pace: Pace
  readonly #timers: Map<string, NodeJS.Timeout> = new Map()
  readonly #records: EngineRecords = new EngineRecords()
  #network: HostNetwork | undefined
  /** Messages wait in order for the records ahead of them. */
  #sending: Promise<void> = Promise.resolve()
  #machine: ChainMachine
  #onBlock: BlockListener = () => {}
  #onDrop: DropListener = () => {}
  #onFailure: (error: unknown) => void = () => {}
  #publishing: Promise<void> = Promise.resolve()
  /** Log of blocks that are not published yet. */
  #waitingBytes = 0
  #onHold = false
  /** Resolves when a revert is through. */
  #reverting: Promise<void> | undefined
  #failure: Error | undefined
  /** What has come while it stands still. */
  #paused: MachineInput[] | undefined
  #closed = false
  #killed = false

  constructor(options: ChainHostOptions) {
    this.#options = options
    const { layout, states } = genesisLayout(options.genesis, options.runtime.genesisHash)
    this.layout = layout
    const held = (): boolean => this.#onHold
    this.#pace = {
      get blockTimeMs() {
        const { pace, busyPace } = options
        const { blockTimeMs } = pace
        return busyPace !== undefined && isOnDemand(pace) ? busyPace.apartMs(blockTimeMs) : blockTimeMs
      },
      get idleMs() {
        return options.pace.idleMs
      },
      get mode() {
        return held() ? 'manual' : options.pace.mode
      },
    }
    this.#machine = new ChainMachine({ ...options, pace: this.#pace, layout, states })
    invariant(
      toHex(genesisHash(options.genesis)) === toHex(options.runtime.genesisHash),
      'the runtime is of another genesis',
    )
  }

  get machine(): ChainMachine {
    return this.#machine
  }

  /** The chain as it is, all at one moment. */
  snapshot(): MachineSnapshot {
    return snapshotMachine(this.#machine, (vShard) => this.certificate(vShard))
  }

  /** The same, to be written while the chain goes on. */
  beginSnapshot(): RunningSnapshot {
    return beginSnapshot(this.#machine, (vShard) => this.certificate(vShard))
  }

  /** Puts the chain where a snapshot was taken; what waits in pools is given up. */
  restore(restored: RestoredMachine): void {
    this.#clearTimers()
    const { states, tips } = restored
    this.#machine = new ChainMachine({ ...this.#options, pace: this.#pace, layout: this.layout, states, tips })
    restored.restore(this.#machine)
    this.trace.clear()
  }

  /**
   * Takes a running chain back. Nothing is admitted or made meanwhile, and what was made before is published first;
   * `change` brings disk and indexes in line. If that fails the node cannot go on.
   */
  async revert(restored: RestoredMachine, change: () => Promise<void>): Promise<void> {
    invariant(this.#reverting === undefined, 'reverts come one after the other')
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#reverting = promise
    this.#clearTimers()
    try {
      await this.settled()
      this.restore(restored)
      await change()
    } catch (error) {
      this.fail(error)
      throw error
    } finally {
      this.#reverting = undefined
      resolve()
    }
    this.start()
  }

  /** Before `start`: where the engines' messages go. */
  connect(network: HostNetwork): void {
    this.#network = network
  }

  /** A message of another validator, for a vShard's engine. */
  receive(vShard: number, from: number, bytes: Uint8Array): void {
    this.#step({ type: 'message', shard: vShard, from, bytes })
  }

  /** Final blocks that a peer has sent. */
  takeBlocks(vShard: number, from: number, blocks: readonly Uint8Array[]): void {
    this.#step({ type: 'blocks', shard: vShard, from, blocks })
  }

  /** Called with each block once it is durable, in order; `onFailure` once, when nothing can be made durable any more. */
  listen(onBlock: BlockListener, onDrop: DropListener, onFailure: (error: unknown) => void): void {
    this.#onBlock = onBlock
    this.#onDrop = onDrop
    this.#onFailure = onFailure
  }

  /** Replays a block of the log; throws what the log's corruption would be called. Gives what could be executed with it. */
  replay(record: Uint8Array): readonly SealedBlock[] {
    const outcome = this.#machine.replay(record)
    if (!outcome.ok) throw Object.assign(new Error(outcome.reason.message), { refusal: outcome.reason })
    for (const sealed of outcome.value) this.trace.add(sealed)
    return outcome.value
  }

  /** Takes a record of an engine that the log holds. */
  replayEngine(kind: typeof RECORD_ENGINE | typeof RECORD_CHECKPOINT, payload: Uint8Array): void {
    this.#records.replay(kind, payload)
  }

  /** Begins a new part of the log, from which alone the engines and what is not executed yet can be found again. */
  continueLog(): void {
    const { wal } = this.#options
    for (const checkpoint of this.#records.checkpoints()) wal?.append(RECORD_CHECKPOINT, [checkpoint])
    for (const block of this.#machine.unexecuted()) wal?.append(RECORD_BLOCK, [block])
  }

  start(): void {
    if (this.#stopped) return
    const vShards = this.#machine.shards.map(({ vShard }) => vShard)
    const logs = this.#records.logs(vShards, this.#options.guard)
    for (const [vShard, { amnesia }] of logs)
      if (amnesia !== undefined)
        this.#options.log.warn('votes may be forgotten: this validator only observes for now', { vShard, ...amnesia })
    this.#carryOut(this.#machine.start(this.#options.nowMs(), logs))
    for (const { chain, descriptor } of this.#machine.shards)
      if (chain.tip.height === 0) this.seal(descriptor.key.vShard)
  }

  /** Offers a transaction whose signature has been checked to its shard's pool. */
  admit(prepared: PreparedTransaction): Refusal | undefined {
    if (this.#stopped || this.#paused !== undefined) return this.#stoppedRefusal()
    const outcome = this.#machine.admit(this.#options.nowMs(), prepared)
    if (!outcome.ok) return outcome.reason
    this.#carryOut(outcome.value)
    return undefined
  }

  /** Makes a block now. */
  seal(shard: number): void {
    this.#step({ type: 'seal', shard })
  }

  /** Has every engine look at its pace again. */
  wake(): void {
    for (const { descriptor } of this.#machine.shards)
      this.#step({ type: 'timer', shard: descriptor.key.vShard, id: BLOCK_TIMER })
  }

  /** Certificate of a shard's latest head; absent at genesis. */
  certificate(vShard: number): Uint8Array | undefined {
    return this.#machine.shard(vShard)?.certificate
  }

  /** What `read` finds in the chain, given out once all that it may have seen is durable and published. */
  async durable<Value>(read: () => Value): Promise<Value> {
    while (this.#reverting !== undefined) await this.#reverting
    const value = read()
    await this.settled()
    return value
  }

  /** Resolves when everything that has happened so far is durable and published; rejects if it never will be. */
  async settled(): Promise<void> {
    await this.#publishing
    if (this.#failure !== undefined) throw this.#failure
  }

  get health(): HostHealth {
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure.message }
  }

  /** A log that cannot be written is the end: nothing may be shown that might be forgotten. */
  fail(error: unknown): void {
    if (this.#failure !== undefined || this.#killed) return
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.#clearTimers()
    this.#onFailure(error)
  }

  /** Stands still: nothing is taken in or made, and no timer fires, until `resume`. */
  pause(): void {
    this.#paused ??= []
  }

  resume(): void {
    const missed = this.#paused
    this.#paused = undefined
    for (const input of missed ?? []) this.#step(input)
  }

  /** Stops without waiting for anything. */
  kill(): void {
    this.#closed = true
    this.#killed = true
    this.#clearTimers()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#clearTimers()
    await Promise.all([this.#publishing, this.#sending])
  }

  get #stopped(): boolean {
    return this.#closed || this.#failure !== undefined || this.#reverting !== undefined
  }

  #stoppedRefusal(): Refusal {
    if (this.#failure !== undefined)
      return { code: 'ARM_LOG_IO', message: 'the node has stopped: it cannot write any more' }
    if (this.#closed) return { code: 'ARM_RPC_CLOSED', message: 'the node is stopping' }
    if (this.#paused !== undefined) return { code: 'ARM_RPC_BUSY', message: 'the validator is paused' }
    return { code: 'ARM_RPC_BUSY', message: 'the chain is being taken back to a snapshot' }
  }

  #step(input: MachineInput): void {
    if (this.#paused !== undefined) this.#paused.push(input)
    else if (!this.#stopped) this.#carryOut(this.#machine.step(this.#options.nowMs(), input))
  }

  #carryOut(effects: readonly MachineEffect[]): void {
    // Nothing comes of most transactions until the next block.
    if (effects.length === 0) return
    const batch: Batch = { shown: [], sent: [], votes: new Map(), sizeBytes: 0 }
    try {
      for (const effect of effects) this.#carryOutOne(effect, batch)
    } catch (error) {
      return this.fail(error)
    }
    if (batch.sent.length > 0) this.#sendWhenDurable(batch)
    if (batch.shown.length > 0) this.#publish(batch.shown, batch.sizeBytes)
  }

  #carryOutOne(effect: MachineEffect, batch: Batch): void {
    const { wal } = this.#options
    switch (effect.type) {
      case 'append':
        wal?.append(RECORD_BLOCK, [effect.record])
        batch.sizeBytes += effect.record.length
        return
      case 'record':
        wal?.append(RECORD_ENGINE, this.#records.add(effect.shard, effect.record))
        if (effect.guardView !== undefined) batch.votes.set(effect.shard, effect.guardView)
        return
      case 'checkpoint':
        wal?.append(RECORD_CHECKPOINT, [this.#records.replace(effect.shard, effect.records)])
        return
      case 'timer':
        return this.#setTimer(effect.shard, effect.id, effect.atMs)
      case 'send':
        batch.sent.push(effect)
        return
      case 'sealed':
        this.#options.busyPace?.made(this.#options.nowMs())
        batch.shown.push(effect)
        return
      case 'dropped':
        // What a block has made impossible is told after the block.
        if (batch.shown.length > 0) batch.shown.push(effect)
        else this.#onDrop(effect.shard, effect.dropped)
        return
      case 'check':
        return this.#check(effect)
      case 'fetch':
        return this.#network?.requestBlocks(effect.shard)
      case 'misconduct':
        return this.#network?.blame(effect.shard, effect.peer, effect.reason)
      case 'evidence':
        return this.#network?.report(effect.shard, effect.bytes)
      case 'halted':
        throw new ArmError('ARM_CONSENSUS_HALTED', `vShard ${effect.shard} has halted: ${effect.reason}`, {
          vShard: effect.shard,
          hint: 'more validators are faulty than consensus can bear; keep the data folder, and compare it with the others',
        })
    }
  }

  /** A vote is out only when neither the log nor, should that be lost, the guard can forget it. */
  #sendWhenDurable({ sent, votes }: Batch): void {
    const { wal, guard } = this.#options
    const durable = (wal?.flush() ?? Promise.resolve()).then(async () => {
      for (const [vShard, view] of votes) await guard?.reserve(vShard, view)
    })
    this.#sending = Promise.all([durable, this.#sending])
      .then(() => {
        if (this.#closed || this.#failure !== undefined) return
        for (const { shard, to, bytes } of sent) this.#network?.sendToEngine(shard, to, bytes)
      })
      .catch((error: unknown) => this.fail(error))
  }

  #check({ shard, headHash, transactions }: MachineEffect & { type: 'check' }): void {
    this.#options
      .verify(transactions)
      .then((valid) => this.#step({ type: 'checked', shard, headHash, valid }))
      .catch((error: unknown) => this.#options.log.warn('a block could not be verified', { error: String(error) }))
  }

  #publish(shown: readonly Shown[], sizeBytes: number): void {
    const { wal, unpublishedBytesMax = UNPUBLISHED_BYTES_MAX } = this.#options
    const durable = wal?.flush() ?? Promise.resolve()
    this.#waitingBytes += sizeBytes
    if (this.#waitingBytes > unpublishedBytesMax) this.#onHold = true
    this.#publishing = Promise.all([durable, this.#publishing])
      .then(() => this.#show(shown))
      .then(() => {
        this.#waitingBytes -= sizeBytes
        if (!this.#onHold || this.#waitingBytes > unpublishedBytesMax / 2) return
        this.#onHold = false
        this.wake()
      })
      .catch((error: unknown) => this.fail(error))
  }

  async #show(shown: readonly Shown[]): Promise<void> {
    const { history } = this.#options
    for (const each of shown) {
      // What follows a failure may be on the disk or not: nobody is told.
      if (this.#failure !== undefined || this.#killed) return
      if (each.type === 'dropped') {
        this.#onDrop(each.shard, each.dropped)
        continue
      }
      if (history.archive.backlogBytes > ARCHIVE_PAUSE_BYTES) await history.archive.drained()
      history.put(each.sealed)
      this.trace.add(each.sealed)
      this.#onBlock(each.sealed)
    }
  }

  #clearTimers(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #setTimer(shard: number, id: number, atMs: number): void {
    const key = `${shard}:${id}`
    clearTimeout(this.#timers.get(key))
    if (this.#stopped) return
    const fire = (): void => {
      this.#timers.delete(key)
      this.#step({ type: 'timer', shard, id })
    }
    this.#timers.set(key, setTimeout(fire, Math.max(0, atMs - this.#options.nowMs())))
  }
}
