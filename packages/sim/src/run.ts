import { type EngineFactory, PeerGuard } from '@armchain/consensus'
import { wholeShard } from '@armchain/core'
import { createPayload } from './abstract-chain.ts'
import { Attacker } from './attacker.ts'
import { ChainNode, type ShardParts } from './chain-node.ts'
import { type ClusterKeys, createClusterKeys, keysOnShard } from './cluster-keys.ts'
import { EngineNode } from './engine-node.ts'
import { GuardedNode } from './guarded-node.ts'
import type { Host } from './host.ts'
import { blindLens, type LensFactory, type MessageLens, remembering } from './lens.ts'
import { Mutator } from './mutator.ts'
import type { NodeEffect, SimNode } from './node-port.ts'
import type { Oracle } from './oracle.ts'
import { agreement } from './oracles/agreement.ts'
import { blame } from './oracles/blame.ts'
import { bounds } from './oracles/bounds.ts'
import { durability } from './oracles/durability.ts'
import { evidence } from './oracles/evidence.ts'
import { liveness } from './oracles/liveness.ts'
import { messages } from './oracles/messages.ts'
import { createUnframing, onShards } from './oracles/on-shards.ts'
import { transactions } from './oracles/transactions.ts'
import { votes } from './oracles/votes.ts'
import { type FaultModel, isByzantine, type Scenario } from './scenario.ts'
import { Tracer } from './trace.ts'
import { createSignatures, wholeChain } from './whole-chain.ts'
import { WholeMutator } from './whole-mutator.ts'
import { unframe } from './whole-wire.ts'
import { type RunResult, World } from './world.ts'

/** An engine as the simulator takes it. */
export type SimEngine = {
  readonly factory: EngineFactory
  /** What it promises to survive. */
  readonly model: FaultModel
  /** Reads its messages; without one only its blocks are judged. */
  readonly lens?: LensFactory
}

/** A run that was written down. */
export type TracedRun = RunResult & { readonly tracer: Tracer }

/** Runs an engine-only cluster through a scenario. */
export function runEngine(scenario: Scenario, engine: SimEngine): RunResult {
  return createWorld(scenario, engine).run()
}

/** The same, written down: several times slower. */
export function traceEngine(scenario: Scenario, engine: SimEngine): TracedRun {
  const keys = createClusterKeys(scenario, engine.model)
  const tracer = new Tracer((engine.lens ?? blindLens)(keys))
  return { ...createWorld(scenario, engine, tracer).run(), tracer }
}

/** Runs whole nodes: the chain machine with shards, pools and messages between shards, each shard under the engine. */
export function runWhole(scenario: Scenario, engine: SimEngine, parts?: ShardParts): RunResult {
  return createWholeWorld(scenario, engine, { parts }).run()
}

export function traceWhole(scenario: Scenario, engine: SimEngine): TracedRun {
  const { genesis, runtime } = wholeChain(scenario.engine, scenario.nodes)
  const keys = createClusterKeys(scenario, engine.model)
  const [main] = genesis.scheme.shards.map(({ vShard }) => keysOnShard(keys, runtime.genesisHash, wholeShard(vShard)))
  const lens = (engine.lens ?? blindLens)(main ?? keys)
  const describe = (framed: Uint8Array): string => {
    const { shard, bytes } = unframe(framed)
    return `vShard ${shard}: ${lens.describe(bytes)}`
  }
  const tracer = new Tracer({ ...lens, describe })
  return { ...createWholeWorld(scenario, engine, { tracer }).run(), tracer }
}

function createWholeWorld(
  scenario: Scenario,
  engine: SimEngine,
  { tracer, parts }: { readonly tracer?: Tracer | undefined; readonly parts?: ShardParts | undefined },
): World {
  const keys = createClusterKeys(scenario, engine.model)
  const { genesis, runtime } = wholeChain(scenario.engine, scenario.nodes)
  const vShards = genesis.scheme.shards.map(({ vShard }) => vShard)
  const signatures = createSignatures(runtime)
  const oracles = [
    agreement(scenario),
    messages(),
    transactions(signatures),
    blame(scenario),
    ...engineOracles(scenario, engine, vShards, (vShard) => keysOnShard(keys, runtime.genesisHash, wholeShard(vShard))),
    bounds(),
    liveness(vShards),
  ]
  const boot = ({ seat, life }: Host): SimNode => {
    const role = scenario.faults.find(
      (fault) => (fault.type === 'mutator' || fault.type === 'silent') && fault.node === seat,
    )
    const own = role?.type === 'mutator' ? { ...scenario, blockMs: 0 } : scenario
    const node = new ChainNode({ scenario: own, keys, factory: engine.factory, seat, signatures, parts })
    if (role?.type === 'mutator') return new WholeMutator({ scenario, keys, seat, life, role, inner: node })
    return role?.type === 'silent' ? silenced(node) : node
  }
  return new World({ scenario, oracles, boot, ...(tracer && { tracer }) })
}

/** The oracles that look into an engine's messages, for the engine of each shard. */
function engineOracles(
  scenario: Scenario,
  { model, lens }: SimEngine,
  vShards: readonly number[],
  keysOf: (vShard: number) => ClusterKeys,
): readonly Oracle[] {
  if (lens === undefined) return []
  const reads = new Map(vShards.map((vShard) => [vShard, remembering(lens(keysOf(vShard)))]))
  const opened = createUnframing()
  return [
    onShards(vShards, opened, (vShard) => votes(scenario, model, reads.get(vShard) as MessageLens)),
    onShards(vShards, opened, (vShard) => evidence(scenario, keysOf(vShard), reads.get(vShard) as MessageLens)),
  ]
}

function createWorld(scenario: Scenario, engine: SimEngine, tracer?: Tracer): World {
  const { model, lens = blindLens } = engine
  const keys = createClusterKeys(scenario, model)
  const reads = remembering(lens(keys))
  const oracles: Oracle[] = [
    agreement(scenario),
    votes(scenario, model, reads),
    evidence(scenario, keys, reads),
    blame(scenario),
    durability(scenario, model, () => world.hosts),
    bounds(),
    liveness(),
  ]
  const world = new World({
    scenario,
    oracles,
    boot: (host) => bootEngine(scenario, keys, engine, host),
    ...(tracer && { tracer }),
  })
  return world
}

function bootEngine(
  scenario: Scenario,
  keys: ClusterKeys,
  { factory }: SimEngine,
  { seat, index, life }: Host,
): SimNode {
  const role = scenario.faults.find((fault) => isByzantine(fault) && fault.type !== 'twins' && fault.node === seat)
  // An adversary waits for no pace: it is most dangerous while the block before is not final yet.
  const own = role?.type === 'mutator' ? { ...scenario, blockMs: 0 } : scenario
  const node = new EngineNode({ scenario: own, keys, factory, seat, host: index, life })
  if (role?.type === 'mutator') return new Mutator({ scenario, keys, seat, tricks: role.tricks, inner: node })
  if (role?.type === 'attack') {
    let made = 0
    const payload = () => createPayload(scenario.seed, ATTACK_MAKER + seat, made++)
    return new Attacker({ scenario, keys, seat, attack: role.attack, fromMs: role.fromMs, inner: node, payload })
  }
  if (role?.type === 'silent') return silenced(node)
  return scenario.peerLimits === undefined ? node : new GuardedNode(node, new PeerGuard(scenario.peerLimits))
}

/** Tells the payloads of attackers from all others. */
const ATTACK_MAKER = 0x4100

/** Runs and says nothing. */
function silenced(node: SimNode): SimNode {
  const mute = (effects: readonly NodeEffect[]) => effects.filter(({ type }) => type !== 'send')
  return {
    start: (nowMs, recovered) => mute(node.start(nowMs, recovered)),
    step: (nowMs, input) => mute(node.step(nowMs, input)),
  }
}
