import type { PreparedTransaction } from '@armchain/core'
import type { Recovered } from './disk.ts'
import type { Op } from './scenario.ts'

/**
 * What the world runs on a host: a node without I/O, whatever is inside. An engine with abstract payloads is one, a
 * whole node with shards and pools another. The world carries effects out in order, and holds back every `send` and
 * `fact` until the writes ahead of it are durable, as a node's shell does.
 */
export interface SimNode {
  /** First call: what the disk still holds. `nowMs` is the host's own clock, here and below. */
  start(nowMs: number, recovered: Recovered): readonly NodeEffect[]
  step(nowMs: number, input: NodeInput): readonly NodeEffect[]
  /** Sizes of queues and caches that must stay bounded, by name; checked against their limits at intervals. */
  sizes?(): readonly QueueSize[]
}

export type QueueSize = {
  readonly name: string
  readonly size: number
  readonly limit: number
  /** What may be left of it at the end of the calm, when nothing new has come for long. */
  readonly restLimit?: number
}

/** Which part of a node a message is for: its engine, or the shell around it (block sync, transactions). */
export type Lane = 'engine' | 'shell'

export type NodeInput =
  /** `from` is the seat of the sender, which links authenticate. */
  | { readonly type: 'message'; readonly from: number; readonly lane: Lane; readonly bytes: Uint8Array }
  | { readonly type: 'timer'; readonly id: number }
  | { readonly type: 'op'; readonly op: Op }

export type NodeEffect =
  /** Adds to the write-ahead log. */
  | { readonly type: 'append'; readonly record: Uint8Array }
  /** Replaces the write-ahead log. */
  | { readonly type: 'checkpoint'; readonly records: readonly Uint8Array[] }
  /** Adds a final block to the block store. */
  | { readonly type: 'block'; readonly record: Uint8Array }
  /** Replaces the guard file, which outlives damage to the log. */
  | { readonly type: 'guard'; readonly bytes: Uint8Array }
  | { readonly type: 'send'; readonly to: number | 'all'; readonly lane: Lane; readonly bytes: Uint8Array }
  /** Fires once; set again under the same id, only the later one fires. */
  | { readonly type: 'timer'; readonly id: number; readonly atMs: number }
  | { readonly type: 'fact'; readonly fact: Fact }

/** What a node tells the outside world, and so what oracles judge it by. */
export type Fact =
  | FinalizedFact
  /** `chain` here and below: the shard whose engine says so, for whole nodes. */
  | { readonly type: 'evidence'; readonly bytes: Uint8Array; readonly chain?: number }
  /** A seat has sent what no correct one sends. */
  | { readonly type: 'misconduct'; readonly peer: number; readonly reason: string; readonly chain?: number }
  /** A seat is not listened to any more, for a time. */
  | { readonly type: 'cutOff'; readonly peer: number }
  /** The engine has seen what cannot be, and does nothing more. */
  | { readonly type: 'halted'; readonly reason: string }
  /** The node stays away from voting, as it may have forgotten its votes. */
  | { readonly type: 'quarantined' }
  | BlockFact

/** A block is final. `chain` tells shards of whole nodes apart; 0 otherwise. */
export type FinalizedFact = {
  readonly type: 'finalized'
  readonly chain: number
  readonly height: number
  readonly hash: string
  readonly parent: string
  /** Bytes that only this payload contains; empty if it has none. What must be durable on enough disks. */
  readonly mark: Uint8Array
  /** What is wrong with the block by the application's own rules. */
  readonly invalid?: string
}

/** What a final block of a whole node did, for the oracles of money and messages. Told again after a restart. */
export type BlockFact = {
  readonly type: 'block'
  /** vShard; 0 is the main shard. */
  readonly shard: number
  readonly height: number
  readonly hash: string
  /** Heads that this main-shard block anchors, in order. */
  readonly anchored: readonly { readonly shard: number; readonly height: number; readonly hash: string }[]
  readonly transactions: readonly PreparedTransaction[]
  readonly messages: readonly MessageFact[]
  /** Motes of the whole chain as of this main-shard block; absent on vShards. */
  readonly supply?: { readonly ok: boolean; readonly totalMotes: bigint }
}

/** A message by its channel and sequence number, which name it for ever. */
export type MessageFact =
  | { readonly what: 'sent'; readonly channel: string; readonly seq: number; readonly bounce: boolean }
  /** Delivered, or a bounce taken back; `bounce` names the message that returns the value of one that failed. */
  | { readonly what: 'received'; readonly channel: string; readonly seq: number; readonly bounce?: string }
