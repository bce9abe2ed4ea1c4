import { type Outcome, refuse, type Supply } from '@armchain/core'

/**
 * The supply auditor. Rule for each shard and block: balances + burnt + sent - received is what the shard began with.
 * `balances` is the sum kept by the account table from every write, whatever the modules meant to do, so a module that
 * mints or loses money is caught by the next anchor. Summed over all shards, with what is in flight, that is the supply.
 */
export function auditShard({ balances, burnt, sent, received }: Supply, genesisMotes: bigint): Outcome<undefined> {
  const found = balances + burnt + sent - received
  if (found === genesisMotes) return { ok: true, value: undefined }
  return refuse('ARM_SUPPLY', 'the supply of a shard does not add up', {
    foundMotes: found.toString(),
    expectedMotes: genesisMotes.toString(),
  })
}
