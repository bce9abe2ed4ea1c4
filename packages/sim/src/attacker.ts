import { decodeMessage, type Message } from '@armchain/consensus'
import { headHash } from '@armchain/core'
import { SCRIPTS } from './attack-scripts.ts'
import type { ClusterKeys } from './cluster-keys.ts'
import type { Recovered } from './disk.ts'
import type { Forger, Proposal } from './forgery.ts'
import { ATTACK_MEMORY } from './limits.ts'
import type { NodeEffect, NodeInput, SimNode } from './node-port.ts'
import { createRandom, mix, type Random } from './random.ts'
import type { AttackName, Scenario } from './scenario.ts'

export type Sent = NodeEffect & { readonly type: 'send' }

/** A block that was proposed: what another can stand on. */
export type SeenBlock = {
  readonly epoch: number
  readonly view: number
  readonly height: number
  readonly parentLink: Uint8Array
  readonly hash: Uint8Array
}

/** What a script has to work with. */
export type AttackState = Forger & {
  readonly scenario: Scenario
  readonly random: Random
  /** Latest epoch and view that a correct seat has voted in. */
  readonly place: { epoch: number; view: number }
  /** Messages of others, the oldest first, as they came. */
  readonly heard: Uint8Array[]
  /** Blocks that were proposed lately. */
  readonly seen: SeenBlock[]
  /** A payload that nobody else makes. */
  readonly payload: () => Uint8Array
}

/** One attack. What a part leaves out happens as with an honest node. */
export type AttackScript = {
  /** What is sent in place of a message of the honest node inside. */
  readonly said?: (effect: Sent, message: Message) => readonly Sent[]
  /** What is sent because of a message of another seat. */
  readonly heard?: (from: number, message: Message, bytes: Uint8Array) => readonly Sent[]
  /** What is sent every `TICK_MS`. */
  readonly tick?: () => readonly Sent[]
}

export const TICK_MS = 10
/** Below those of the node inside. */
const ATTACK_TIMER = -1
const SEEN_MAX = 16

export type AttackerOptions = {
  readonly scenario: Scenario
  readonly keys: ClusterKeys
  readonly seat: number
  readonly attack: AttackName
  readonly fromMs: number
  /** An honest node: what the attack is made of. */
  readonly inner: SimNode
  readonly payload: () => Uint8Array
}

/**
 * A Byzantine seat that plays one script: what the mutator may come upon by chance, done on purpose, at every occasion,
 * and in the order that does most harm. Signs with its own key only.
 */
export class Attacker implements SimNode {
  readonly #options: AttackerOptions
  readonly #state: AttackState
  readonly #script: AttackScript
  #nowMs = 0

  constructor(options: AttackerOptions) {
    const { scenario, keys, seat, attack, payload } = options
    this.#options = options
    const random = createRandom(mix(scenario.seed ^ 0x61747461) + seat)
    this.#state = { scenario, keys, seat, random, payload, place: { epoch: 0, view: 0 }, heard: [], seen: [] }
    this.#script = SCRIPTS[attack](this.#state)
  }

  start(nowMs: number, recovered: Recovered): readonly NodeEffect[] {
    this.#nowMs = nowMs
    return [...this.#speak(this.#options.inner.start(nowMs, recovered)), this.#wake()]
  }

  step(nowMs: number, input: NodeInput): readonly NodeEffect[] {
    this.#nowMs = nowMs
    if (input.type === 'timer' && input.id === ATTACK_TIMER)
      return [this.#wake(), ...(this.#begun ? (this.#script.tick?.() ?? []) : [])]
    const reaction = input.type === 'message' && input.lane === 'engine' ? this.#hear(input.from, input.bytes) : []
    return [...this.#speak(this.#options.inner.step(nowMs, input)), ...reaction]
  }

  get #begun(): boolean {
    return this.#nowMs >= this.#options.fromMs
  }

  #hear(from: number, bytes: Uint8Array): readonly Sent[] {
    const message = decodeMessage(bytes)
    if (message === undefined) return []
    const { heard, place } = this.#state
    if (heard.length < ATTACK_MEMORY) heard.push(bytes)
    else heard[this.#state.random.below(ATTACK_MEMORY)] = bytes
    if (message.type === 'proposal') this.#see(message)
    if (message.type === 'vote') {
      const { epoch, view } = message
      if (epoch > place.epoch || (epoch === place.epoch && view > place.view)) Object.assign(place, { epoch, view })
    }
    return this.#begun ? (this.#script.heard?.(from, message, bytes) ?? []) : []
  }

  #see({ epoch, view, height, parentLink, head }: Proposal): void {
    const { seen } = this.#state
    seen.push({ epoch, view, height, parentLink, hash: headHash(head) })
    if (seen.length > SEEN_MAX) seen.shift()
  }

  #speak(effects: readonly NodeEffect[]): readonly NodeEffect[] {
    const { said } = this.#script
    return effects.flatMap((effect): readonly NodeEffect[] => {
      if (effect.type !== 'send' || effect.lane !== 'engine') return [effect]
      const message = decodeMessage(effect.bytes)
      if (message?.type === 'proposal') this.#see(message)
      return said === undefined || message === undefined || !this.#begun ? [effect] : said(effect, message)
    })
  }

  #wake(): NodeEffect {
    return { type: 'timer', id: ATTACK_TIMER, atMs: this.#nowMs + TICK_MS }
  }
}
