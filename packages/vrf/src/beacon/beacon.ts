import type { Outcome } from '@armchain/core'

/** Where a block of the main shard stands, and what it gives to the beacon. */
export type BeaconBlock<Contribution> = {
  readonly epoch: number
  /** From 0 within the epoch, in the order of finality, none left out. */
  readonly index: number
  /** Views count from 1 within an epoch; those without a block are skipped. */
  readonly view: number
  readonly contribution: Contribution
}

export type EpochSeed = { readonly epoch: number; readonly seed: Uint8Array }

/** All that a beacon remembers: part of the main shard's state. */
export type BeaconState = {
  readonly epoch: number
  /** Index of the next block. */
  readonly next: number
  /** View of the last block; 0 before the first of an epoch. */
  readonly view: number
  /** The value that outputs are mixed into, 32 bytes. */
  readonly mix: Uint8Array
  /** Seeds that are known and not yet past, by epoch. */
  readonly seeds: readonly EpochSeed[]
}

export type Folded = {
  readonly state: BeaconState
  /** Hash of what this block gave: entropy for draws that begin with it. */
  readonly entropy: Uint8Array
  /** Views without a block right before this one: their leaders pay for them. */
  readonly skippedViews: number
}

/**
 * Source of seeds that nobody can foretell or choose. `mixingBeacon` mixes outputs of verifiable random functions; a
 * threshold signature can take its place, with shares as contributions and no choice for the last to speak.
 */
export interface Beacon<Contribution> {
  /** Before the first block, with seeds for the epochs that no block decides. */
  start(): BeaconState
  /** Pure. Refuses with `ARM_ELECTION` what is out of order or does not hold; a block with that is invalid. */
  fold(state: BeaconState, block: BeaconBlock<Contribution>): Outcome<Folded>
}

/** The seed of an epoch, if it is known. */
export function seedFor({ seeds }: BeaconState, epoch: number): Uint8Array | undefined {
  return seeds.find((each) => each.epoch === epoch)?.seed
}
