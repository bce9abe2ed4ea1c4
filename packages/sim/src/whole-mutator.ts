import { FORGERIES, type Forgery } from './block-forgeries.ts'
import type { ChainNode } from './chain-node.ts'
import { type ClusterKeys, keysOnShard } from './cluster-keys.ts'
import type { Recovered } from './disk.ts'
import { Twister } from './mutator.ts'
import type { NodeEffect, NodeInput, SimNode } from './node-port.ts'
import { createRandom, mix, type Random } from './random.ts'
import type { ByzantineFault, Scenario } from './scenario.ts'
import { ShardForge } from './shard-forge.ts'
import { ShellTricks } from './shell-tricks.ts'
import { frame, unframe } from './whole-wire.ts'

export type WholeMutatorOptions = {
  readonly scenario: Scenario
  readonly keys: ClusterKeys
  readonly seat: number
  /** Boots of its host so far: or it would forge the same blocks again after a restart. */
  readonly life: number
  readonly role: ByzantineFault & { readonly type: 'mutator' }
  /** An honest node, whose words are twisted and whose state tells what is plausible. */
  readonly inner: ChainNode
}

/**
 * A Byzantine whole node: what the engines of its shards say is twisted as a mutator twists it, each signed for its
 * shard, with blocks that only a proposer of whole nodes can forge; and so is what its shell says.
 */
export class WholeMutator implements SimNode {
  readonly #inner: ChainNode
  readonly #random: Random
  readonly #shell: ShellTricks
  readonly #twisters: Map<number, Twister> = new Map()
  readonly #forges: Map<number, ShardForge> = new Map()
  #nowMs = 0

  constructor({ scenario, keys, seat, life, role, inner }: WholeMutatorOptions) {
    const { tricks, forgeries = FORGERIES } = role
    const random = createRandom(mix(scenario.seed ^ 0x77686f6c) + (life << 8) + seat)
    this.#inner = inner
    this.#random = random
    this.#shell = new ShellTricks(tricks, random, (shard) => this.#forges.get(shard)?.passedOff())
    const { machine, runtime } = inner
    for (const hosted of machine.shards) {
      const forger = { keys: keysOnShard(keys, runtime.genesisHash, hosted.descriptor.key), seat }
      const nowMs = (): number => this.#nowMs
      const forge = new ShardForge({ machine, hosted, runtime, forger, random, forgeries, nowMs })
      this.#forges.set(hosted.vShard, forge)
      this.#twisters.set(hosted.vShard, new Twister({ scenario, tricks, forger, forge, random }))
    }
  }

  start(nowMs: number, recovered: Recovered): readonly NodeEffect[] {
    this.#nowMs = nowMs
    return this.#twist(this.#inner.start(nowMs, recovered))
  }

  step(nowMs: number, input: NodeInput): readonly NodeEffect[] {
    this.#nowMs = nowMs
    if (input.type === 'message' && input.lane === 'engine') {
      const { shard, bytes } = unframe(input.bytes)
      this.#twisters.get(shard)?.hear(bytes)
    }
    return this.#twist(this.#inner.step(nowMs, input))
  }

  /** How many bad blocks of a kind it has proposed since it was started. */
  made(forgery: Forgery): number {
    let count = 0
    for (const { made } of this.#forges.values()) count += made.get(forgery) ?? 0
    return count
  }

  #twist(effects: readonly NodeEffect[]): readonly NodeEffect[] {
    return effects.flatMap((effect): readonly NodeEffect[] => {
      if (effect.type !== 'send') return [effect]
      if (effect.lane === 'shell') return [{ ...effect, bytes: this.#shell.bend(effect.bytes) }]
      const { shard, bytes } = unframe(effect.bytes)
      const twisted = this.#twisters.get(shard)?.twist([{ ...effect, bytes }]) ?? []
      const unasked = this.#shell.unasked()
      return [
        ...twisted.map((each) => (each.type === 'send' ? this.#framed(each, shard) : each)),
        ...(unasked === undefined ? [] : [{ type: 'send', to: effect.to, lane: 'shell', bytes: unasked } as const]),
      ]
    })
  }

  /** For its shard, or now and then for another: whose keys have signed nothing of it. */
  #framed(effect: NodeEffect & { readonly type: 'send' }, shard: number): NodeEffect {
    const other = this.#random.chance(OTHER_SHARD_RATIO) ? this.#random.below(this.#twisters.size) : shard
    return { ...effect, bytes: frame(other, effect.bytes) }
  }
}

/** How often a message goes to another shard's engine. */
const OTHER_SHARD_RATIO = 0.01
