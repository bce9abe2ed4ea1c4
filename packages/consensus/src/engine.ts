import type { ShardKey } from '@armchain/core'
import type { Committee } from './committee.ts'
import type { Elector } from './elector.ts'

/**
 * A consensus engine as a pure machine: the shell feeds inputs and carries out effects, in order. No clock, timer,
 * chance, disk or network in here, so the same engine runs in a node and in a simulator. One engine serves one epoch
 * of one shard; the shell makes the next epoch's engine when it sees `epochEnd`.
 *
 * Rules for every engine:
 * 1. `step` is deterministic in (state, nowMs, input); it may change the engine's own state only.
 * 2. An `append` or `checkpoint` is durable before any later `send` or `finalized`, of this step or another, is
 *    carried out. A shell that cannot make it durable stops: it never tries again.
 * 3. At most one `finalized` for a height, in ascending order without gaps but for what `synced` has brought.
 * 4. `start` with every record appended so far brings back what the engine must not forget; a torn end is cut by the
 *    shell. Records that are damaged before their end are not given: `amnesia` is.
 * 5. Bytes that come in, any at all, never make it throw.
 *
 * The engine takes heads and payloads as they are. Of a head it uses the hash; that a head commits to its payload is
 * what `EngineConfig.commits` says; whether either is valid is the shell's to say, to `verify` and `certify`.
 *
 * Payloads are durable in the engine's own records (a record holds the block, ahead of the vote for it): one log, one
 * order, one way to crash. A block is final before the record that holds it may go: `checkpoint` says when.
 */
export interface ConsensusEngine {
  readonly name: string
  step(nowMs: number, input: EngineInput): readonly EngineEffect[]
  /** What the engine holds that grows with what others do, and how far it may: for metrics and for tests of bounds. */
  sizes?(): readonly EngineSize[]
}

export type EngineSize = { readonly name: string; readonly size: number; readonly limit: number }

export type EngineInput =
  /** First input of all. */
  | {
      readonly type: 'start'
      /** The last block that the shell holds as final: at first the epoch's start. */
      readonly height: number
      readonly headHash: Uint8Array
      /** As `finalized` or `synced` brought it; left out at the epoch's start. */
      readonly certificate?: Uint8Array | undefined
      /** Every record since the last `checkpoint`, that one's first, oldest first. */
      readonly records: readonly Uint8Array[]
      /**
       * Set where records of this epoch may have been lost. The engine then only observes: through `guardView` if the
       * shell knows from elsewhere that no vote was cast above it, else to the end of the epoch.
       */
      readonly amnesia?: { readonly guardView?: number } | undefined
    }
  | { readonly type: 'timer'; readonly id: number }
  /**
   * There is something to put into a block: an engine that waits for work may propose. Forgotten with each `propose` and
   * `finalized`, so that the shell says it again if there is more.
   */
  | { readonly type: 'work' }
  /** Make a block now, whatever the pace: how a manual chain is driven. */
  | { readonly type: 'seal' }
  /** A message as received. `from` is the seat of an authenticated validator; other peers have numbers above. */
  | { readonly type: 'message'; readonly from: number; readonly bytes: Uint8Array }
  /** The shell has built what `propose` asked for; no head if it could not. */
  | {
      readonly type: 'proposed'
      readonly view: number
      readonly height: number
      readonly head?: Uint8Array
      readonly payload?: Uint8Array
    }
  /** The shell has checked what `verify` asked for. While something is missing there is no answer yet. */
  | { readonly type: 'verified'; readonly view: number; readonly headHash: Uint8Array; readonly valid: boolean }
  /** The same for `certify`. */
  | { readonly type: 'certified'; readonly view: number; readonly headHash: Uint8Array; readonly valid: boolean }
  /** A final block that the shell has fetched, checked against its certificate, and taken. */
  | {
      readonly type: 'synced'
      readonly height: number
      readonly headHash: Uint8Array
      readonly certificate: Uint8Array
    }

export type EngineEffect =
  /** Ask the shell for a block on top of `parent`, which is notarised, but perhaps not final. */
  | {
      readonly type: 'propose'
      readonly view: number
      readonly epoch: number
      readonly height: number
      /** Head hash. */
      readonly parent: Uint8Array
    }
  /** Ask the shell whether a proposed block is valid on top of `parent`. */
  | ({ readonly type: 'verify' } & BlockAt)
  /** A block is notarised: ask whether it may be built on. Availability of its data and execution come in here. */
  | ({ readonly type: 'certify' } & BlockAt)
  /** A record that must be durable before anything after it happens. */
  | {
      readonly type: 'append'
      readonly record: Uint8Array
      /** The view of the vote in it, if there is one: for a guard that is kept apart from the log. */
      readonly guardView?: number
    }
  /** These records replace all before them, once every block finalised so far is durable with the shell. */
  | { readonly type: 'checkpoint'; readonly records: readonly Uint8Array[] }
  | { readonly type: 'send'; readonly to: number | 'all'; readonly bytes: Uint8Array }
  /** Fire `timer` with this id at `atMs`, unless it is set again before. */
  | { readonly type: 'timer'; readonly id: number; readonly atMs: number }
  /** The block is final on this shard; `certificate` convinces everyone else. */
  | {
      readonly type: 'finalized'
      readonly view: number
      readonly height: number
      readonly headHash: Uint8Array
      readonly head: Uint8Array
      readonly payload: Uint8Array
      readonly certificate: Uint8Array
    }
  /** A block that `propose`, `verify` or `certify` dealt with can never be final: what was computed for it may go. */
  | { readonly type: 'abandon'; readonly headHash: Uint8Array }
  /** Final blocks of these heights are missing, and are too many for the engine's own catch-up: bring them. */
  | { readonly type: 'fetch'; readonly fromHeight: number; readonly toHeight: number }
  /** Proof that a validator has signed what no correct one signs: see `evidence.ts`. */
  | { readonly type: 'evidence'; readonly bytes: Uint8Array }
  /** A peer has sent what no correct one sends. How many of those it may send is the shell's to say. */
  | { readonly type: 'misconduct'; readonly peer: number; readonly reason: string }
  /**
   * Two certificates contradict each other: more of the committee is faulty than the engine can bear. It does nothing
   * any more; what to do is for people to decide.
   */
  | { readonly type: 'halted'; readonly reason: string }
  /** The epoch's last block is final, by its own certificate: it is the start of the next epoch. */
  | {
      readonly type: 'epochEnd'
      readonly height: number
      readonly headHash: Uint8Array
      readonly certificate: Uint8Array
    }

/** A block and where it stands. */
export type BlockAt = {
  readonly view: number
  readonly height: number
  readonly headHash: Uint8Array
  readonly head: Uint8Array
  readonly payload: Uint8Array
  /** Head hash of the block below. */
  readonly parent: Uint8Array
}

/** What an engine is made from. */
export type EngineConfig = {
  readonly genesisHash: Uint8Array
  readonly shard: ShardKey
  readonly schemaVersion: number
  readonly epoch: Epoch
  readonly committee: Committee
  /** Which seat this engine holds, and its signer for the committee's scheme; absent for an observer. */
  readonly self?: { readonly index: number; readonly sign: (message: Uint8Array) => Uint8Array }
  readonly pace: Pace
  /** `DEFAULT_TIMING` if left out. */
  readonly timing?: Timing
  /** Weighted by seat and drawn from the epoch's seed if left out. */
  readonly elector?: Elector
  /** True if the head commits to exactly this payload. Pure and cheap: it guards against payloads that were swapped. */
  readonly commits: (head: Uint8Array, payload: Uint8Array) => boolean
}

export type Epoch = {
  readonly number: number
  /** The last block of the epoch before, or genesis: final when the epoch begins. */
  readonly startHeight: number
  readonly startHash: Uint8Array
  /** Height of the epoch's last block; absent while it has no end. */
  readonly endHeight?: number
  /** 32 bytes that nobody could choose: leaders are drawn from them. */
  readonly seed: Uint8Array
}

/** Bounds on message delays, in milliseconds. */
export type Timing = {
  /** What a message takes at most once the network is well; the first guess, grown while nothing becomes final. */
  readonly deltaMs: number
  readonly deltaMaxMs: number
  /** A leader not heard of for so long is not waited for, as long as a quorum is heard. */
  readonly skipAfterMs: number
}

export const DEFAULT_TIMING: Timing = { deltaMs: 250, deltaMaxMs: 30_000, skipAfterMs: 10_000 }

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
