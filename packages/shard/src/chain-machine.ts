import { type EngineEffect, type EngineInput, verifyCertificate } from '@armchain/consensus'
import {
  type Block,
  blockCodec,
  equalBytes,
  headCodec,
  headHash,
  invariant,
  isArmError,
  type KernelState,
  type Outcome,
  type PreparedTransaction,
  type Refusal,
  refuse,
  rulesVersion,
  type ShardKey,
  type ShardState,
  sameShard,
} from '@armchain/core'
import { AnchorQueue, type Unanchored } from './anchor-queue.ts'
import { readAnchor } from './anchors.ts'
import { CertifiedHeads } from './certified-heads.ts'
import type { ExecutedBlock } from './chain.ts'
import { HostedShard, type Question } from './hosted-shard.ts'
import type { MainHead } from './imports.ts'
import { judge } from './judge.ts'
import { isMain } from './layout.ts'
import { IMPORT_SIZE_PART, MAIN_HEADS_KEPT } from './limits.ts'
import type { EngineLog, MachineConfig, MachineEffect, MachineInput, SealedBlock } from './machine-port.ts'
import { Mailbox } from './mailbox.ts'
import { MainHeads, mainHeadOf } from './main-heads.ts'
import { commitsToParts, encodePayload, readPayload } from './payload.ts'
import { readBlock } from './read-block.ts'

/**
 * A chain as one validator sees it: the main shard and the vShards it hosts, their engines, pools and the messages
 * between them, as one machine without I/O. The shell feeds inputs and carries out effects in order; nothing that an
 * effect describes may be shown to anyone, and no message sent, before the records ahead of it are durable.
 *
 * A vShard block sees the last main-shard block; a main-shard block anchors what the vShards have finalised since. So
 * a message is delivered three blocks after it was sent: source, main, destination.
 *
 * Engines decide on blocks before these are final, so each shard's chain executes ahead of its tip; between two steps
 * every state is that of the tip. A vShard block that has seen a main-shard block which this node has not waits for it,
 * whether it is to be voted on or final already.
 */
export class ChainMachine {
  readonly config: MachineConfig
  readonly shards: readonly HostedShard[]
  readonly #byVShard: ReadonlyMap<number, HostedShard>
  readonly mailbox: Mailbox = new Mailbox()
  readonly #anchorQueue: AnchorQueue = new AnchorQueue()
  readonly #mainHeads: MainHeads
  readonly #certified: CertifiedHeads = new CertifiedHeads()

  constructor(config: MachineConfig) {
    this.config = config
    const { layout, states, tips } = config
    const parts = { ...config, certified: this.#certified }
    this.shards = layout.shards.map((each, i) => new HostedShard(parts, each, states[i] as ShardState, tips?.[i]))
    this.#byVShard = new Map(this.shards.map((hosted) => [hosted.vShard, hosted]))
    this.#mainHeads = new MainHeads(mainHeadOf(this.main.chain.tip))
  }

  get main(): HostedShard {
    return this.shards[0] as HostedShard
  }

  shard(vShard: number): HostedShard | undefined {
    return this.#byVShard.get(vShard)
  }

  /** First call, after any `replay`: starts the engines, with what each left in the log. */
  start(nowMs: number, logs: ReadonlyMap<number, EngineLog> = new Map()): MachineEffect[] {
    const effects: MachineEffect[] = []
    // All before anything that comes of one: an engine that is told of work before its own start knows none of its votes.
    this.#run(nowMs, effects, (queue) => {
      for (const hosted of this.shards) {
        const { height, hash: tipHash, certificate } = hosted.final
        const { records = [], amnesia } = logs.get(hosted.vShard) ?? {}
        queue.push([hosted, { type: 'start', height, headHash: tipHash, certificate, records, amnesia }])
      }
    })
    for (const hosted of this.shards) this.#sayWork(hosted, nowMs, effects)
    return effects
  }

  step(nowMs: number, input: MachineInput): MachineEffect[] {
    const effects: MachineEffect[] = []
    const hosted = this.shard(input.shard)
    if (hosted === undefined) return effects
    switch (input.type) {
      case 'timer':
        this.#feed(hosted, nowMs, { type: 'timer', id: input.id }, effects)
        break
      case 'message':
        this.#feed(hosted, nowMs, { type: 'message', from: input.from, bytes: input.bytes }, effects)
        break
      case 'checked':
        this.#run(nowMs, effects, (queue) => this.#checked(hosted, input, nowMs, queue, effects))
        break
      case 'blocks':
        this.#run(nowMs, effects, (queue) => this.#take(hosted, input, nowMs, queue, effects))
        break
      default:
        this.#feed(hosted, nowMs, { type: input.type }, effects)
    }
    return effects
  }

  /** Takes a transaction whose signature has been checked into its shard's pool. */
  admit(nowMs: number, prepared: PreparedTransaction): Outcome<readonly MachineEffect[]> {
    const hosted = this.shard(prepared.tx.vShard)
    if (hosted === undefined)
      return refuse('ARM_TX_SHARD', 'this node does not host that vShard', { vShard: prepared.tx.vShard })
    const { baseFee } = hosted.kernel
    const rules = rulesVersion(this.config.runtime.scheme, this.main.chain.tip.height)
    const added = hosted.pool.add(prepared, { height: hosted.chain.tip.height + 1, baseFee, rules })
    if (!added.ok) return added
    const effects: MachineEffect[] = []
    const { dropped } = added.value
    if (dropped.length > 0) effects.push({ type: 'dropped', shard: prepared.tx.vShard, dropped })
    this.#sayWork(hosted, nowMs, effects)
    return { ok: true, value: effects }
  }

  /** What the kernel keeps of a shard as of its tip. */
  kernelState(hosted: HostedShard): KernelState {
    return hosted.kernel
  }

  /**
   * Applies a block of the log, and gives what could be executed with it: none while it waits for a main-shard block.
   * Refuses what does not follow from the state: the log or the code is not what it was.
   */
  replay(record: Uint8Array): Outcome<readonly SealedBlock[]> {
    const block: Block = blockCodec.decode(record)
    const { shard, height } = headCodec.decode(block.head)
    const hosted = this.shards.find(({ descriptor }) => sameShard(shard, descriptor.key))
    if (hosted === undefined) return refuse('ARM_BLOCK_HEADER', 'the block is of a shard that this node does not host')
    // A log that a snapshot continues names again what the states did not hold.
    if (height <= hosted.final.height) return { ok: true, value: [] }
    if (height > hosted.final.height + 1)
      return refuse('ARM_BLOCK_PARENT', `expected height ${hosted.final.height + 1}`, { height })
    // The log is this node's own: what stands in it was checked, and certified, before it was written.
    const sealed: SealedBlock[] = []
    this.#push(hosted, block)
    const fault = this.#executeFinal(hosted, (each) => sealed.push(each))
    return fault === undefined ? { ok: true, value: sealed } : { ok: false, reason: fault }
  }

  mainHead(height: number): MainHead | undefined {
    return this.#mainHeads.get(height)
  }

  /** Main-shard heads still kept, ascending: part of a snapshot. */
  mainHeads(): readonly (readonly [number, MainHead])[] {
    return this.#mainHeads.store()
  }

  /** Blocks that wait to be anchored, for a snapshot. */
  unanchored(): readonly Unanchored[] {
    return this.#anchorQueue.store()
  }

  /** Final blocks that are not part of the states yet, as `append` gave them: a snapshot's log begins with them. */
  unexecuted(): readonly Uint8Array[] {
    return this.shards.flatMap((hosted) => hosted.unexecuted.map(({ block }) => blockCodec.encode(block)))
  }

  /** Puts the machine where a snapshot was taken. */
  restore(snapshot: {
    readonly mainHeads: readonly (readonly [number, MainHead])[]
    readonly unanchored: readonly Unanchored[]
    readonly certificates: readonly (Uint8Array | undefined)[]
    readonly mailbox: Uint8Array
  }): void {
    this.#mainHeads.restore(snapshot.mainHeads)
    this.#anchorQueue.restore(snapshot.unanchored)
    this.shards.forEach((hosted, i) => {
      const certificate = snapshot.certificates[i]
      if (certificate === undefined) return
      hosted.final = { ...hosted.final, certificate }
      hosted.certificate = certificate
    })
    this.mailbox.restore(snapshot.mailbox)
  }

  #feed(hosted: HostedShard, nowMs: number, input: EngineInput, effects: MachineEffect[]): void {
    this.#run(nowMs, effects, (queue) => queue.push([hosted, input]))
  }

  /** A loop, not recursion: one effect may lead to inputs for other shards, whose effects come after. */
  #run(nowMs: number, effects: MachineEffect[], begin: (queue: Queue) => void): void {
    const queue: Queue = []
    begin(queue)
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [target, input] = next
      for (const effect of target.engine.step(nowMs, input)) this.#carryOut(target, nowMs, effect, queue, effects)
    }
    for (const { chain } of this.shards) chain.rewind()
  }

  #carryOut(hosted: HostedShard, nowMs: number, effect: EngineEffect, queue: Queue, effects: MachineEffect[]): void {
    const shard = hosted.vShard
    switch (effect.type) {
      case 'propose':
        return this.#propose(hosted, nowMs, effect, queue)
      case 'verify':
      case 'certify': {
        const { view, height, headHash: head32, head, payload, parent } = effect
        const type = effect.type === 'verify' ? 'verified' : 'certified'
        const question: Question = { type, view, height, headHash: head32, head, payload, parent }
        return this.#answer(hosted, question, nowMs, queue, effects)
      }
      case 'finalized':
        return this.#finalized(hosted, effect, nowMs, queue, effects)
      case 'abandon':
        return hosted.chain.abandon({ hash: effect.headHash })
      case 'append': {
        const { record, guardView } = effect
        effects.push({ type: 'record', shard, record, ...(guardView !== undefined && { guardView }) })
        return
      }
      case 'epochEnd':
        return invariant(false, 'the epoch of a fixed layout has no end')
      default:
        effects.push({ ...effect, shard })
    }
  }

  #propose(
    hosted: HostedShard,
    nowMs: number,
    { view, epoch, height, parent }: EngineEffect & { type: 'propose' },
    queue: Queue,
  ): void {
    const { chain, pool, descriptor, proposer } = hosted
    hosted.told = false
    // The parent may be final, and wait for a main-shard block to be executed.
    if (!chain.moveTo(parent)) return void queue.push([hosted, { type: 'proposed', view, height }])
    invariant(height === chain.at.height + 1, 'the engine asks for another height')
    const isMainShard = isMain(descriptor.key)
    const mainHeight = isMainShard ? chain.at.height : this.main.chain.tip.height
    const { baseFee, sizeLimitBytes } = hosted.kernel
    const { imports, waitingGas } = this.mailbox.imports(descriptor.key, {
      cursor: (source) => hosted.cursor(source),
      mainHeight,
      gas: this.config.runtime.scheme.blocks.importGas,
      sizeBytes: Math.floor(sizeLimitBytes * IMPORT_SIZE_PART),
    })
    const executed = chain.propose({
      timeMs: Math.max(nowMs, chain.at.head.timeMs),
      view,
      epoch,
      mainHeight,
      mainHead: (at) => this.#mainHeadFor(hosted, at),
      imports,
      transactions: chain.at === chain.tip ? pool.best(baseFee) : notYetIncluded(chain.state, pool.best(baseFee)),
      anchors: isMainShard ? this.#anchorQueue.next(height, (shard) => this.#anchoredAt(shard)) : [],
      congestion: Math.min(waitingGas, 0xffff_ffff),
      proposer,
    })
    const { block } = executed
    queue.push([hosted, { type: 'proposed', view, height, head: block.head, payload: encodePayload(block) }])
  }

  /** Answers what an engine asks about a block, or keeps the question until what it needs is there. */
  #answer(hosted: HostedShard, question: Question, nowMs: number, queue: Queue, effects: MachineEffect[]): void {
    const { type, view, headHash: of } = question
    const valid = judge(hosted, question, {
      runtime: this.config.runtime,
      nowMs,
      mainHeight: this.main.chain.tip.height,
      mainHead: (height) => this.#mainHeadFor(hosted, height),
      check: (transactions) => effects.push({ type: 'check', shard: hosted.vShard, headHash: of, transactions }),
    })
    if (valid === 'waits') hosted.ask(question)
    else queue.push([hosted, { type, view, headHash: of, valid }])
  }

  #checked(
    hosted: HostedShard,
    { headHash: of, valid }: MachineInput & { type: 'checked' },
    nowMs: number,
    queue: Queue,
    effects: MachineEffect[],
  ): void {
    for (const question of hosted.questions.values())
      if (equalBytes(question.headHash, of)) question.signatures = valid ? 'valid' : 'invalid'
    this.#askAgain(hosted, nowMs, queue, effects)
  }

  #askAgain(hosted: HostedShard, nowMs: number, queue: Queue, effects: MachineEffect[]): void {
    for (const question of hosted.takeQuestions()) this.#answer(hosted, question, nowMs, queue, effects)
  }

  /** The engine has decided on a block. */
  #finalized(
    hosted: HostedShard,
    { height, headHash: of, head, payload, certificate }: EngineEffect & { type: 'finalized' },
    nowMs: number,
    queue: Queue,
    effects: MachineEffect[],
  ): void {
    // Brought by a peer in the meantime.
    if (height <= hosted.final.height) return
    const parts = hosted.chain.candidate(of)?.block ?? readPayload(payload)
    invariant(parts !== undefined, 'an engine takes only payloads that heads commit to')
    const { details, body } = parts
    this.#final(hosted, { head, details, body, certificate }, nowMs, queue, effects)
  }

  /** Final blocks that a peer has brought: each is checked against its certificate before it is taken. */
  #take(
    hosted: HostedShard,
    { from, blocks }: MachineInput & { type: 'blocks' },
    nowMs: number,
    queue: Queue,
    effects: MachineEffect[],
  ): void {
    for (const encoded of blocks) {
      const outcome = this.#checkFinal(hosted, encoded)
      if (!outcome.ok) {
        const reason = `a block that is not final: ${outcome.reason.message}`
        effects.push({ type: 'misconduct', shard: hosted.vShard, peer: from, reason })
        return
      }
      if (outcome.value === undefined) continue
      this.#final(hosted, outcome.value, nowMs, queue, effects)
      const { height, hash, certificate } = hosted.final
      queue.push([hosted, { type: 'synced', height, headHash: hash, certificate: certificate as Uint8Array }])
    }
  }

  /** The block if it is the next one; undefined if it is not. */
  #checkFinal(hosted: HostedShard, encoded: Uint8Array): Outcome<Block | undefined> {
    const { genesisHash, schemaVersion } = this.config.layout
    try {
      const block = blockCodec.decode(encoded)
      const head = headCodec.decode(block.head)
      if (!sameShard(head.shard, hosted.descriptor.key)) return refuse('ARM_BLOCK_HEADER', 'it is of another shard')
      if (head.height !== hosted.final.height + 1) return { ok: true, value: undefined }
      const { committee } = hosted
      const certified = verifyCertificate(block.head, block.certificate, { genesisHash, schemaVersion, committee })
      if (!certified.ok) return certified
      return commitsToParts(this.config.runtime, block)
        ? { ok: true, value: block }
        : refuse('ARM_BLOCK_HEADER', 'its body is not that of its head')
    } catch (error) {
      if (isArmError(error)) return refuse('ARM_BLOCK_DECODE', 'it is malformed')
      throw error
    }
  }

  #final(hosted: HostedShard, block: Block, nowMs: number, queue: Queue, effects: MachineEffect[]): void {
    effects.push({ type: 'append', shard: hosted.vShard, record: blockCodec.encode(block) })
    this.#push(hosted, block)
    const seal = (sealed: SealedBlock, target: HostedShard): void => {
      effects.push({ type: 'sealed', sealed })
      const { transactions, refused } = sealed.executed
      const dropped = target.pool.settle(transactions, refused)
      if (dropped.length > 0) effects.push({ type: 'dropped', shard: target.vShard, dropped })
    }
    const fault = this.#executeFinal(hosted, seal)
    if (fault !== undefined) effects.push({ type: 'halted', shard: hosted.vShard, reason: fault.message })
    hosted.told = false
    for (const other of this.shards) {
      this.#askAgain(other, nowMs, queue, effects)
      if (other.told || !this.#hasWork(other)) continue
      other.told = true
      queue.push([other, { type: 'work' }])
    }
  }

  #push(hosted: HostedShard, block: Block): void {
    const height = hosted.final.height + 1
    const hash = headHash(block.head)
    hosted.final = { height, hash, certificate: block.certificate }
    if (!isMain(hosted.descriptor.key)) this.#certified.add(hash, block.certificate)
    hosted.unexecuted.push({ height, hash, block })
  }

  /** Executes what is final as far as it goes; a main-shard block lets others go on. Returns what does not hold. */
  #executeFinal(hosted: HostedShard, seal: (sealed: SealedBlock, hosted: HostedShard) => void): Refusal | undefined {
    for (let next = hosted.unexecuted[0]; next !== undefined; next = hosted.unexecuted[0]) {
      const { block, hash } = next
      const executed = this.#executedFinal(hosted, block, hash)
      if (executed === 'waits') return undefined
      if (!executed.ok) return executed.reason
      hosted.unexecuted.shift()
      const sealed: SealedBlock = {
        shard: hosted.descriptor.key,
        executed: executed.value,
        certificate: block.certificate,
      }
      this.#commit(hosted, sealed)
      seal(sealed, hosted)
      if (!isMain(hosted.descriptor.key)) continue
      for (const other of this.shards) {
        const fault = other === hosted ? undefined : this.#executeFinal(other, seal)
        if (fault !== undefined) return fault
      }
    }
    return undefined
  }

  #executedFinal(hosted: HostedShard, block: Block, hash: Uint8Array): Outcome<ExecutedBlock> | 'waits' {
    const { chain, descriptor } = hosted
    const known = chain.candidate(hash)
    if (known !== undefined) return { ok: true, value: known }
    const read = readBlock(block, this.config.runtime)
    if (!read.ok) return read
    if (!isMain(descriptor.key) && read.value.details.mainHeight > this.main.chain.tip.height) return 'waits'
    chain.rewind()
    return chain.execute(read.value, {
      mainHead: (height) => this.#mainHeadFor(hosted, height),
      latestTimeMs: Number.MAX_SAFE_INTEGER,
      round: 'certified',
      verified: () => true,
    })
  }

  #commit(hosted: HostedShard, { shard, executed, certificate }: SealedBlock): void {
    hosted.chain.commit(executed)
    hosted.certificate = certificate
    // Where they were awaited, destinations may have taken them: who has the main shard's heads needs no source.
    if (this.mailbox.hold(shard, executed.height, executed.outbox)) for (const other of this.shards) this.#prune(other)
    for (const fault of executed.faults) {
      if (fault.what === 'import') this.mailbox.freeze(fault.shard, shard)
      else this.#anchorQueue.freeze(fault.shard)
    }
    if (isMain(shard)) this.#commitMain(executed)
    // Behind on this shard, a node may find that the main shard has the block already.
    else if (executed.height > this.#anchoredFinal(shard)) {
      const { head, details } = executed.block
      const outbox = executed.outbox.batches.map(({ encoded }) => encoded)
      const { mainHeight } = executed.details
      this.#anchorQueue.add(shard, {
        height: executed.height,
        anchor: { head, details, certificate, outbox },
        mainHeight,
      })
    }
    if (executed.imports.length > 0) this.#prune(hosted)
  }

  #prune(hosted: HostedShard): void {
    hosted.chain.rewind()
    this.mailbox.prune(hosted.descriptor.key, (source) => hosted.cursor(source))
  }

  #commitMain({ height, hash, head, anchors }: ExecutedBlock): void {
    this.#mainHeads.add(height, { hash, shardTopsRoot: head.shardTopsRoot, outboxRoot: head.outboxRoot })
    this.mailbox.anchored(this.main.descriptor.key, height, anchors)
    for (const { head: anchored } of anchors) this.#anchorQueue.anchored(anchored.shard, anchored.height)
    const seen = this.shards.map((hosted) => (isMain(hosted.descriptor.key) ? height : hosted.mainHeightSeen))
    this.#mainHeads.dropBelow(Math.min(this.mailbox.oldestAnchor() ?? height, height - MAIN_HEADS_KEPT, ...seen))
  }

  /** A head of the main shard as a block of a shard may name it: the main shard's own blocks stand on heads that are not final. */
  #mainHeadFor(hosted: HostedShard, height: number): MainHead | undefined {
    if (hosted !== this.main || height <= this.main.chain.tip.height) return this.mainHead(height)
    const candidate = this.main.chain.candidateAt(height)
    return candidate && mainHeadOf(candidate)
  }

  /** Last height of a shard that is anchored where the main shard's state stands. */
  #anchoredAt(shard: ShardKey): number {
    return readAnchor(this.main.chain.state, shard)?.height ?? 0
  }

  #anchoredFinal(shard: ShardKey): number {
    this.main.chain.rewind()
    return this.#anchoredAt(shard)
  }

  #sayWork(hosted: HostedShard, nowMs: number, effects: MachineEffect[]): void {
    // One `work` is enough: an engine forgets it only when it proposes or a block is final.
    if (hosted.told || !this.#hasWork(hosted)) return
    hosted.told = true
    this.#feed(hosted, nowMs, { type: 'work' }, effects)
  }

  #hasWork(hosted: HostedShard): boolean {
    const { pool, descriptor } = hosted
    if (pool.size > 0) return true
    if (isMain(descriptor.key) && this.#anchorQueue.waiting) return true
    return this.mailbox.waiting(descriptor.key, (source) => hosted.cursor(source)) > 0
  }
}

type Queue = [HostedShard, EngineInput][]

/** Those that the block proposed on does not stand on already. */
function* notYetIncluded(state: ShardState, best: Iterable<PreparedTransaction>): Generator<PreparedTransaction> {
  for (const prepared of best)
    if (prepared.tx.nonce >= state.accounts.nonce(state.accounts.find(prepared.account))) yield prepared
}

/** Last height of a shard that the main shard has anchored. */
export function anchoredHeight(machine: ChainMachine, shard: ShardKey): number {
  if (isMain(shard)) return machine.main.chain.tip.height
  return readAnchor(machine.main.chain.state, shard)?.height ?? 0
}
