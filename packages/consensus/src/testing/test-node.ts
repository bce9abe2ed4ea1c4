import { concatBytes, headHash, utf8 } from '@armchain/core'
import type { ConsensusEngine, EngineConfig, EngineEffect, EngineFactory, EngineInput } from '../engine.ts'
import { type FinalBlock, finalFault, MODEL_START, modelHead, standsOn } from './chain-model.ts'
import type { Random } from './random.ts'
import { type DiskOperation, TestDisk } from './test-disk.ts'

/** What a node asks of the world around it. */
export type NodeWorld = {
  readonly random: Random
  nowMs(): number
  /** Feeds an input to this node's engine later, unless it crashes before. */
  later(node: TestNode, atMs: number, input: EngineInput): void
  send(from: number, to: number | 'all', bytes: Uint8Array): void
  fetchedLater(node: TestNode, atMs: number, blocks: readonly FinalBlock[]): void
  /** The next final blocks that any other node has, from a height on. */
  blocksFrom(node: TestNode, height: number, count: number): readonly FinalBlock[]
  onFinal(node: TestNode, block: FinalBlock): void
  violation(what: string): never
}

/** A shell around one engine: disk, block model and answers that take their time. */
export class TestNode {
  readonly index: number
  readonly disk: TestDisk
  /** Counts crashes: what belongs to an earlier run is dropped. */
  run = 0
  up = false
  tip: { height: number; headHash: Uint8Array; certificate: Uint8Array | undefined }
  epochEnded = false
  readonly evidence: Uint8Array[] = []
  readonly #world: NodeWorld
  readonly #config: EngineConfig
  readonly #factory: EngineFactory
  #engine: ConsensusEngine | undefined
  readonly #timers: Map<number, number> = new Map()
  readonly #abandoned: Set<string> = new Set()

  constructor(
    index: number,
    { world, config, factory }: { world: NodeWorld; config: EngineConfig; factory: EngineFactory },
  ) {
    this.index = index
    this.#world = world
    this.disk = new TestDisk((block) => world.onFinal(this, block))
    this.#config = config
    this.#factory = factory
    this.tip = { height: config.epoch.startHeight, headHash: MODEL_START, certificate: undefined }
  }

  /** Starts from what the disk holds. `amnesia` is what the shell would find in a log that is damaged in its middle. */
  boot(amnesia?: { readonly guardView?: number }): void {
    const { startHeight } = this.#config.epoch
    const last = this.disk.finals.at(-1)
    this.tip =
      last === undefined
        ? { height: startHeight, headHash: MODEL_START, certificate: undefined }
        : { height: last.height, headHash: last.headHash, certificate: last.certificate }
    this.up = true
    this.#timers.clear()
    this.#abandoned.clear()
    this.#engine = this.#factory(this.#config)
    const { height, headHash: hash, certificate } = this.tip
    const records = amnesia === undefined ? [...this.disk.records] : []
    if (amnesia !== undefined) this.disk.records = []
    this.feed({ type: 'start', height, headHash: hash, certificate, records, amnesia })
  }

  crash(): void {
    this.run++
    this.up = false
    this.disk.crash(this.#world.random)
  }

  /** Feeds an input and carries out what comes of it; only the first `effectsMax` effects if it crashes on the way. */
  feed(input: EngineInput, effectsMax: number = Number.POSITIVE_INFINITY): void {
    if (input.type === 'timer' && this.#timers.get(input.id) !== this.#world.nowMs()) return
    if (input.type === 'timer') this.#timers.delete(input.id)
    const effects = (this.#engine as ConsensusEngine).step(this.#world.nowMs(), input)
    for (const [i, effect] of effects.entries()) {
      if (i >= effectsMax) return
      this.#carryOut(effect)
    }
  }

  /** Takes blocks of others that follow on the own tip, and says so to the engine at once. */
  takeFetched(blocks: readonly FinalBlock[]): void {
    for (const block of blocks) {
      if (block.height !== this.tip.height + 1) continue
      this.#finalize(block)
      const { height, headHash: hash, certificate } = block
      this.feed({ type: 'synced', height, headHash: hash, certificate })
    }
  }

  #carryOut(effect: EngineEffect): void {
    const world = this.#world
    switch (effect.type) {
      case 'append':
        return this.disk.write({ type: 'record', record: effect.record })
      case 'checkpoint':
        return this.disk.write(effect)
      case 'send':
        this.disk.sync()
        return world.send(this.index, effect.to, effect.bytes)
      case 'timer':
        this.#timers.set(effect.id, effect.atMs)
        return world.later(this, effect.atMs, { type: 'timer', id: effect.id })
      case 'propose':
        return this.#propose(effect)
      case 'verify':
      case 'certify': {
        const { view, height, head, headHash: hash, parent } = effect
        const valid = standsOn(head, height, parent)
        const type = effect.type === 'verify' ? 'verified' : 'certified'
        return this.#answer({ type, view, headHash: hash, valid })
      }
      case 'finalized':
        this.disk.sync()
        return this.#finalize(effect)
      case 'abandon':
        this.#abandoned.add(effect.headHash.join())
        return
      case 'fetch':
        return this.#fetch(effect.fromHeight, effect.toHeight)
      case 'evidence':
        this.evidence.push(effect.bytes)
        return
      case 'epochEnd':
        this.epochEnded = true
        return
      case 'misconduct':
        return world.violation(`node ${this.index} accuses ${effect.peer} of ${effect.reason}`)
      case 'halted':
        return world.violation(`node ${this.index} halted: ${effect.reason}`)
    }
  }

  #propose({ view, epoch, height, parent }: EngineEffect & { type: 'propose' }): void {
    const timeMs = this.#world.nowMs()
    const payload = concatBytes(utf8(`${this.index}.${this.run}`), parent.subarray(0, 4))
    const head = modelHead({ epoch, view, height, timeMs, parent, payload })
    this.#answer({ type: 'proposed', view, height, head, payload })
  }

  #answer(input: EngineInput): void {
    const { random } = this.#world
    // Mostly at once; sometimes later than a view takes.
    const delayMs = random.chance(0.02) ? random.below(600) : random.below(3)
    this.#world.later(this, this.#world.nowMs() + delayMs, input)
  }

  #finalize(block: FinalBlock): void {
    const fault = finalFault(block, this.tip, this.#config.committee)
    if (fault !== undefined) this.#world.violation(`node ${this.index} finalised a wrong block: ${fault}`)
    if (this.#abandoned.has(headHash(block.head).join()))
      this.#world.violation(`node ${this.index} finalised what it had abandoned`)
    this.#take(block)
  }

  #take({ height, headHash: hash, head, payload, certificate }: FinalBlock): void {
    const block = { height, headHash: hash, head, payload, certificate }
    this.tip = { height, headHash: hash, certificate }
    this.disk.write({ type: 'final', block } satisfies DiskOperation)
  }

  #fetch(fromHeight: number, toHeight: number): void {
    const blocks = this.#world.blocksFrom(this, fromHeight, toHeight - fromHeight + 1)
    this.#world.fetchedLater(this, this.#world.nowMs() + 20, blocks)
  }
}
