import type { PreparedTransaction, ShardKey, ShardState } from '@armchain/core'
import type { ExecutedBlock, Tip } from './chain.ts'
import type { HostedParts } from './hosted-shard.ts'
import type { Dropped } from './tx-pool.ts'

/** What a shell feeds the chain machine. */
export type MachineInput =
  | { readonly type: 'timer'; readonly shard: number; readonly id: number }
  | { readonly type: 'work' | 'seal'; readonly shard: number }
  /** From another validator: for the shard's engine. */
  | { readonly type: 'message'; readonly shard: number; readonly from: number; readonly bytes: Uint8Array }
  /** What `check` asked. */
  | { readonly type: 'checked'; readonly shard: number; readonly headHash: Uint8Array; readonly valid: boolean }
  /** Final blocks that a peer says follow on the last one here, as `append` gave them there. */
  | {
      readonly type: 'blocks'
      readonly shard: number
      readonly from: number
      readonly blocks: readonly Uint8Array[]
    }

/** What it then has to carry out, in order. */
export type MachineEffect =
  /** A final block: durable before any later effect shows. */
  | { readonly type: 'append'; readonly shard: number; readonly record: Uint8Array }
  /** A record of the shard's engine; `guardView` is the view of the vote in it. */
  | { readonly type: 'record'; readonly shard: number; readonly record: Uint8Array; readonly guardView?: number }
  /** These records replace all of the shard's engine before them. */
  | { readonly type: 'checkpoint'; readonly shard: number; readonly records: readonly Uint8Array[] }
  | { readonly type: 'timer'; readonly shard: number; readonly id: number; readonly atMs: number }
  | { readonly type: 'send'; readonly shard: number; readonly to: number | 'all'; readonly bytes: Uint8Array }
  /** Whether all these signatures hold and their keys may own accounts: to be answered by `checked`. */
  | {
      readonly type: 'check'
      readonly shard: number
      readonly headHash: Uint8Array
      readonly transactions: readonly PreparedTransaction[]
    }
  /** Final blocks are missing: to be brought by `blocks`, from whichever peer. */
  | { readonly type: 'fetch'; readonly shard: number; readonly fromHeight: number; readonly toHeight: number }
  | { readonly type: 'evidence'; readonly shard: number; readonly bytes: Uint8Array }
  /** A peer has sent what no correct one sends. */
  | { readonly type: 'misconduct'; readonly shard: number; readonly peer: number; readonly reason: string }
  /** The shard cannot go on: a committee has certified what does not hold, or contradicts itself. */
  | { readonly type: 'halted'; readonly shard: number; readonly reason: string }
  | { readonly type: 'sealed'; readonly sealed: SealedBlock }
  | { readonly type: 'dropped'; readonly shard: number; readonly dropped: readonly Dropped[] }

export type SealedBlock = {
  readonly shard: ShardKey
  readonly executed: ExecutedBlock
  readonly certificate: Uint8Array
}

export type MachineConfig = HostedParts & {
  readonly states: readonly ShardState[]
  /** Where the states stand; at genesis if left out. */
  readonly tips?: readonly Tip[]
}

/** What a shard's engine left in the log. */
export type EngineLog = {
  readonly records: readonly Uint8Array[]
  readonly amnesia?: { readonly guardView?: number }
}
