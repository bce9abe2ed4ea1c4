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
  type PoolLimits,
  type SealedBlock,
  type ShardDescriptor,
} from '@armchain/shard'
import { ARCHIVE_PAUSE_BYTES } from '../limits.ts'
import type { Log } from '../log.ts'
import type { Wal } from '../storage/wal.ts'
import type { History } from './history.ts'
import { type MachineSnapshot, type RestoredMachine, snapshotMachine } from './snapshots.ts'
import { TraceIndex } from './trace-index.ts'

/** Kinds of records in the log. */
export const RECORD_BLOCK = 1

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
  readonly log: Log
}

const STANDS_STILL: Refusal = {
  code: 'ARM_RPC_BUSY',
  message: 'the node takes no transactions at the moment: it stops, or puts its chain back',
  data: { hint: 'sign and submit again in a moment' },
}

export type BlockListener = (sealed: SealedBlock) => void
export type DropListener = (shard: number, dropped: readonly Dropped[]) => void

/**
 * Carries out what the chain machine asks for: appends to the log, timers, and, once the log is synced, publication.
 * What listeners hear is durable.
 */
export class ChainHost {
  readonly layout: Layout
  readonly trace: TraceIndex = new TraceIndex()
  readonly #options: ChainHostOptions
  readonly #timers: Map<string, NodeJS.Timeout> = new Map()
  readonly #certificates: Map<number, Uint8Array> = new Map()
  #machine: ChainMachine
  #onBlock: BlockListener = () => {}
  #onDrop: DropListener = () => {}
  #publishing: Promise<void> = Promise.resolve()
  #failed: (error: unknown) => void = () => {}
  /** Between `start` and the next `pause`: outside of it no block is made and no transaction taken. */
  #running = false

  constructor(options: ChainHostOptions) {
    this.#options = options
    const { layout, states } = genesisLayout(options.genesis, options.runtime.genesisHash)
    this.layout = layout
    this.#machine = new ChainMachine({ ...options, layout, states })
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

  /** Makes no block and takes no transaction until the next `start`; resolves when all that was made is published. */
  async pause(): Promise<void> {
    this.#running = false
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await this.#publishing
  }

  /** Puts the chain, which stands still, where a snapshot was taken; what waits in pools is given up. */
  restore(restored: RestoredMachine): void {
    invariant(!this.#running, 'a chain is restored only while it stands still')
    for (const { pool, descriptor } of this.#machine.shards) {
      const dropped = pool.clear({ code: 'ARM_POOL_EVICTED', message: 'the chain was put back to an earlier state' })
      if (dropped.length > 0) this.#onDrop(descriptor.key.vShard, dropped)
    }
    const { states, tips, certificates } = restored
    this.#machine = new ChainMachine({ ...this.#options, layout: this.layout, states, tips })
    restored.restore(this.#machine)
    this.#certificates.clear()
    this.layout.shards.forEach(({ key }, i) => {
      const certificate = certificates[i]
      if (certificate !== undefined) this.#certificates.set(key.vShard, certificate)
    })
    this.trace.clear()
  }

  /** Called with each block once it is durable, in order. */
  listen(onBlock: BlockListener, onDrop: DropListener, onFailure: (error: unknown) => void): void {
    this.#onBlock = onBlock
    this.#onDrop = onDrop
    this.#failed = onFailure
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
    this.#running = true
    this.#carryOut(this.#machine.start(this.#options.nowMs()))
    for (const { chain, descriptor } of this.#machine.shards)
      if (chain.tip.height === 0) this.seal(descriptor.key.vShard)
  }

  /** Offers a transaction whose signature has been checked to its shard's pool. */
  admit(prepared: PreparedTransaction): Refusal | undefined {
    if (!this.#running) return STANDS_STILL
    const outcome = this.#machine.admit(this.#options.nowMs(), prepared)
    if (!outcome.ok) return outcome.reason
    this.#carryOut(outcome.value)
    return undefined
  }

  /** Makes a block now. */
  seal(shard: number): void {
    if (!this.#running) return
    this.#carryOut(this.#machine.step(this.#options.nowMs(), { type: 'seal', shard }))
  }

  /** Has every engine look at its pace again. */
  wake(): void {
    if (!this.#running) return
    for (const { descriptor } of this.#machine.shards)
      this.#carryOut(this.#machine.step(this.#options.nowMs(), { type: 'timer', shard: descriptor.key.vShard, id: 1 }))
  }

  /** Certificate of a shard's latest head; absent at genesis. */
  certificate(vShard: number): Uint8Array | undefined {
    return this.#certificates.get(vShard)
  }

  /** Resolves when everything that has happened so far is durable and published. */
  async settled(): Promise<void> {
    await this.#publishing
  }

  async close(): Promise<void> {
    await this.pause()
  }

  #carryOut(effects: readonly MachineEffect[]): void {
    const sealed: SealedBlock[] = []
    const { wal } = this.#options
    for (const effect of effects) {
      switch (effect.type) {
        case 'append':
          wal?.append(RECORD_BLOCK, [effect.record])
          break
        case 'timer':
          this.#setTimer(effect.shard, effect.id, effect.atMs)
          break
        case 'sealed':
          this.#certificates.set(effect.sealed.shard.vShard, effect.sealed.certificate)
          sealed.push(effect.sealed)
          break
        case 'dropped':
          this.#onDrop(effect.shard, effect.dropped)
      }
    }
    if (sealed.length > 0) this.#publish(sealed)
  }

  #publish(sealed: readonly SealedBlock[]): void {
    const { wal, history } = this.#options
    const durable = wal?.flush() ?? Promise.resolve()
    this.#publishing = this.#publishing
      .then(() => durable)
      .then(async () => {
        for (const block of sealed) {
          if (history.archive.backlogBytes > ARCHIVE_PAUSE_BYTES) await history.archive.drained()
          history.put(block)
          this.trace.add(block)
          this.#onBlock(block)
        }
      })
      .catch((error: unknown) => {
        // A log that cannot be written is the end: nothing may be shown that might be forgotten.
        this.#running = false
        this.#failed(error)
      })
  }

  #setTimer(shard: number, id: number, atMs: number): void {
    const key = `${shard}:${id}`
    clearTimeout(this.#timers.get(key))
    if (!this.#running) return
    const fire = (): void => {
      this.#timers.delete(key)
      if (this.#running) this.#carryOut(this.#machine.step(this.#options.nowMs(), { type: 'timer', shard, id }))
    }
    this.#timers.set(key, setTimeout(fire, Math.max(0, atMs - this.#options.nowMs())))
  }
}
