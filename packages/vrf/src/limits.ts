import { limits as core } from '@armchain/core'

/** Seats that the risk calculator takes: its table of logarithms and its exact arithmetic stay below a second. */
export const POPULATION_MAX = 100_000
/** Bits of safety that can be asked for. */
export const RISK_BITS_MAX = 512
/** Slots of a mixing window: a million blocks an epoch. */
export const MIXING_SLOTS_MAX = 1_000_000
/** Owners in a stake list: what an epoch boundary can sort and a browser can download. */
export const STAKES_MAX = 65_536
/** Mandates in all: dealing this many takes a second or two. */
export const MANDATES_MAX = 1_048_576
/** Shards that an election fills: as many as a chain may have. */
export const ELECTION_SHARDS_MAX: number = core.SHARDS_MAX
/** Seats of one pool. */
export const POOL_SEATS_MAX = 65_536
/** Blocks of a mixing window that a record of an election carries. */
export const RECORD_BLOCKS_MAX = 65_536
