import { invariant } from '@armchain/core'
import type { ConsensusEngine, EngineConfig } from './engine.ts'
import { createEngine } from './simplex/simplex.ts'

/**
 * Proof of authority: known operators who may fail but do not lie, for private vShards.
 *
 * Model: any number of validators crash and come back with what they made durable, as long as more than half of the
 * weight is up and connected for long enough; messages are lost, repeated and late; nobody signs what the rules forbid.
 * So `2 f + 1` validators bear `f` that are down, where Byzantine faults would take `3 f + 1`.
 *
 * Rules: those of Simplex, with more than half of the weight as the quorum (`faults: 'crash'`). The argument is the same
 * with smaller quorums. Two of them share a validator, and no validator lies: so a view has one notarised block, as its
 * leader proposes one; it is not both final and nullified, as nobody signs both; and what is notarised later cites, for
 * each earlier view, its block or its nullification. An operator who does lie can split such a shard. The main shard
 * then anchors one side only, and the votes are evidence.
 */
export function createPoaEngine(config: EngineConfig): ConsensusEngine {
  invariant(config.committee.faults === 'crash', 'poa is for a committee whose validators only crash')
  return createEngine('poa', config)
}
