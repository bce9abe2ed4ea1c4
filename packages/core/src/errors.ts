/** Every code that ArmChain throws or returns as a refusal. Append-only; explained in `docs/errors.md`. */
export type ErrorCode = (typeof ERROR_CODES)[number]

export const ERROR_CODES = [
  // Values at an edge
  'ARM_ARGUMENT',
  'ARM_AMOUNT_RANGE',
  'ARM_HEX',
  'ARM_SCHEMA',
  'ARM_CODEC_INPUT',
  'ARM_CODEC_VALUE',
  'ARM_ADDRESS',
  'ARM_MNEMONIC',
  'ARM_KEY',
  'ARM_KEYSTORE',
  'ARM_KEYSTORE_PASSWORD',
  'ARM_SCHEME',
  'ARM_GENESIS',
  'ARM_PROOF',
  // A transaction is refused before it reaches a block
  'ARM_TX_DECODE',
  'ARM_TX_TOO_LARGE',
  'ARM_TX_VERSION',
  'ARM_TX_CHAIN',
  'ARM_TX_SHARD',
  'ARM_TX_SIGNATURE',
  'ARM_TX_KEY',
  'ARM_TX_NONCE_LOW',
  'ARM_TX_NONCE_GAP',
  'ARM_TX_FUNDS',
  'ARM_TX_EXPIRED',
  'ARM_TX_EXPIRY_FAR',
  'ARM_TX_CALL_UNKNOWN',
  'ARM_TX_CALL_ARGS',
  'ARM_TX_FEE_LOW',
  'ARM_TX_GAS_LOW',
  'ARM_TX_GAS_HIGH',
  'ARM_TX_DUPLICATE',
  'ARM_TX_UNDERPRICED',
  'ARM_POOL_FULL',
  'ARM_POOL_ACCOUNT_FULL',
  'ARM_POOL_EVICTED',
  // A call or a message fails inside a block: the fee is kept, its other effects are not
  'ARM_CALL_FAILED',
  'ARM_CALL_FUNDS',
  'ARM_CALL_GAS',
  'ARM_CALL_AMOUNT',
  'ARM_CALL_SHARD',
  'ARM_CALL_LIMIT',
  'ARM_CALL_NOTHING_VESTED',
  'ARM_MSG_EXPIRED',
  'ARM_MSG_GAS',
  'ARM_MSG_CALL_UNKNOWN',
  'ARM_MSG_CALL_ARGS',
  // A block, an import or an anchor is invalid
  'ARM_BLOCK_DECODE',
  'ARM_BLOCK_HEADER',
  'ARM_BLOCK_PARENT',
  'ARM_BLOCK_CERTIFICATE',
  'ARM_BLOCK_TX',
  'ARM_BLOCK_STATE',
  'ARM_BLOCK_LIMIT',
  'ARM_IMPORT_SEQUENCE',
  'ARM_IMPORT_PROOF',
  'ARM_IMPORT_MOTES',
  'ARM_ANCHOR',
  'ARM_SUPPLY',
  'ARM_EVIDENCE',
  'ARM_CONSENSUS_HALTED',
  'ARM_EVIDENCE_KNOWN',
  // Disk
  'ARM_DATA_DIR',
  'ARM_DATA_DIR_LOCKED',
  'ARM_LOG_CORRUPT',
  'ARM_LOG_IO',
  'ARM_SNAPSHOT_CORRUPT',
  'ARM_STORE',
  // Network
  'ARM_NETWORK',
  'ARM_RECORD',
  // RPC and command line
  'ARM_DEV_PEERS',
  'ARM_CHAOS',
  'ARM_RPC_PARSE',
  'ARM_RPC_REQUEST',
  'ARM_RPC_METHOD',
  'ARM_RPC_PARAMS',
  'ARM_RPC_TOO_LARGE',
  'ARM_RPC_BUSY',
  'ARM_RPC_INTERNAL',
  'ARM_RPC_CONNECT',
  'ARM_RPC_TIMEOUT',
  'ARM_RPC_RESPONSE',
  'ARM_RPC_FORBIDDEN',
  'ARM_RPC_SUBSCRIPTION',
  'ARM_RPC_SLOW_CONSUMER',
  'ARM_RPC_CLOSED',
  'ARM_NOT_FOUND',
  'ARM_DEV_ONLY',
  'ARM_FAUCET',
  'ARM_CLI_USAGE',
  'ARM_PORT_IN_USE',
  'ARM_INTERNAL',
  'ARM_FILE',
  'ARM_CONFIG',
  'ARM_CHAIN_REVERTED',
  // What a client refuses of a node
  'ARM_HEAD_OLD',
  'ARM_HEAD_CONFLICT',
  'ARM_HEAD_STALE',
  'ARM_ROOT_MISMATCH',
  'ARM_TX_FEE_HIGH',
  // An election
  'ARM_ELECTION',
] as const

/** Base of every error ArmChain throws. Match on `code`, never on `message` or `instanceof`. */
export class ArmError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code
  readonly data: Readonly<Record<string, unknown>>
  /** What the reader can do next, in one sentence. */
  readonly hint: string | undefined

  constructor(code: Code, message: string, data: ArmErrorData = {}, options?: ErrorOptions) {
    super(`${code}: ${message}`, options)
    this.name = 'ArmError'
    this.code = code
    const { hint, ...rest } = data
    this.hint = hint
    this.data = rest
  }
}

export type ArmErrorData = Readonly<Record<string, unknown>> & { readonly hint?: string }

/** True for anything that carries a code of ours, also across package copies and threads. */
export function isArmError(error: unknown): error is ArmError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ARM_')
}

/** A refusal that is expected in normal operation: returned, not thrown. */
export type Refusal = {
  readonly code: ErrorCode
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>>
}

export type Outcome<Value, Reason = Refusal> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: Reason }

export function refuse(
  code: ErrorCode,
  message: string,
  data?: Readonly<Record<string, unknown>>,
): { readonly ok: false; readonly reason: Refusal } {
  return { ok: false, reason: data === undefined ? { code, message } : { code, message, data } }
}

/** Stops the process path at a bug: always on, never for input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`)
}
