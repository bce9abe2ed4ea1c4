import { headHash, invariant } from '@armchain/core'
import { certificateAlone } from './certificate.ts'
import type { ConsensusEngine, EngineConfig, EngineEffect, EngineInput } from './engine.ts'
import { type Statements, statementsOf } from './statement.ts'

/**
 * One sequencer orders alone: for development, and for shards whose operator is trusted with order. Its certificate
 * is its own signature, so everything downstream is checked as with any other engine.
 *
 * Rules: one proposal at a time; a block no sooner than `blockTimeMs` after the last; with work waiting as soon as
 * that, without work after `idleMs`. Nothing needs to be remembered: the shell's log holds the blocks.
 */
export function createSoloEngine(config: EngineConfig): ConsensusEngine {
  invariant(config.committee.seats.length === 1, 'solo has exactly one validator')
  return new SoloEngine(config)
}

const BLOCK_TIMER = 1
const EMPTY = new Uint8Array(0)

class SoloEngine implements ConsensusEngine {
  readonly name = 'solo'
  readonly #config: EngineConfig
  readonly #statements: Statements
  #height = 0
  #parent: Uint8Array = new Uint8Array(32)
  /** What the shell was asked for and has not answered yet. */
  #asked: { readonly height: number; readonly work: boolean } | undefined
  #work = false
  #lastMs = 0

  constructor(config: EngineConfig) {
    this.#config = config
    this.#statements = statementsOf({ ...config, epoch: config.epoch.number })
  }

  step(nowMs: number, input: EngineInput): readonly EngineEffect[] {
    switch (input.type) {
      case 'start':
        this.#height = input.height
        this.#parent = input.headHash
        this.#lastMs = nowMs
        return this.#schedule(nowMs)
      case 'synced':
        if (input.height <= this.#height) return []
        this.#height = input.height
        this.#parent = input.headHash
        return []
      case 'work':
        this.#work = true
        return this.#proposeIfDue(nowMs)
      case 'seal':
        return this.#propose()
      case 'timer':
        return input.id === BLOCK_TIMER ? this.#proposeIfDue(nowMs) : []
      case 'proposed':
        return this.#proposed(nowMs, input)
      default:
        return []
    }
  }

  #proposeIfDue(nowMs: number): readonly EngineEffect[] {
    if (this.#config.pace.mode === 'manual' || nowMs < this.#dueMs()) return this.#schedule(nowMs)
    return this.#propose()
  }

  #propose(): readonly EngineEffect[] {
    if (this.#asked !== undefined || this.#config.self === undefined) return []
    const height = this.#height + 1
    this.#asked = { height, work: this.#work }
    this.#work = false
    return [{ type: 'propose', view: height, epoch: this.#config.epoch.number, height, parent: this.#parent }]
  }

  #proposed(nowMs: number, input: EngineInput & { type: 'proposed' }): readonly EngineEffect[] {
    const { self } = this.#config
    const asked = this.#asked
    if (asked?.height !== input.height || self === undefined) return []
    this.#asked = undefined
    this.#lastMs = nowMs
    // Not built, or made obsolete by what was fetched meanwhile: the work is still there.
    if (input.head === undefined || input.height !== this.#height + 1) {
      this.#work ||= asked.work
      return this.#schedule(nowMs)
    }
    const { view, height, head, payload = EMPTY } = input
    this.#height = height
    this.#parent = headHash(head)
    const at = { view, height, headHash: this.#parent }
    const certificate = certificateAlone(this.#config, this.#statements, at, [self])
    const final: EngineEffect = { type: 'finalized', view, height, headHash: this.#parent, head, payload, certificate }
    return [final, ...this.#schedule(nowMs)]
  }

  #dueMs(): number {
    const { blockTimeMs, idleMs } = this.#config.pace
    return this.#lastMs + (this.#work ? blockTimeMs : Math.max(blockTimeMs, idleMs))
  }

  #schedule(nowMs: number): readonly EngineEffect[] {
    if (this.#config.pace.mode === 'manual' || this.#config.self === undefined) return []
    return [{ type: 'timer', id: BLOCK_TIMER, atMs: Math.max(nowMs, this.#dueMs()) }]
  }
}
