import type { ErrorCode, Refusal } from '@armchain/core'

/** A refusal as the sender is told it: with what to do next, unless it says so itself. */
export function withHint({ code, message, data }: Refusal): Refusal {
  const hint = HINTS[code]
  return hint === undefined || data?.hint !== undefined
    ? { code, message, ...(data && { data }) }
    : { code, message, data: { ...data, hint } }
}

/** As in `docs/errors.md`, for those who see only the answer. */
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  ARM_TX_DECODE: 'build and sign with the client library, by the scheme that arm_scheme gives',
  ARM_TX_TOO_LARGE: 'split it, or shorten its arguments',
  ARM_TX_VERSION: 'read arm_scheme again and sign anew',
  ARM_TX_CHAIN: 'sign for the chain id that arm_network gives',
  ARM_TX_SHARD: 'use a vShard that arm_network lists',
  ARM_TX_SIGNATURE: 'sign again with the key of the sender, for the genesis of this chain, and change nothing after it',
  ARM_TX_KEY: 'use an ordinary ed25519 key, key type 1',
  ARM_TX_NONCE_LOW:
    'sign with the nextNonce of arm_getAccount; the nonce may have been used by a transaction of your own',
  ARM_TX_NONCE_GAP: 'send the missing nonces first; arm_getAccount gives nextNonce',
  ARM_TX_FUNDS: 'fund the account on this vShard (on a testnet with dev_faucet), or lower amount, gas limit or max fee',
  ARM_TX_EXPIRED: 'sign again with an expiry above the height of the vShard',
  ARM_TX_EXPIRY_FAR: 'sign again with an earlier expiry',
  ARM_TX_CALL_UNKNOWN: 'arm_network lists the modules and their calls',
  ARM_TX_CALL_ARGS: 'encode the arguments by the schema of the call that arm_scheme gives',
  ARM_TX_FEE_LOW: 'offer the suggestedMaxFeeMotes of arm_getFees, or wait for demand to fall',
  ARM_TX_GAS_LOW: 'raise the gas limit to what the error names, and what the call needs beside it',
  ARM_TX_GAS_HIGH: 'lower the gas limit',
  ARM_TX_DUPLICATE: 'nothing is to be done: wait for its receipt',
  ARM_TX_UNDERPRICED: 'raise both max fee and tip to what the error names, or wait for the first one',
  ARM_POOL_FULL: 'raise the tip, or try later',
  ARM_POOL_ACCOUNT_FULL: 'wait for some of its transactions to be included',
  ARM_POOL_EVICTED: 'send it again with a higher tip',
}
