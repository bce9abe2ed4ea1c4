/** Events in one simulated second for each pair of hosts, averaged over ten seconds, before the world calls it a storm. */
export const EVENTS_PER_LINK_SECOND_MAX = 2_000

/** Simulated time between looks at queue sizes. */
export const LOOK_INTERVAL_MS = 1_000

/** Messages that a mutating adversary remembers for replay. */
export const REPLAY_MEMORY = 256

/** Bytes of an oversized message. */
export const OVERSIZE_BYTES = 4_000_000

/** Runs that shrinking may spend on one failure. */
export const SHRINK_RUNS_MAX = 400

/** Trace lines that are kept of a failing run. */
export const TRACE_LINES_MAX = 2_000_000

/** Answers of the application that an engine waits for: a block to build, and some each to check and to certify. */
export const ANSWERS_MAX = 256

/** Messages that an attacker of a named attack keeps to send again. */
export const ATTACK_MEMORY = 512

/** Blocks that it has forged, which it keeps to pass off as final. */
export const FORGED_BLOCKS_MAX = 4

/** Answers and transactions that it keeps to bend and send again. */
export const SHELL_MEMORY = 32

/** Anchored heads that a mutating adversary keeps to anchor again. */
export const FORGED_ANCHORS_MAX = 32

/** Blocks that one shard of a node has executed and that are not final. */
export const CANDIDATES_MAX = 128

/** Those at the end of the calm: blocks under way. */
export const CANDIDATES_AT_REST_MAX = 16

/** Questions of an engine about blocks that wait for an answer. */
export const QUESTIONS_MAX = 128

/** Final blocks of a shard that wait for a main-shard block. */
export const UNEXECUTED_MAX = 512
