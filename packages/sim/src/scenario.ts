import type { PeerLimits } from '@armchain/consensus'
import type { Forgery } from './block-forgeries.ts'

/**
 * A scenario is data: everything that happens to a cluster, but for the delays, which are drawn from the seed and keyed
 * by link and message. So a fault can be taken out, or its time moved, and the rest stays as it was; that is what
 * makes shrinking work, and a scenario in a file replays anywhere.
 */
export type Scenario = {
  readonly seed: number
  readonly engine: string
  /** Seats of the committee. Twins add a second host to a seat. */
  readonly nodes: number
  /** Voting weights by seat; one each if left out. */
  readonly weights?: readonly number[]
  /** Whole nodes with shards, pools and messages between shards; otherwise the engine with abstract payloads. */
  readonly whole: boolean
  /** `real` signs with ed25519; `fake` with a keyed digest that is as unforgeable to everyone inside the world. */
  readonly crypto: 'fake' | 'real'
  readonly link: LinkProfile
  readonly sync: { readonly minMs: number; readonly maxMs: number }
  /** The engine's bound on message delay. It holds from `gstMs` on. */
  readonly deltaMs: number
  /** Global stabilisation time: from here on nothing but Byzantine nodes misbehaves. */
  readonly gstMs: number
  readonly endMs: number
  /** Blocks of an epoch; 0 for one without end. */
  readonly epochBlocks: number
  /** Shortest time between blocks. */
  readonly blockMs: number
  /** What the application takes to build, check or certify a block, evenly between 0 and this. */
  readonly appMs: number
  /** What shells bear of a peer before they stop listening to it; they bear everything if left out. */
  readonly peerLimits?: PeerLimits
  readonly faults: readonly Fault[]
  readonly ops: readonly Op[]
}

/** Ordinary one-way delay of a message in milliseconds, even between the two. */
export type LinkProfile = { readonly minMs: number; readonly maxMs: number }

/** What a crash leaves of records that were appended and not yet synced. */
export type Keep = 'none' | 'prefix' | 'subset' | 'all'

export type Fault = NetworkFault | HostFault | DamageFault | ByzantineFault

/** Holds for [fromMs, untilMs). */
export type NetworkFault =
  | { readonly type: 'loss'; readonly fromMs: number; readonly untilMs: number; readonly ratio: number }
  | { readonly type: 'duplicate'; readonly fromMs: number; readonly untilMs: number; readonly ratio: number }
  /** A share of messages takes up to `maxMs` instead, so that they overtake each other. */
  | {
      readonly type: 'reorder'
      readonly fromMs: number
      readonly untilMs: number
      readonly ratio: number
      readonly maxMs: number
    }
  /** Seats of `side` and all others do not hear each other; or only the one side does not hear the other. */
  | {
      readonly type: 'partition'
      readonly fromMs: number
      readonly untilMs: number
      readonly side: readonly number[]
      readonly cut: 'both' | 'into' | 'out-of'
    }
  /** A node hears one seat and no other, and is heard by no other. */
  | {
      readonly type: 'eclipse'
      readonly fromMs: number
      readonly untilMs: number
      readonly node: number
      readonly by: number
    }
  /** What is sent on one link meanwhile arrives after it, all at once. */
  | {
      readonly type: 'clog'
      readonly fromMs: number
      readonly untilMs: number
      readonly from: number
      readonly to: number
    }

/** What any number of nodes may suffer without safety being at stake. */
export type HostFault =
  | {
      readonly type: 'crash'
      readonly node: number
      readonly atMs: number
      readonly downMs: number
      readonly keep: Keep
    }
  /** Every node at once: the power fails. */
  | { readonly type: 'blackout'; readonly atMs: number; readonly downMs: number; readonly keep: Keep }
  /** The process stands still; what arrives waits for it. */
  | { readonly type: 'pause'; readonly node: number; readonly atMs: number; readonly forMs: number }
  /** The clock is off by `offsetMs` and gains `driftPpm` millionths, the whole run. */
  | { readonly type: 'skew'; readonly node: number; readonly offsetMs: number; readonly driftPpm: number }
  | {
      readonly type: 'slow-disk'
      readonly node: number
      readonly atMs: number
      readonly forMs: number
      readonly syncMs: number
    }
  /** Appends fail, so the node stops; it comes back when there is room again. */
  | { readonly type: 'disk-full'; readonly node: number; readonly atMs: number; readonly forMs: number }

/** What takes a node out of those that the protocol may count on: counted against the fault budget. */
export type DamageFault =
  /** Syncs report success and do nothing until the next crash. */
  | { readonly type: 'lost-sync'; readonly node: number; readonly atMs: number }
  /** A record decays, of the log, the log with the guard file, or the block store. Found when it is read next. */
  | {
      readonly type: 'rot'
      readonly node: number
      readonly atMs: number
      readonly part: 'log' | 'log-and-guard' | 'blocks'
      readonly pick: number
    }
  /** The next record is written over an older one. */
  | { readonly type: 'misdirect'; readonly node: number; readonly atMs: number; readonly pick: number }

export type ByzantineFault =
  /** Two hosts with one key, each in its own changing part of the network. */
  | { readonly type: 'twins'; readonly node: number }
  /** Runs the engine and rewrites what it sends. */
  | {
      readonly type: 'mutator'
      readonly node: number
      readonly tricks: readonly Trick[]
      /** Of whole nodes: what it does wrong in the blocks that it forges; anything if left out. */
      readonly forgeries?: readonly Forgery[]
    }
  /** Runs the engine, and from a time on plays one script against the others. */
  | { readonly type: 'attack'; readonly node: number; readonly attack: AttackName; readonly fromMs: number }
  /** Never sends anything. */
  | { readonly type: 'silent'; readonly node: number }

export type Trick = (typeof TRICKS)[number] | (typeof SHELL_TRICKS)[number]

export const TRICKS = [
  'flip',
  'replay',
  'equivocate',
  'withhold',
  'bad-parent',
  'bad-payload',
  'wrong-epoch',
  'oversize',
  'garbage',
  'forge-certificate',
  'vote-both',
  'duplicate-signer',
  'usurp',
] as const

/** Of whole nodes beside these: bent answers of block sync, and transactions that are none. */
export const SHELL_TRICKS = ['bend-blocks', 'bend-transactions'] as const

export type AttackName = (typeof ATTACKS)[number]

/** Scripts of `attack-scripts.ts`. */
export const ATTACKS = [
  'old-certificates',
  'withheld-payload',
  'nullify-flood',
  'split-certificate',
  'wrong-epoch-votes',
  'oversized-messages',
  'finalize-and-nullify',
  'silent-leaders',
  'eclipse',
  'flood',
] as const

/** What clients do. */
export type Op =
  | { readonly type: 'work'; readonly atMs: number; readonly node: number }
  | {
      readonly type: 'transfer'
      readonly atMs: number
      readonly node: number
      readonly user: number
      readonly from: number
      readonly to: number
      readonly motes: number
      /** Handled, refused by its handler, out of gas, to no handler, or expired when it arrives. */
      readonly fate: 'accept' | 'refuse' | 'gas' | 'nowhere' | 'expire'
    }

export function isNetworkFault(fault: Fault): fault is NetworkFault {
  return 'untilMs' in fault
}

const BYZANTINE: ReadonlySet<Fault['type']> = new Set(['twins', 'mutator', 'attack', 'silent'])

export function isByzantine(fault: Fault): fault is ByzantineFault {
  return BYZANTINE.has(fault.type)
}

/** Seats whose behaviour or memory the protocol has to survive: Byzantine, or with a disk that forgets. */
export function untrusted(scenario: Scenario): ReadonlySet<number> {
  const seats = new Set<number>()
  for (const fault of scenario.faults)
    if (isByzantine(fault) || fault.type === 'lost-sync' || fault.type === 'rot' || fault.type === 'misdirect')
      seats.add(fault.node)
  return seats
}

/** Seats that may contradict themselves: damage that is noticed is no excuse, as who notices it stops voting. */
export function unboundSeats(scenario: Scenario): ReadonlySet<number> {
  const lost = scenario.faults.filter((fault) => fault.type === 'lost-sync').map(({ node }) => node)
  return new Set([...byzantineSeats(scenario), ...lost])
}

export function byzantineSeats(scenario: Scenario): ReadonlySet<number> {
  return new Set(scenario.faults.filter(isByzantine).map(({ node }) => node))
}

export function weightOf({ weights }: Scenario, seat: number): number {
  return weights?.[seat] ?? 1
}

/** Weight that may fail: below a third under the Byzantine model, below half where nodes only crash. */
export function faultBudget(totalWeight: number, model: FaultModel): number {
  if (model === 'alone') return 0
  return model === 'byzantine' ? Math.ceil(totalWeight / 3) - 1 : Math.ceil(totalWeight / 2) - 1
}

/** What an engine promises to survive. `alone`: a single sequencer. */
export type FaultModel = 'byzantine' | 'crash' | 'alone'
