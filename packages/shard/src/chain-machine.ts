import {
  type ConsensusEngine,
  type EngineEffect,
  type EngineFactory,
  type EngineInput,
  type Pace,
  schemeCommittee,
} from '@armchain/consensus'
import {
  type Anchor,
  type Block,
  blockCodec,
  formatShardKey,
  headCodec,
  invariant,
  type KernelState,
  type Outcome,
  type PreparedTransaction,
  type Runtime,
  readInbox,
  readKernelState,
  refuse,
  rulesVersion,
  type ShardKey,
  type ShardState,
  sameShard,
} from '@armchain/core'
import { readAnchor } from './anchors.ts'
import { type ExecutedBlock, ShardChain, type Tip } from './chain.ts'
import type { MainHead } from './imports.ts'
import { isMain, type Layout, type ShardDescriptor } from './layout.ts'
import { ANCHORS_PER_BLOCK, IMPORT_SIZE_PART, MAIN_HEADS_KEPT } from './limits.ts'
import { Mailbox } from './mailbox.ts'
import { commitsTo, encodePayload } from './payload.ts'
import { type Dropped, type PoolLimits, TxPool } from './tx-pool.ts'

/**
 * A chain as one validator sees it: the main shard and the vShards it hosts, their engines, pools and the messages
 * between them, as one machine without I/O. The shell feeds inputs and carries out effects in order; nothing that an
 * effect describes may be shown to anyone before the appends ahead of it are durable.
 *
 * A vShard block sees the last main-shard block; a main-shard block anchors what the vShards have finalised since. So
 * a message is delivered three blocks after it was sent: source, main, destination.
 */
export type MachineInput =
  | { readonly type: 'timer'; readonly shard: number; readonly id: number }
  | { readonly type: 'work' | 'seal'; readonly shard: number }

export type MachineEffect =
  /** Durable before any later effect shows. */
  | { readonly type: 'append'; readonly shard: number; readonly record: Uint8Array }
  | { readonly type: 'timer'; readonly shard: number; readonly id: number; readonly atMs: number }
  | { readonly type: 'sealed'; readonly sealed: SealedBlock }
  | { readonly type: 'dropped'; readonly shard: number; readonly dropped: readonly Dropped[] }

export type SealedBlock = {
  readonly shard: ShardKey
  readonly executed: ExecutedBlock
  readonly certificate: Uint8Array
}

export type MachineConfig = {
  readonly runtime: Runtime
  readonly layout: Layout
  readonly states: readonly ShardState[]
  /** Where the states stand; at genesis if left out. */
  readonly tips?: readonly Tip[]
  readonly engines: Readonly<Record<string, EngineFactory>>
  readonly pace: Pace
  /** Signs for the validator of a shard; undefined where this node only observes. */
  readonly signer: (
    shard: ShardDescriptor,
  ) =>
    | { readonly index: number; readonly sign: (message: Uint8Array) => Uint8Array; readonly account: Uint8Array }
    | undefined
  readonly poolLimits?: PoolLimits
}

export type HostedShard = {
  readonly descriptor: ShardDescriptor
  readonly chain: ShardChain
  readonly pool: TxPool
  engine: ConsensusEngine
  proposer: Uint8Array
}

export class ChainMachine {
  readonly config: MachineConfig
  readonly shards: readonly HostedShard[]
  readonly mailbox: Mailbox = new Mailbox()
  /** Finalised vShard blocks that the main shard has yet to anchor, by shard, oldest first. */
  readonly #unanchored: Map<string, Unanchored> = new Map()
  /** Shards whose next head does not hold: none of theirs is anchored until someone decides. */
  readonly #frozen: Set<string> = new Set()
  readonly #mainHeads: Map<number, MainHead> = new Map()
  #oldestMainHead = 0
  /** Shards whose engine knows that there is work. */
  readonly #told: Set<HostedShard> = new Set()
  readonly #pending: Map<HostedShard, ExecutedBlock> = new Map()

  constructor(config: MachineConfig) {
    this.config = config
    this.shards = config.layout.shards.map((descriptor, i) =>
      this.#host(descriptor, config.states[i] as ShardState, config.tips?.[i]),
    )
    const { tip } = this.main.chain
    this.#mainHeads.set(0, { hash: tip.hash, shardTopsRoot: tip.head.shardTopsRoot, outboxRoot: tip.head.outboxRoot })
  }

  get main(): HostedShard {
    return this.shards[0] as HostedShard
  }

  shard(vShard: number): HostedShard | undefined {
    return this.shards.find(({ descriptor }) => descriptor.key.vShard === vShard)
  }

  /** First call, after any `replay`: starts the engines. */
  start(nowMs: number): MachineEffect[] {
    const effects: MachineEffect[] = []
    for (const hosted of this.shards) {
      const { height, hash } = hosted.chain.tip
      this.#feed(hosted, nowMs, { type: 'start', height, headHash: hash, records: [] }, effects)
    }
    for (const hosted of this.shards) if (this.#hasWork(hosted)) this.#feed(hosted, nowMs, { type: 'work' }, effects)
    return effects
  }

  step(nowMs: number, input: MachineInput): MachineEffect[] {
    const effects: MachineEffect[] = []
    const hosted = this.shard(input.shard)
    if (hosted === undefined) return effects
    this.#feed(hosted, nowMs, input.type === 'timer' ? { type: 'timer', id: input.id } : { type: input.type }, effects)
    return effects
  }

  /** Takes a transaction whose signature has been checked into its shard's pool. */
  admit(nowMs: number, prepared: PreparedTransaction): Outcome<readonly MachineEffect[]> {
    const hosted = this.shard(prepared.tx.vShard)
    if (hosted === undefined)
      return refuse('ARM_TX_SHARD', 'this node does not host that vShard', { vShard: prepared.tx.vShard })
    const { baseFee } = this.kernelState(hosted)
    const rules = rulesVersion(this.config.runtime.scheme, this.main.chain.tip.height)
    const added = hosted.pool.add(prepared, { height: hosted.chain.tip.height + 1, baseFee, rules })
    if (!added.ok) return added
    const effects: MachineEffect[] = []
    const { dropped } = added.value
    if (dropped.length > 0) effects.push({ type: 'dropped', shard: prepared.tx.vShard, dropped })
    // One `work` is enough: an engine that has been told forgets only when it proposes, and then the pool is read.
    if (!this.#told.has(hosted)) {
      this.#told.add(hosted)
      this.#feed(hosted, nowMs, { type: 'work' }, effects)
    }
    return { ok: true, value: effects }
  }
  /** What the kernel keeps of a shard as of its tip. */
  kernelState(hosted: HostedShard): KernelState {
    const state = readKernelState(hosted.chain.state)
    invariant(state !== undefined, 'a state without genesis')
    return state
  }

  /** Applies a block of the log. Refuses what does not follow from the state: the log or the code is not what it was. */
  replay(record: Uint8Array): Outcome<SealedBlock> {
    const block: Block = blockCodec.decode(record)
    const hosted = this.#hostedOf(block)
    if (hosted === undefined) return refuse('ARM_BLOCK_HEADER', 'the block is of a shard that this node does not host')
    // The log is this node's own: what stands in it was checked, and certified, before it was written.
    const applied = hosted.chain.apply(block, {
      mainHead: (height) => this.mainHead(height),
      latestTimeMs: Number.MAX_SAFE_INTEGER,
      round: 'certified',
      verified: () => true,
    })
    if (!applied.ok) return applied
    const sealed: SealedBlock = {
      shard: hosted.descriptor.key,
      executed: applied.value,
      certificate: block.certificate,
    }
    this.#commit(hosted, sealed)
    return { ok: true, value: sealed }
  }

  mainHead(height: number): MainHead | undefined {
    return this.#mainHeads.get(height)
  }

  /** Main-shard heads still kept, ascending: part of a snapshot. */
  mainHeads(): readonly (readonly [number, MainHead])[] {
    return [...this.#mainHeads]
  }

  /** Blocks that wait to be anchored, for a snapshot. */
  unanchored(): readonly {
    readonly height: number
    readonly anchor: Anchor
    readonly mainHeight: number
    readonly shard: string
  }[] {
    return [...this.#unanchored].flatMap(([shard, list]) => list.map((item) => ({ ...item, shard })))
  }

  /** Puts the machine where a snapshot was taken. */
  restore(snapshot: {
    readonly mainHeads: readonly (readonly [number, MainHead])[]
    readonly unanchored: readonly {
      readonly height: number
      readonly anchor: Anchor
      readonly mainHeight: number
      readonly shard: string
    }[]
    readonly mailbox: Uint8Array
  }): void {
    this.#mainHeads.clear()
    for (const [height, head] of snapshot.mainHeads) this.#mainHeads.set(height, head)
    this.#oldestMainHead = snapshot.mainHeads[0]?.[0] ?? 0
    this.#unanchored.clear()
    for (const { shard, ...item } of snapshot.unanchored)
      this.#unanchored.set(shard, [...(this.#unanchored.get(shard) ?? []), item])
    this.mailbox.restore(snapshot.mailbox)
  }

  #host(descriptor: ShardDescriptor, state: ShardState, tip?: Tip): HostedShard {
    const { runtime, layout, poolLimits } = this.config
    const chain = new ShardChain({ runtime, layout, descriptor }, state, tip)
    const { engine, proposer } = this.#engineOf(descriptor)
    return { descriptor, chain, pool: new TxPool(state, descriptor.key.vShard, poolLimits), engine, proposer }
  }

  #engineOf(descriptor: ShardDescriptor): { engine: ConsensusEngine; proposer: Uint8Array } {
    const { layout, engines, pace, signer, runtime } = this.config
    const factory = engines[descriptor.engine]
    invariant(factory !== undefined, `no consensus engine "${descriptor.engine}"`)
    const self = signer(descriptor)
    const { genesisHash, schemaVersion } = layout
    const engine = factory({
      genesisHash,
      shard: descriptor.key,
      schemaVersion,
      // Layouts are fixed: one epoch, from genesis, without an end.
      epoch: { number: 0, startHeight: 0, startHash: descriptor.genesisHeadHash, seed: genesisHash },
      committee: schemeCommittee(descriptor),
      commits: (head, payload) => commitsTo(runtime, head, payload),
      pace,
      ...(self && { self }),
    })
    return { engine, proposer: self?.account ?? new Uint8Array(32) }
  }

  #feed(hosted: HostedShard, nowMs: number, input: EngineInput, effects: MachineEffect[]): void {
    // A loop, not recursion: one effect may lead to inputs for other shards, whose effects come after.
    const queue: [HostedShard, EngineInput][] = [[hosted, input]]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [target, each] = next
      for (const effect of target.engine.step(nowMs, each)) this.#carryOut(target, nowMs, effect, queue, effects)
    }
  }

  #carryOut(
    hosted: HostedShard,
    nowMs: number,
    effect: EngineEffect,
    queue: [HostedShard, EngineInput][],
    effects: MachineEffect[],
  ): void {
    const shard = hosted.descriptor.key.vShard
    switch (effect.type) {
      case 'timer':
        effects.push({ type: 'timer', shard, id: effect.id, atMs: effect.atMs })
        return
      case 'propose':
        this.#propose(hosted, nowMs, effect, queue)
        return
      case 'finalized':
        this.#finalize(hosted, effect.certificate, queue, effects)
        return
      default:
        invariant(false, `engine effect "${effect.type}" needs a shell that has peers`)
    }
  }

  #propose(
    hosted: HostedShard,
    nowMs: number,
    { view, epoch, height }: EngineEffect & { type: 'propose' },
    queue: [HostedShard, EngineInput][],
  ): void {
    const { chain, pool, descriptor, proposer } = hosted
    this.#told.delete(hosted)
    invariant(height === chain.tip.height + 1, 'the engine asks for another height')
    const mainHeight = this.main.chain.tip.height
    const { baseFee, sizeLimitBytes } = this.kernelState(hosted)
    const { imports, waitingGas } = this.mailbox.imports(descriptor.key, {
      cursor: cursorOf(hosted),
      mainHeight,
      gas: this.config.runtime.scheme.blocks.importGas,
      sizeBytes: Math.floor(sizeLimitBytes * IMPORT_SIZE_PART),
    })
    const executed = chain.propose({
      timeMs: Math.max(nowMs, chain.tip.head.timeMs),
      view,
      epoch,
      mainHeight,
      mainHead: (at) => this.mainHead(at),
      imports,
      transactions: pool.best(baseFee),
      anchors: isMain(descriptor.key) ? this.#anchors(chain.tip.height + 1) : [],
      congestion: Math.min(waitingGas, 0xffff_ffff),
      proposer,
    })
    this.#pending.set(hosted, executed)
    queue.push([
      hosted,
      { type: 'proposed', view, height, head: executed.block.head, payload: encodePayload(executed.block) },
    ])
  }

  #finalize(
    hosted: HostedShard,
    certificate: Uint8Array,
    queue: [HostedShard, EngineInput][],
    effects: MachineEffect[],
  ): void {
    const executed = this.#pending.get(hosted)
    invariant(executed !== undefined, 'finalized a block that was not proposed here')
    this.#pending.delete(hosted)
    const sealed: SealedBlock = { shard: hosted.descriptor.key, executed, certificate }
    const shard = hosted.descriptor.key.vShard
    effects.push({ type: 'append', shard, record: blockCodec.encode({ ...executed.block, certificate }) })
    this.#commit(hosted, sealed)
    effects.push({ type: 'sealed', sealed })
    const dropped = hosted.pool.settle(executed.transactions, executed.refused)
    if (dropped.length > 0) effects.push({ type: 'dropped', shard, dropped })
    for (const other of this.shards) {
      if (this.#hasWork(other) && !this.#told.has(other)) {
        this.#told.add(other)
        queue.push([other, { type: 'work' }])
      }
    }
  }

  #commit(hosted: HostedShard, { shard, executed, certificate }: SealedBlock): void {
    hosted.chain.commit(executed)
    this.mailbox.hold(shard, executed.height, executed.outbox)
    for (const fault of executed.faults) {
      if (fault.what === 'import') this.mailbox.freeze(fault.shard, shard)
      else this.#frozen.add(formatShardKey(fault.shard))
    }
    if (isMain(shard)) this.#commitMain(executed)
    else {
      const { head, details } = executed.block
      const list = this.#unanchored.get(formatShardKey(shard)) ?? []
      list.push({
        height: executed.height,
        anchor: { head, details, certificate, outbox: executed.outbox.batches.map(({ encoded }) => encoded) },
        mainHeight: executed.details.mainHeight,
      })
      this.#unanchored.set(formatShardKey(shard), list)
    }
    if (executed.imports.length > 0) this.mailbox.prune(shard, cursorOf(hosted))
  }

  #commitMain({ height, hash, head, anchors }: ExecutedBlock): void {
    this.#mainHeads.set(height, { hash, shardTopsRoot: head.shardTopsRoot, outboxRoot: head.outboxRoot })
    this.mailbox.anchored(this.main.descriptor.key, height, anchors)
    for (const { head: anchored } of anchors) {
      const list = this.#unanchored.get(formatShardKey(anchored.shard))
      while (list !== undefined && list[0] !== undefined && list[0].height <= anchored.height) list.shift()
    }
    const needed = Math.min(this.mailbox.oldestAnchor() ?? height, height - MAIN_HEADS_KEPT)
    for (; this.#oldestMainHead < needed; this.#oldestMainHead++) this.#mainHeads.delete(this.#oldestMainHead)
  }

  /**
   * Heads for the next main-shard block: in order for each shard, and none that has seen what is not yet decided. The
   * shard that waits longest comes first, as a full block leaves the last ones out.
   */
  #anchors(mainHeight: number): Anchor[] {
    const anchors: Anchor[] = []
    const lists = this.#anchorable()
    for (const list of lists.sort((a, b) => (a[0]?.mainHeight ?? 0) - (b[0]?.mainHeight ?? 0))) {
      for (const { anchor, mainHeight: seen } of list.slice(0, ANCHORS_PER_BLOCK)) {
        if (seen >= mainHeight) break
        anchors.push(anchor)
      }
    }
    return anchors
  }

  #anchorable(): Unanchored[] {
    return [...this.#unanchored].flatMap(([shard, list]) => (list.length > 0 && !this.#frozen.has(shard) ? [list] : []))
  }

  #hasWork(hosted: HostedShard): boolean {
    const { pool, descriptor } = hosted
    if (pool.size > 0) return true
    if (isMain(descriptor.key) && this.#anchorable().length > 0) return true
    return this.mailbox.waiting(descriptor.key, cursorOf(hosted)) > 0
  }

  #hostedOf(block: Block): HostedShard | undefined {
    return this.shards.find(({ descriptor }) => hasShard(block.head, descriptor.key))
  }
}

type Unanchored = { readonly height: number; readonly anchor: Anchor; readonly mainHeight: number }[]

function cursorOf({ chain, descriptor }: HostedShard): (source: ShardKey) => number {
  return (source) => readInbox(chain.state, source, descriptor.key.prefix).next
}

/** Last height of a shard that the main shard has anchored. */
export function anchoredHeight(machine: ChainMachine, shard: ShardKey): number {
  if (isMain(shard)) return machine.main.chain.tip.height
  return readAnchor(machine.main.chain.state, shard)?.height ?? 0
}

function hasShard(head: Uint8Array, key: ShardKey): boolean {
  return sameShard(headCodec.decode(head).shard, key)
}
