/** Named limits of the protocol's data, each with its reason. A scheme may set lower ones where it says so. */

/** One transaction in bytes: room for a contract call, small enough that a batch of 64 fits a message. */
export const TX_BYTES_MAX: number = 128 * 1024
/** Arguments of one call in bytes. */
export const CALL_ARGS_BYTES_MAX: number = 96 * 1024
/** Module, method and event names in bytes. */
export const NAME_BYTES_MAX: number = 32
/** Transactions of one block: bounds receipts and the batch of leaves hashed at once. */
export const BLOCK_TXS_MAX: number = 65_536
/** One block's body in bytes, whatever the scheme says: what one log record and one RPC answer may hold. */
export const BLOCK_BODY_BYTES_MAX: number = 32 * 1024 * 1024
/** Events of one transaction. */
export const TX_EVENTS_MAX: number = 256
/** One event's data in bytes. */
export const EVENT_BYTES_MAX: number = 16 * 1024
/** Cross-shard messages that one transaction may send. */
export const TX_MESSAGES_MAX: number = 64
/** Key of a module's state entry in bytes of UTF-8. */
export const ENTRY_KEY_BYTES_MAX: number = 160
/** Value of a module's state entry in bytes. */
export const ENTRY_VALUE_BYTES_MAX: number = 64 * 1024
/** vShards of one chain: the anchor lists of a main-shard block stay within its body. */
export const SHARDS_MAX: number = 4096
/** Validators of one shard: signer bitmaps and ed25519 lists stay within what a block's certificate may take. */
export const VALIDATORS_MAX: number = 1024
/** Weight of one validator: the sum of a whole committee stays far below 2^53. */
export const VALIDATOR_WEIGHT_MAX: number = 2 ** 32
/** Encoded scheme: a hundred BLS validators on each of hundreds of shards. */
export const SCHEME_BYTES_MAX: number = 16 * 1024 * 1024
/** Furthest expiry ahead of the current height, in blocks, so that old transactions cannot return for ever. */
export const TX_EXPIRY_BLOCKS_MAX: number = 1_000_000
/** Genesis balances and allocations of one shard. */
export const GENESIS_ENTRIES_MAX: number = 16_777_216
