import { type Outcome, refuse, SUPPLY_MOTES, type Supply } from '@armchain/core'

/**
 * The supply auditor. Rule for each shard and block: balances + burnt + sent - received is what the shard began with.
 * `balances` is the sum kept by the account table from every write, whatever the modules meant to do, so a module that
 * mints or loses money is caught by the next anchor. Summed over all shards, with what is in flight, that is the supply.
 * `sent` and `received` are modulo 2^64, and so is the sum: balances and burnt within the supply make it exact.
 */
export function auditShard({ balances, burnt, sent, received }: Supply, genesisMotes: bigint): Outcome<undefined> {
  const found = BigInt.asUintN(64, balances + burnt + sent - received)
  if (found === genesisMotes && balances + burnt <= SUPPLY_MOTES) return { ok: true, value: undefined }
  return refuse('ARM_SUPPLY', 'the supply of a shard does not add up', {
    foundMotes: found.toString(),
    expectedMotes: genesisMotes.toString(),
  })
}
