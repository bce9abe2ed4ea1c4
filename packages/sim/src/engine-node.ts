import {
  type CertificateRules,
  type ConsensusEngine,
  type EngineEffect,
  type EngineFactory,
  type EngineInput,
  type Timing,
  verifyCertificate,
} from '@armchain/consensus'
import { invariant, toHex } from '@armchain/core'
import { commitsTo, createHead, createPayload, encodeCarved, faultOf, markOf, nameOf, SHARD } from './abstract-chain.ts'
import { BlockStore, type FinalBlock, finalBlockCodec, readRange, writeRange } from './block-sync.ts'
import type { ClusterKeys } from './cluster-keys.ts'
import type { Recovered } from './disk.ts'
import { ANSWERS_MAX } from './limits.ts'
import type { NodeEffect, NodeInput, QueueSize, SimNode } from './node-port.ts'
import { fraction, keyed } from './random.ts'
import type { Scenario } from './scenario.ts'
import { RecordKind, readGuard, readRecord, type ShellRecord, writeGuard, writeRecord } from './shell-records.ts'

export type EngineNodeOptions = {
  readonly scenario: Scenario
  readonly keys: ClusterKeys
  readonly factory: EngineFactory
  readonly seat: number
  /** Tells twins apart, so that they build other payloads. */
  readonly host: number
  readonly life: number
}

/** Milliseconds between looks at what the shell itself wants from peers. */
const SYNC_EVERY_MS = 1_000
/** Without a new block for so long, a node asks whether the others are in a later epoch. */
const STALLED_MS = 8_000
/** Timers below belong to the engine of an epoch of that parity; above to the shell. */
const ENGINE_TIMERS = 1 << 20
const SYNC_TIMER = 2 * ENGINE_TIMERS
const ANSWER_TIMER = SYNC_TIMER + 1
/** Blocks sent in one answer. */
const RANGE_MAX = 32

/**
 * A consensus engine in the least shell that keeps the port's rules: it builds and checks abstract blocks, stores final
 * ones, guards against amnesia, hands over from epoch to epoch and brings what is too far behind for the engine.
 */
export class EngineNode implements SimNode {
  readonly #options: EngineNodeOptions
  readonly #blocks: BlockStore
  #engine: ConsensusEngine | undefined
  /** The engine of the epoch before, which still answers who is behind. */
  #previous: ConsensusEngine | undefined
  #epoch = 0
  #amnesia: { readonly guardView?: number } | undefined
  /** What the log held at the start, and the latest epoch that it or the guard tells of votes in. */
  #written: readonly ShellRecord[] = []
  #votedEpoch = 0
  #nowMs = 0
  #effects: NodeEffect[] = []
  #queue: { readonly epoch: number; readonly input: EngineInput }[] = []
  /** Answers of the application that take their time, by timer. */
  readonly #answers: Map<number, { readonly epoch: number; readonly input: EngineInput }> = new Map()
  #answered = 0
  #built = 0
  #wantedHeight = 0
  #lastBlockMs = 0
  #asked = 0

  constructor(options: EngineNodeOptions) {
    this.#options = options
    this.#blocks = new BlockStore(options.keys.epochSeed(0))
  }

  start(nowMs: number, recovered: Recovered): readonly NodeEffect[] {
    this.#begin(nowMs)
    for (const record of recovered.blocks) this.#blocks.add(finalBlockCodec.decode(record))
    this.#epoch = this.#epochOf(this.#blocks.height)
    this.#written = recovered.records.map(readRecord)
    const guardEpoch = recovered.guard === undefined ? 0 : readGuard(recovered.guard).epoch
    this.#votedEpoch = this.#written.reduce((latest, { epoch }) => Math.max(latest, epoch), guardEpoch)
    const records = this.#written.filter(({ epoch }) => epoch === this.#epoch)
    const forgot = records.findLast(({ kind }) => kind === RecordKind.amnesia)
    if (forgot !== undefined) this.#amnesia = readGuard(forgot.bytes)
    else if (recovered.damaged) this.#forget(recovered)
    // Blocks were lost, and with them an epoch whose votes no record tells of any more.
    else if (this.#epoch < this.#votedEpoch) this.#amnesia = {}
    if (this.#amnesia !== undefined) this.#effects.push({ type: 'fact', fact: { type: 'quarantined' } })
    const own = records.filter(({ kind }) => kind === RecordKind.engine).map(({ bytes }) => bytes)
    this.#tellTip()
    this.#startEngine(own)
    this.#lastBlockMs = nowMs
    this.#effects.push({ type: 'timer', id: SYNC_TIMER, atMs: nowMs + SYNC_EVERY_MS })
    return this.#finish()
  }

  step(nowMs: number, input: NodeInput): readonly NodeEffect[] {
    this.#begin(nowMs)
    if (input.type === 'op') this.#feed({ type: 'work' })
    else if (input.type === 'timer') this.#ring(input.id)
    else if (input.lane === 'shell') this.#hear(input.from, input.bytes)
    else {
      const message: EngineInput = { type: 'message', from: input.from, bytes: input.bytes }
      // Of another epoch than its own, an engine takes nothing.
      if (this.#previous !== undefined) this.#queue.push({ epoch: this.#epoch - 1, input: message })
      this.#feed(message)
    }
    return this.#finish()
  }

  sizes(): readonly QueueSize[] {
    const answers = { name: 'answers', size: this.#answers.size, limit: ANSWERS_MAX }
    return [answers, ...(this.#engine?.sizes?.() ?? []), ...(this.#previous?.sizes?.() ?? [])]
  }

  /** The log cannot be trusted: what is known of the votes is what the guard file says. */
  #forget({ guard }: Recovered): void {
    const held = guard === undefined ? undefined : readGuard(guard)
    this.#amnesia = held?.epoch === this.#epoch ? held : {}
    this.#effects.push({ type: 'append', record: this.#amnesiaRecord() })
  }

  #amnesiaRecord(): Uint8Array {
    const guard = writeGuard(this.#epoch, this.#amnesia?.guardView)
    return writeRecord(RecordKind.amnesia, this.#epoch, guard)
  }

  #startEngine(records: readonly Uint8Array[]): void {
    this.#engine = this.#createEngine()
    const { height, hash, certificate } = this.#blocks.tip
    this.#feed({ type: 'start', height, headHash: hash, certificate, records, amnesia: this.#amnesia })
  }

  #createEngine(): ConsensusEngine {
    const { scenario, keys, factory, seat } = this.#options
    const { epochBlocks, deltaMs } = scenario
    const startHeight = this.#epoch * epochBlocks
    const timing: Timing = { deltaMs, deltaMaxMs: 16 * deltaMs, skipAfterMs: 20 * deltaMs }
    return factory({
      genesisHash: keys.genesisHash,
      shard: SHARD,
      schemaVersion: 1,
      epoch: {
        number: this.#epoch,
        startHeight,
        startHash: this.#blocks.hashAt(startHeight),
        seed: keys.epochSeed(this.#epoch),
        ...(epochBlocks > 0 && { endHeight: startHeight + epochBlocks }),
      },
      committee: keys.committee,
      self: { index: seat, sign: (message) => keys.sign(seat, message) },
      pace: { blockTimeMs: scenario.blockMs, idleMs: scenario.blockMs, mode: 'timed' },
      timing,
      commits: commitsTo,
    })
  }

  #begin(nowMs: number): void {
    this.#nowMs = nowMs
    this.#effects = []
  }

  #feed(input: EngineInput): void {
    this.#queue.push({ epoch: this.#epoch, input })
  }

  /** Runs engines until they ask for nothing more, and gives what is to be done. */
  #finish(): readonly NodeEffect[] {
    for (let at = 0; at < this.#queue.length; at++) {
      const { epoch, input } = this.#queue[at] as { epoch: number; input: EngineInput }
      const engine = epoch === this.#epoch ? this.#engine : epoch === this.#epoch - 1 ? this.#previous : undefined
      if (engine === undefined) continue
      for (const effect of engine.step(this.#nowMs, input)) this.#carryOut(epoch, effect)
    }
    this.#queue = []
    return this.#effects
  }

  #carryOut(epoch: number, effect: EngineEffect): void {
    switch (effect.type) {
      case 'send':
        this.#effects.push({ type: 'send', to: effect.to, lane: 'engine', bytes: effect.bytes })
        return
      case 'append':
        this.#append(epoch, effect)
        return
      case 'timer':
        this.#effects.push({ type: 'timer', id: effect.id + (epoch & 1) * ENGINE_TIMERS, atMs: effect.atMs })
        return
      case 'evidence':
        this.#effects.push({ type: 'fact', fact: { type: 'evidence', bytes: effect.bytes } })
        return
      default:
        // What the engine of an epoch that is over asks for beside that concerns blocks that are none any more.
        if (epoch === this.#epoch) this.#carryOutNow(effect)
    }
  }

  #carryOutNow(effect: Exclude<EngineEffect, { type: 'send' | 'append' | 'timer' | 'evidence' }>): void {
    switch (effect.type) {
      case 'propose':
        return this.#propose(effect)
      case 'verify': {
        const fault = faultOf(effect.head, effect.payload, { ...effect, epoch: this.#epoch })
        return this.#answer({ ...pick(effect), type: 'verified', valid: fault === undefined })
      }
      case 'certify':
        return this.#answer({ ...pick(effect), type: 'certified', valid: markOf(effect.payload) !== 'uncertifiable' })
      case 'checkpoint': {
        const records = effect.records.map((record) => writeRecord(RecordKind.engine, this.#epoch, record))
        const all = this.#amnesia === undefined ? records : [this.#amnesiaRecord(), ...records]
        this.#effects.push({ type: 'checkpoint', records: all })
        return
      }
      case 'finalized':
        return this.#finalize({ ...effect, epoch: this.#epoch })
      case 'fetch':
        this.#wantedHeight = Math.max(this.#wantedHeight, effect.toHeight)
        return this.#request()
      case 'epochEnd':
        return this.#enterEpoch()
      case 'halted':
        this.#effects.push({ type: 'fact', fact: { type: 'halted', reason: effect.reason } })
        return
      case 'misconduct':
        this.#effects.push({ type: 'fact', fact: { type: 'misconduct', peer: effect.peer, reason: effect.reason } })
        return
      case 'abandon':
        return
    }
  }

  #append(epoch: number, { record, guardView }: EngineEffect & { type: 'append' }): void {
    this.#effects.push({ type: 'append', record: writeRecord(RecordKind.engine, epoch, record) })
    if (guardView !== undefined && epoch === this.#epoch)
      this.#effects.push({ type: 'guard', bytes: writeGuard(epoch, guardView) })
  }

  #propose({ view, height, parent }: EngineEffect & { type: 'propose' }): void {
    const { scenario, keys, host, life } = this.#options
    const payload = createPayload(scenario.seed, host, (life << 20) + this.#built++)
    const head = createHead({ genesis: keys.genesisHash, epoch: this.#epoch, view, height, parent, payload })
    this.#answer({ type: 'proposed', view, height, head, payload })
  }

  /** The application answers at once, or after some time of its own. */
  #answer(input: EngineInput): void {
    const { scenario, host } = this.#options
    const number = this.#answered++
    const delayMs = Math.floor(fraction(keyed(scenario.seed, host, number, 0x6170)) * (scenario.appMs + 1))
    if (delayMs === 0) return this.#feed(input)
    const id = ANSWER_TIMER + number
    this.#answers.set(id, { epoch: this.#epoch, input })
    this.#effects.push({ type: 'timer', id, atMs: this.#nowMs + delayMs })
  }

  #ring(id: number): void {
    if (id === SYNC_TIMER) return this.#lookAround()
    if (id >= ANSWER_TIMER) {
      const answer = this.#answers.get(id)
      this.#answers.delete(id)
      if (answer !== undefined) this.#queue.push(answer)
      return
    }
    const parity = Math.floor(id / ENGINE_TIMERS)
    const epoch = (this.#epoch & 1) === parity ? this.#epoch : this.#epoch - 1
    this.#queue.push({ epoch, input: { type: 'timer', id: id % ENGINE_TIMERS } })
  }

  #finalize(block: Omit<FinalBlock, 'epoch'> & { readonly epoch: number; readonly height: number }): void {
    if (block.height <= this.#blocks.height) return
    invariant(block.height === this.#blocks.height + 1, `height ${block.height} is final before the one below it`)
    const { epoch, view, head, payload, certificate } = block
    this.#take({ epoch, view, head, payload, certificate })
  }

  #take(block: FinalBlock): void {
    const { height, hash: parent } = this.#blocks.tip
    const { epoch, view, head, payload } = block
    const invalid = faultOf(head, payload, { epoch, view, height: height + 1, parent })
    this.#blocks.add(block)
    this.#lastBlockMs = this.#nowMs
    this.#effects.push({ type: 'block', record: encodeCarved(finalBlockCodec, block) })
    this.#tellTip(invalid ?? (markOf(payload) === 'good' ? undefined : 'it must not have been certified'))
  }

  #tellTip(invalid?: string): void {
    const { height, hash } = this.#blocks.tip
    const [block] = this.#blocks.range(height, 1)
    if (block === undefined) return
    const parent = toHex(this.#blocks.hashAt(height - 1))
    const mark = nameOf(block.payload)
    const fact = { type: 'finalized', chain: 0, height, hash: toHex(hash), parent, mark } as const
    this.#effects.push({ type: 'fact', fact: invalid === undefined ? fact : { ...fact, invalid } })
  }

  #enterEpoch(): void {
    const { epochBlocks } = this.#options.scenario
    const next = this.#epoch + 1
    if (epochBlocks === 0 || this.#blocks.height < next * epochBlocks) return
    this.#previous = this.#engine
    this.#epoch = next
    this.#amnesia = next < this.#votedEpoch ? {} : undefined
    const own = this.#written.filter(({ kind, epoch }) => kind === RecordKind.engine && epoch === next)
    this.#startEngine(own.map(({ bytes }) => bytes))
  }

  #epochOf(height: number): number {
    const { epochBlocks } = this.#options.scenario
    return epochBlocks === 0 ? 0 : Math.floor(height / epochBlocks)
  }

  #lookAround(): void {
    this.#effects.push({ type: 'timer', id: SYNC_TIMER, atMs: this.#nowMs + SYNC_EVERY_MS })
    if (this.#wantedHeight > this.#blocks.height || this.#nowMs - this.#lastBlockMs > STALLED_MS) this.#request()
  }

  /** Asks the next peer in turn for the blocks that follow. */
  #request(): void {
    const { nodes } = this.#options.scenario
    if (nodes === 1) return
    const to = (this.#options.seat + 1 + (this.#asked++ % (nodes - 1))) % nodes
    const wanted = this.#wantedHeight > this.#blocks.height
    const bytes = writeRange({ fromHeight: this.#blocks.height + 1, stalled: !wanted, blocks: [] })
    this.#effects.push({ type: 'send', to, lane: 'shell', bytes })
  }

  #hear(from: number, bytes: Uint8Array): void {
    const message = readRange(bytes)
    if (message === undefined) return
    if (message.blocks.length > 0) return this.#sync(message.blocks)
    // Within its epoch an engine has to help itself, or the simulator would not see that it cannot.
    if (message.stalled && this.#epochOf(message.fromHeight - 1) >= this.#epoch) return
    const blocks = this.#blocks.range(message.fromHeight, RANGE_MAX)
    if (blocks.length === 0) return
    const answer = writeRange({ fromHeight: message.fromHeight, stalled: false, blocks })
    this.#effects.push({ type: 'send', to: from, lane: 'shell', bytes: answer })
  }

  /** Takes blocks that another node says are final, as far as their certificates show it. */
  #sync(blocks: readonly FinalBlock[]): void {
    const { keys } = this.#options
    const rules: CertificateRules = { genesisHash: keys.genesisHash, schemaVersion: 1, committee: keys.committee }
    for (const block of blocks) {
      const verified = verifyCertificate(block.head, block.certificate, rules)
      if (!verified.ok || verified.value.height !== this.#blocks.height + 1) continue
      if (!commitsTo(block.head, block.payload) || verified.value.epoch !== this.#epoch) continue
      this.#take({ ...block, epoch: this.#epoch })
      const { height, hash, certificate } = this.#blocks.tip
      invariant(certificate !== undefined, 'a block that was taken has a certificate')
      this.#feed({ type: 'synced', height, headHash: hash, certificate })
      this.#enterEpoch()
    }
  }
}

function pick({ view, headHash: hash }: { readonly view: number; readonly headHash: Uint8Array }) {
  return { view, headHash: hash }
}
