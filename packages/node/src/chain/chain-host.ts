import type { EngineFactory, Pace } from '@armchain/consensus'
import {
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
} from '@armchain/shard'
import { ARCHIVE_PAUSE_BYTES, UNPUBLISHED_BYTES_MAX } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Wal } from '../storage/wal.ts'
import type { History } from './history.ts'
import {
  beginSnapshot,
  type MachineSnapshot,
  type RestoredMachine,
  type RunningSnapshot,
  snapshotMachine,
} from './snapshots.ts'
import { TraceIndex } from './trace-index.ts'

/** Kinds of records in the log. */
export const RECORD_BLOCK = 1
/** The timer by which engines look at their pace. */
const BLOCK_TIMER = 1

export type Signer = {
  readonly index: number
  readonly sign: (message: Uint8Array) => Uint8Array
  readonly account: Uint8Array
}

export type ChainHostOptions = {
  readonly runtime: Runtime
  readonly genesis: Genesis
  readonly engines: Readonly<Record<string, EngineFactory>>
  readonly pace: Pace
  readonly signer: (shard: ShardDescriptor) => Signer | undefined
  /** Absent: nothing outlives the process. */
  readonly wal: Wal | undefined
  readonly history: History
  readonly nowMs: () => number
  readonly poolLimits?: PoolLimits
  /** Log that may wait to be published before no more blocks are made. */
  readonly unpublishedBytesMax?: number
  readonly log: Log
}

export type BlockListener = (sealed: SealedBlock) => void
/** What is told of once it is durable. */
type Shown = Extract<MachineEffect, { readonly type: 'sealed' | 'dropped' }>
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
  readonly #certificates: Map<number, Uint8Array> = new Map()
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
  #closed = false

  constructor(options: ChainHostOptions) {
    this.#options = options
    const { layout, states } = genesisLayout(options.genesis, options.runtime.genesisHash)
    this.layout = layout
    const held = (): boolean => this.#onHold
    this.#pace = {
      get blockTimeMs() {
        return options.pace.blockTimeMs
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
    return snapshotMachine(this.#machine, (vShard) => this.#certificates.get(vShard))
  }

  /** The same, to be written while the chain goes on. */
  beginSnapshot(): RunningSnapshot {
    return beginSnapshot(this.#machine, (vShard) => this.#certificates.get(vShard))
  }

  /** Puts the chain where a snapshot was taken; what waits in pools is given up. */
  restore(restored: RestoredMachine): void {
    this.#clearTimers()
    const { states, tips, certificates } = restored
    this.#machine = new ChainMachine({ ...this.#options, pace: this.#pace, layout: this.layout, states, tips })
    restored.restore(this.#machine)
    this.#certificates.clear()
    this.layout.shards.forEach(({ key }, i) => {
      const certificate = certificates[i]
      if (certificate !== undefined) this.#certificates.set(key.vShard, certificate)
    })
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

  /** Called with each block once it is durable, in order; `onFailure` once, when nothing can be made durable any more. */
  listen(onBlock: BlockListener, onDrop: DropListener, onFailure: (error: unknown) => void): void {
    this.#onBlock = onBlock
    this.#onDrop = onDrop
    this.#onFailure = onFailure
  }

  /** Replays one record of the log; throws what the log's corruption would be called. */
  replay(record: Uint8Array): SealedBlock {
    const outcome = this.#machine.replay(record)
    if (!outcome.ok) throw Object.assign(new Error(outcome.reason.message), { refusal: outcome.reason })
    const sealed = outcome.value
    this.#certificates.set(sealed.shard.vShard, sealed.certificate)
    this.trace.add(sealed)
    return sealed
  }

  start(): void {
    if (this.#stopped) return
    this.#carryOut(this.#machine.start(this.#options.nowMs()))
    for (const { chain, descriptor } of this.#machine.shards)
      if (chain.tip.height === 0) this.seal(descriptor.key.vShard)
  }

  /** Offers a transaction whose signature has been checked to its shard's pool. */
  admit(prepared: PreparedTransaction): Refusal | undefined {
    if (this.#stopped) return this.#stoppedRefusal()
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
    return this.#certificates.get(vShard)
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
    if (this.#failure !== undefined) return
    this.#failure = error instanceof Error ? error : new Error(String(error))
    this.#clearTimers()
    this.#onFailure(error)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#clearTimers()
    await this.#publishing
  }

  get #stopped(): boolean {
    return this.#closed || this.#failure !== undefined || this.#reverting !== undefined
  }

  #stoppedRefusal(): Refusal {
    if (this.#failure !== undefined)
      return { code: 'ARM_LOG_IO', message: 'the node has stopped: it cannot write any more' }
    if (this.#closed) return { code: 'ARM_RPC_CLOSED', message: 'the node is stopping' }
    return { code: 'ARM_RPC_BUSY', message: 'the chain is being taken back to a snapshot' }
  }

  #step(input: MachineInput): void {
    if (!this.#stopped) this.#carryOut(this.#machine.step(this.#options.nowMs(), input))
  }

  #carryOut(effects: readonly MachineEffect[]): void {
    const shown: Shown[] = []
    let sizeBytes = 0
    try {
      for (const effect of effects) {
        if (effect.type === 'append') {
          this.#options.wal?.append(RECORD_BLOCK, [effect.record])
          sizeBytes += effect.record.length
        } else if (effect.type === 'timer') this.#setTimer(effect.shard, effect.id, effect.atMs)
        else if (effect.type === 'sealed') {
          this.#certificates.set(effect.sealed.shard.vShard, effect.sealed.certificate)
          shown.push(effect)
        }
        // What a block has made impossible is told after the block.
        else if (shown.length > 0) shown.push(effect)
        else this.#onDrop(effect.shard, effect.dropped)
      }
    } catch (error) {
      return this.fail(error)
    }
    if (shown.length > 0) this.#publish(shown, sizeBytes)
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
      if (this.#failure !== undefined) return
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
