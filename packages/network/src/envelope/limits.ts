/** Named limits of envelopes, each with its reason. */

/** One encoded envelope: what one frame of a channel or one answer may hold, a block's body among it. */
export const ENVELOPE_BYTES_MAX: number = 33 * 1024 * 1024
/** Fields after the body that later versions may add: with the five known ones, what a one-byte array header counts. */
export const EXTENSIONS_MAX: number = 10
/** Furthest that a sealed message's time stamp may be behind this node's clock: what a slow route and a retry take. */
export const SEALED_AGE_MS_MAX: number = 10 * 60 * 1000
/** Furthest that it may be ahead: clocks that nobody keeps. */
export const SEALED_SKEW_MS_MAX: number = 2 * 60 * 1000
/** Senders whose messages a replay guard tells apart: 2 MiB at most with the window below. */
export const REPLAY_SENDERS_MAX: number = 4096
/** Messages of one sender that may overtake each other. */
export const REPLAY_WINDOW: number = 64
