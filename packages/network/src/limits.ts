/**
 * A class of urgency that has been passed over so often is served next: each class with something to say has at least
 * one turn in about thirty, and the most urgent wait for no more than four others in a row.
 */
export const PASSED_OVER_MAX = 32

/** Of the messages in flight, each less urgent class leaves so large a part of all free for the more urgent. */
export const RESERVED_SHARE: number = 1 / 16

/**
 * A peer that has filled this part of a queue is not read from until half of it is gone: eight peers who send more than
 * is taken share a queue, and one of them cannot fill it.
 */
export const LANE_SHARE: number = 1 / 8
