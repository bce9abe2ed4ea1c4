// A committee of real engines of which one seat is held twice: two engines with one key, each with its own blocks.
import {
  type ConsensusEngine,
  createSimplexEngine,
  type EngineEffect,
  type EngineInput,
  schemeCommittee,
  type Timing,
} from '@armchain/consensus'
import { EventQueue } from '@armchain/consensus/testing'
import { equalBytes, type Head, headCodec, sha256, utf8 } from '@armchain/core'
import type { Layout, ShardDescriptor } from './layout.ts'

const DELAY_MS = 10
const TIMING: Timing = { deltaMs: 50, deltaMaxMs: 800, skipAfterMs: 1_000 }
const ZERO = new Uint8Array(32)

type Host = { readonly seat: number; readonly engine: ConsensusEngine; readonly evidence: Uint8Array[] }
type Due = { readonly host: Host; readonly input: EngineInput }

export type TwinsSetup = {
  readonly layout: Layout
  readonly shard: ShardDescriptor
  /** Of each seat. */
  readonly signers: readonly ((message: Uint8Array) => Uint8Array)[]
  readonly twinSeat: number
  readonly endMs: number
}

/** What the engines of the other seats have told of. */
export function evidenceOfTwins({ layout, shard, signers, twinSeat, endMs }: TwinsSetup): Uint8Array[] {
  const committee = schemeCommittee(shard)
  const { genesisHash, schemaVersion } = layout
  const create = (seat: number): Host => ({
    seat,
    evidence: [],
    engine: createSimplexEngine({
      genesisHash,
      schemaVersion,
      shard: shard.key,
      epoch: { number: 0, startHeight: 0, startHash: shard.genesisHeadHash, seed: genesisHash },
      committee,
      self: { index: seat, sign: signers[seat] as (message: Uint8Array) => Uint8Array },
      pace: { blockTimeMs: 0, idleMs: 0, mode: 'timed' },
      timing: TIMING,
      commits: (head, payload) => equalBytes(headCodec.decode(head).bodyHash, sha256(payload)),
    }),
  })
  const hosts = [...signers.keys(), twinSeat].map(create)
  const queue = new EventQueue<Due>()
  for (const host of hosts)
    queue.push(0, { host, input: { type: 'start', height: 0, headHash: shard.genesisHeadHash, records: [] } })
  for (let due = queue.pop(); due !== undefined && due.atMs < endMs; due = queue.pop()) {
    const { atMs, event } = due
    const { host, input } = event
    for (const effect of host.engine.step(atMs, input)) {
      if (effect.type === 'evidence') host.evidence.push(effect.bytes)
      for (const [to, next, nextMs] of follow(effect, host, hosts, { atMs, genesisHash, shard }))
        queue.push(nextMs, { host: to, input: next })
    }
  }
  return hosts.filter(({ seat }) => seat !== twinSeat).flatMap(({ evidence }) => evidence)
}

type Follows = readonly (readonly [to: Host, input: EngineInput, atMs: number])[]
type Place = { readonly atMs: number; readonly genesisHash: Uint8Array; readonly shard: ShardDescriptor }

function follow(
  effect: EngineEffect,
  host: Host,
  hosts: readonly Host[],
  { atMs, genesisHash, shard }: Place,
): Follows {
  switch (effect.type) {
    case 'send':
      return hosts
        .filter(({ seat }) => seat !== host.seat && (effect.to === 'all' || effect.to === seat))
        .map((to) => [to, { type: 'message', from: host.seat, bytes: effect.bytes }, atMs + DELAY_MS])
    case 'timer':
      return [[host, { type: 'timer', id: effect.id }, effect.atMs]]
    case 'propose': {
      const { view, epoch, height, parent } = effect
      // Twins propose different blocks.
      const payload = utf8(`block of host ${hosts.indexOf(host)}`)
      const place = { genesis: genesisHash, shard: shard.key, epoch, view, height, timeMs: atMs }
      const roots = { stateRoot: parent, outboxRoot: ZERO, shardTopsRoot: ZERO, workerTopsRoot: ZERO }
      const rest = { committeesRoot: ZERO, nextCommittee: ZERO, bodyHash: sha256(payload) }
      const head = headCodec.encode({ ...place, ...roots, ...rest } satisfies Head)
      return [[host, { type: 'proposed', view, height, head, payload }, atMs]]
    }
    case 'verify':
    case 'certify': {
      const type = effect.type === 'verify' ? 'verified' : 'certified'
      return [[host, { type, view: effect.view, headHash: effect.headHash, valid: true }, atMs]]
    }
    default:
      return []
  }
}
