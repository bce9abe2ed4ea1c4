/** Transactions that wait for one shard: about ten full blocks, and what a node can hold of 225-byte transfers in 100 MiB. */
export const POOL_TXS_MAX: number = 200_000
/** Bytes that wait for one shard. */
export const POOL_BYTES_MAX: number = 64 * 1024 * 1024
/** Waiting transactions of one account: one sender cannot fill the pool. */
export const POOL_ACCOUNT_TXS_MAX: number = 4096
/** A replacement pays at least this much more, in percent, or replacing would be a free way to make work. */
export const POOL_REPLACE_PERCENT: bigint = 10n
/** Part of the pool that is evicted at once when it is full: one pass over the senders makes room for many. */
export const POOL_EVICT_PART: number = 0.02
/** Main-shard heads kept so that proofs against them can be checked: beyond the longest life of a message. */
export const MAIN_HEADS_KEPT: number = 20_000
/** Certified heads remembered at once, 64 bytes each: what 64 vShards make final in some seconds, which is long anchored. */
export const CERTIFIED_HEADS_KEPT: number = 4096
/** Heads of one shard that one main-shard block anchors: a shard that was cut off catches up over several blocks. */
export const ANCHORS_PER_BLOCK: number = 16
/** Senders whose next transaction does not fit before a block counts as full: a proposer does not read a whole pool. */
export const PASSED_OVER_MAX: number = 64
/** How far a block's time may be ahead of the clock of who checks it, in ms: more than clocks that are kept differ. */
export const BLOCK_TIME_DRIFT_MS: number = 10_000
/** Part of a block's size that imports may take. */
export const IMPORT_SIZE_PART: number = 0.5
/** Details of one block in bytes: what `blockCodec` takes. */
export const DETAILS_BYTES_MAX: number = 8192
/** Body of one block in bytes: what `blockCodec` takes. */
export const PAYLOAD_BODY_BYTES_MAX: number = 64 * 1024 * 1024
/** Offences in one answer: a page of some 20 KiB. */
export const OFFENCES_PAGE_MAX: number = 100
/** Validators whose offences a node remembers at once: far more than it can meet before the main shard records them. */
export const REPORTS_MAX: number = 4096
/** Main-shard blocks until a report that is not recorded is made again. */
export const REPORT_RETRY_BLOCKS: number = 16
