import { equalBytes } from '@armchain/core'
import { type Committee, createCommittee, type FaultModel } from '../committee.ts'
import type { EngineConfig, EngineFactory, EngineInput, Pace } from '../engine.ts'
import { type FinalBlock, MODEL_GENESIS, MODEL_SHARD, MODEL_START, modelCommits } from './chain-model.ts'
import { EventQueue } from './event-queue.ts'
import { fakeCrypto, type TestCrypto } from './fake-scheme.ts'
import { type Random, seededRandom } from './random.ts'
import { type NodeWorld, TestNode } from './test-node.ts'

/** A run as data: the same scenario gives the same run, to the last byte. */
export type Scenario = {
  readonly seed: number
  /** Weight of each validator. */
  readonly weights: readonly number[]
  readonly faults: FaultModel
  /** How long the network and the nodes fail, in virtual milliseconds; after that all is well. */
  readonly chaosMs: number
  /** How long all is well. */
  readonly calmMs: number
  /** Part of the messages that are lost, and that come twice, while the network fails. */
  readonly loss: number
  readonly duplicates: number
  /** Something of this kind happens every `upsetMs`. */
  readonly upsets: readonly ('partition' | 'crash' | 'crashAll' | 'amnesia')[]
  readonly upsetMs: number
  /** Height of the epoch's last block. */
  readonly endHeight?: number
  /** Blocks that every node must add while all is well, where the epoch has no end. */
  readonly progressBlocks: number
}

export type RunReport = {
  /** Blocks of the longest chain. */
  readonly height: number
  /** Mixed from all that was finalised, by whom and when: equal for equal runs. */
  readonly auditHash: number
  readonly events: number
}

export const TEST_PACE: Pace = { blockTimeMs: 40, idleMs: 40, mode: 'timed' }
const DELTA_MS = 100

type WorldEvent =
  | { readonly type: 'input'; readonly node: TestNode; readonly run: number; readonly input: EngineInput }
  | { readonly type: 'fetched'; readonly node: TestNode; readonly run: number; readonly blocks: readonly FinalBlock[] }
  | { readonly type: 'upset' }
  | { readonly type: 'restart'; readonly node: TestNode; readonly amnesia: boolean }
  | { readonly type: 'calm' }

/** Runs engines against each other; throws on the first rule that one of them breaks. */
export class TestWorld implements NodeWorld {
  readonly random: Random
  readonly nodes: readonly TestNode[]
  readonly committee: Committee
  readonly #scenario: Scenario
  readonly #crypto: TestCrypto
  readonly #queue: EventQueue<WorldEvent> = new EventQueue()
  readonly #chain: Map<number, Uint8Array> = new Map()
  readonly #quarantined: Set<TestNode> = new Set()
  #nowMs = 0
  #calm = false
  #groups: readonly number[] | undefined
  #calmHeight = 0
  #auditHash = 0x811c9dc5
  #events = 0

  constructor(scenario: Scenario, factory: EngineFactory, crypto: TestCrypto = fakeCrypto) {
    this.#crypto = crypto
    this.#scenario = scenario
    this.random = seededRandom(scenario.seed)
    const { weights, faults } = scenario
    const seats = weights.map((weight, index) => ({ key: crypto.keyOf(index), weight }))
    this.committee = createCommittee(seats, { scheme: crypto.scheme, faults })
    this.nodes = weights.map((_, index) => new TestNode(index, { world: this, config: this.#config(index), factory }))
  }

  run(): RunReport {
    const { chaosMs, calmMs, upsetMs, upsets } = this.#scenario
    for (const node of this.nodes) node.boot()
    if (upsets.length > 0)
      for (let atMs = upsetMs; atMs < chaosMs; atMs += upsetMs) this.#queue.push(atMs, { type: 'upset' })
    this.#queue.push(chaosMs, { type: 'calm' })
    for (let next = this.#queue.pop(); next !== undefined && next.atMs <= chaosMs + calmMs; next = this.#queue.pop()) {
      this.#nowMs = next.atMs
      this.#events++
      this.#handle(next.event)
    }
    this.#checkProgress()
    return { height: Math.max(...this.#chain.keys(), 0), auditHash: this.#auditHash >>> 0, events: this.#events }
  }

  nowMs(): number {
    return this.#nowMs
  }

  later(node: TestNode, atMs: number, input: EngineInput): void {
    this.#queue.push(Math.max(atMs, this.#nowMs), { type: 'input', node, run: node.run, input })
  }

  fetchedLater(node: TestNode, atMs: number, blocks: readonly FinalBlock[]): void {
    this.#queue.push(atMs, { type: 'fetched', node, run: node.run, blocks })
  }

  send(from: number, to: number | 'all', bytes: Uint8Array): void {
    const targets = to === 'all' ? this.nodes : this.nodes.filter(({ index }) => index === to)
    for (const node of targets) if (node.index !== from) this.#deliver(from, node, bytes)
  }

  blocksFrom(node: TestNode, height: number, count: number): readonly FinalBlock[] {
    const best = this.nodes
      .filter((other) => other !== node)
      .sort((a, b) => b.disk.finals.length - a.disk.finals.length)[0]
    return best?.disk.finals.filter((block) => block.height >= height).slice(0, count) ?? []
  }

  onFinal(node: TestNode, { height, headHash }: FinalBlock): void {
    const known = this.#chain.get(height)
    if (known === undefined) this.#chain.set(height, headHash)
    else if (!equalBytes(known, headHash)) this.violation(`two blocks are final at height ${height}`)
    for (const part of [node.index, height, headHash[0] as number, this.#nowMs])
      this.#auditHash = Math.imul(this.#auditHash ^ part, 0x01000193)
  }

  violation(what: string): never {
    throw new Error(`${what} (at ${this.#nowMs} ms of ${JSON.stringify(this.#scenario)})`)
  }

  #config(index: number): EngineConfig {
    const { endHeight } = this.#scenario
    return {
      genesisHash: MODEL_GENESIS,
      shard: MODEL_SHARD,
      schemaVersion: 1,
      epoch: {
        number: 3,
        startHeight: 0,
        startHash: MODEL_START,
        seed: MODEL_GENESIS,
        ...(endHeight && { endHeight }),
      },
      committee: this.committee,
      self: { index, sign: this.#crypto.signerOf(index) },
      pace: TEST_PACE,
      timing: { deltaMs: DELTA_MS, deltaMaxMs: 4 * DELTA_MS, skipAfterMs: 20 * DELTA_MS },
      commits: modelCommits,
    }
  }

  #handle(event: WorldEvent): void {
    switch (event.type) {
      case 'input':
        if (event.node.up && event.node.run === event.run) event.node.feed(event.input)
        return
      case 'fetched':
        if (event.node.up && event.node.run === event.run) event.node.takeFetched(event.blocks)
        return
      case 'restart':
        if (event.node.up) return
        return event.node.boot(event.amnesia ? {} : undefined)
      case 'upset':
        return this.#upset()
      case 'calm':
        this.#calm = true
        this.#groups = undefined
        this.#calmHeight = Math.max(0, ...this.#chain.keys())
        for (const node of this.nodes) if (!node.up) node.boot()
    }
  }

  #deliver(from: number, node: TestNode, bytes: Uint8Array): void {
    const { random } = this
    const input: EngineInput = { type: 'message', from, bytes }
    if (this.#calm) return this.later(node, this.#nowMs + 5 + random.below(30), input)
    if (this.#groups !== undefined && this.#groups[from] !== this.#groups[node.index]) return
    const { loss, duplicates } = this.#scenario
    if (random.chance(loss)) return
    const delayMs = random.chance(0.1) ? random.below(600) : 5 + random.below(60)
    this.later(node, this.#nowMs + delayMs, input)
    if (random.chance(duplicates)) this.later(node, this.#nowMs + random.below(1_000), input)
  }

  #upset(): void {
    const { random, nodes } = this
    const { upsets } = this.#scenario
    const kind = upsets[random.below(upsets.length)]
    const node = nodes[random.below(nodes.length)] as TestNode
    if (kind === 'partition') this.#groups = random.chance(0.5) ? undefined : nodes.map(() => random.below(2))
    else if (kind === 'crash') this.#crash(node)
    else if (kind === 'crashAll') for (const each of nodes) this.#crash(each)
    else if (kind === 'amnesia' && (this.#quarantined.size === 0 || this.#quarantined.has(node))) {
      // One validator alone: two of four who may not vote are more than the others can do without.
      this.#quarantined.add(node)
      this.#crash(node)
    }
  }

  #crash(node: TestNode): void {
    if (!node.up) return
    node.crash()
    const amnesia = this.#quarantined.has(node) && node.disk.records.length > 0 && this.random.chance(0.5)
    this.#queue.push(this.#nowMs + this.random.below(1_500), { type: 'restart', node, amnesia })
  }

  #checkProgress(): void {
    const { endHeight, progressBlocks } = this.#scenario
    const wanted = Math.min(endHeight ?? Infinity, this.#calmHeight + progressBlocks)
    for (const node of this.nodes) {
      if (node.tip.height < wanted)
        this.violation(`node ${node.index} stands at height ${node.tip.height} and should be at ${wanted}`)
      if (endHeight !== undefined && !node.epochEnded) this.violation(`node ${node.index} did not end the epoch`)
      if (node.evidence.length > 0) this.violation(`node ${node.index} accuses a correct validator`)
    }
  }
}
