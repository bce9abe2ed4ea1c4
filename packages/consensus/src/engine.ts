import type { ShardKey } from '@armchain/core'

/**
 * A consensus engine as a pure machine: the shell feeds inputs and carries out effects, in order. No clock, timer,
 * chance, disk or network in here, so the same engine runs in a node and in a simulator.
 *
 * Rules for every engine:
 * 1. `step` is deterministic in (state, nowMs, input); it may change the engine's own state only.
 * 2. An `append` is durable before any later `send` or `finalized` of the same step is carried out.
 * 3. At most one `finalized` for a height, in ascending order of heights.
 * 4. `restore` with every record appended so far brings back what the engine must not forget.
 */
export interface ConsensusEngine {
  readonly name: string
  step(nowMs: number, input: EngineInput): readonly EngineEffect[]
}

export type EngineInput =
  /** First input of all: where the chain stands, and the engine's records of earlier runs, oldest first. */
  | {
      readonly type: 'start'
      readonly height: number
      readonly headHash: Uint8Array
      readonly records: readonly Uint8Array[]
    }
  | { readonly type: 'timer'; readonly id: number }
  /** There is something to put into a block: an engine that waits for work may propose. */
  | { readonly type: 'work' }
  /** Make a block now, whatever the pace: how a manual chain is driven. */
  | { readonly type: 'seal' }
  /** A message of another validator, as received. */
  | { readonly type: 'message'; readonly from: number; readonly bytes: Uint8Array }
  /** The shell has built what `propose` asked for; undefined if it could not. */
  | {
      readonly type: 'proposed'
      readonly view: number
      readonly height: number
      readonly head?: Uint8Array
      readonly payload?: Uint8Array
    }
  /** The shell has checked what `verify` asked for. `pending` data is never reported as invalid. */
  | { readonly type: 'verified'; readonly view: number; readonly headHash: Uint8Array; readonly valid: boolean }
  /** Blocks fetched on the engine's request, or brought by a snapshot. */
  | {
      readonly type: 'synced'
      readonly height: number
      readonly headHash: Uint8Array
      readonly certificate: Uint8Array
    }

export type EngineEffect =
  /** Ask the shell for a block on top of `parent`. */
  | {
      readonly type: 'propose'
      readonly view: number
      readonly epoch: number
      readonly height: number
      readonly parent: Uint8Array
    }
  /** Ask the shell to check a proposed block, its availability and execution included. */
  | {
      readonly type: 'verify'
      readonly view: number
      readonly headHash: Uint8Array
      readonly head: Uint8Array
      readonly payload: Uint8Array
    }
  /** A record that must be durable before anything after it happens. */
  | { readonly type: 'append'; readonly record: Uint8Array }
  | { readonly type: 'send'; readonly to: number | 'all'; readonly bytes: Uint8Array }
  /** Fire `timer` with this id at `atMs`, unless it is set again before. */
  | { readonly type: 'timer'; readonly id: number; readonly atMs: number }
  /** The head is final on this shard; `certificate` convinces everyone else. */
  | {
      readonly type: 'finalized'
      readonly height: number
      readonly headHash: Uint8Array
      readonly certificate: Uint8Array
    }
  | { readonly type: 'fetch'; readonly fromHeight: number; readonly toHeight: number }
  | { readonly type: 'evidence'; readonly bytes: Uint8Array }

/** What an engine is made from. */
export type EngineConfig = {
  readonly genesisHash: Uint8Array
  readonly shard: ShardKey
  readonly schemaVersion: number
  /** ed25519 keys, in the order of their indexes in certificates. */
  readonly validators: readonly Uint8Array[]
  /** Which of them this engine is, and its signer; absent for an observer. */
  readonly self?: { readonly index: number; readonly sign: (message: Uint8Array) => Uint8Array }
  readonly pace: Pace
}

/** When blocks are made. Only engines that make blocks alone use it as it is; others take it as a floor. */
export type Pace = {
  /** Milliseconds between blocks; with `idleMs` above it, the shortest such time. */
  readonly blockTimeMs: number
  /** Milliseconds without work until an empty block is made; equal to `blockTimeMs` for a steady beat. */
  readonly idleMs: number
  /** `manual`: no timer; only `seal` makes blocks. */
  readonly mode: 'timed' | 'manual'
}

export type EngineFactory = (config: EngineConfig) => ConsensusEngine
