import { type StateReader, SUPPLY_MOTES, type Supply } from '@armchain/core'
import { readAnchor } from './anchors.ts'
import type { Layout } from './layout.ts'
import { isMain } from './layout.ts'

export type SupplyReport = {
  readonly ok: boolean
  readonly totalMotes: bigint
  readonly genesisMotes: bigint
  readonly balancesMotes: bigint
  readonly inFlightMotes: bigint
  readonly burntMotes: bigint
}

/** The whole chain's supply as of a main-shard state: each shard at its last anchored head, the main shard at its own. */
export function auditSupply(main: Pick<StateReader, 'entry'>, mainSupply: Supply, layout: Layout): SupplyReport {
  const supplies = layout.shards.map((shard) => {
    if (isMain(shard.key)) return mainSupply
    return readAnchor(main, shard.key)?.supply ?? { balances: shard.genesisMotes, burnt: 0n, sent: 0n, received: 0n }
  })
  const sum = (part: keyof Supply): bigint => supplies.reduce((total, supply) => total + supply[part], 0n)
  const inFlightMotes = BigInt.asUintN(64, sum('sent') - sum('received'))
  const totalMotes = sum('balances') + sum('burnt') + inFlightMotes
  return {
    // More received than sent would be money from nowhere: modulo 2^64 that is more in flight than there is.
    ok: totalMotes === SUPPLY_MOTES,
    totalMotes,
    genesisMotes: SUPPLY_MOTES,
    balancesMotes: sum('balances'),
    inFlightMotes,
    burntMotes: sum('burnt'),
  }
}
