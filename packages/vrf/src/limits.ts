/** Seats that the risk calculator takes: its table of logarithms and its exact arithmetic stay below a second. */
export const POPULATION_MAX = 100_000
/** Bits of safety that can be asked for. */
export const RISK_BITS_MAX = 512
/** Slots of a mixing window: a million blocks an epoch. */
export const MIXING_SLOTS_MAX = 1_000_000
