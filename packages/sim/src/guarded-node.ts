import type { PeerGuard } from '@armchain/consensus'
import type { Recovered } from './disk.ts'
import type { NodeEffect, NodeInput, QueueSize, SimNode } from './node-port.ts'

/** A node behind the guard that a shell has against peers: what these send too much of does not get to it. */
export class GuardedNode implements SimNode {
  readonly #inner: SimNode
  readonly #guard: PeerGuard

  constructor(inner: SimNode, guard: PeerGuard) {
    this.#inner = inner
    this.#guard = guard
  }

  start(nowMs: number, recovered: Recovered): readonly NodeEffect[] {
    return this.#watch(nowMs, this.#inner.start(nowMs, recovered))
  }

  step(nowMs: number, input: NodeInput): readonly NodeEffect[] {
    if (input.type === 'message') {
      const answer = this.#guard.admit(nowMs, input.from, input.bytes.length)
      if (answer === 'cut-off-now') return [cutOff(input.from)]
      if (answer === 'ignored') return []
    }
    return this.#watch(nowMs, this.#inner.step(nowMs, input))
  }

  sizes(): readonly QueueSize[] {
    return this.#inner.sizes?.() ?? []
  }

  /** Counts what the engine blames peers for. */
  #watch(nowMs: number, effects: readonly NodeEffect[]): readonly NodeEffect[] {
    const cut: NodeEffect[] = []
    for (const effect of effects)
      if (effect.type === 'fact' && effect.fact.type === 'misconduct' && this.#guard.blame(nowMs, effect.fact.peer))
        cut.push(cutOff(effect.fact.peer))
    return cut.length === 0 ? effects : [...effects, ...cut]
  }
}

function cutOff(peer: number): NodeEffect {
  return { type: 'fact', fact: { type: 'cutOff', peer } }
}
