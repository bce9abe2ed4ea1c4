import type { Connection } from '@libp2p/interface'
import type { Network } from '../network.ts'
import { BanList } from './ban-list.ts'
import { BlameLedger } from './blame-ledger.ts'
import { connectionRules } from './connection-rules.ts'
import { Libp2pNetwork } from './libp2p-network.ts'
import { createLibp2pNode, type Libp2pNode } from './libp2p-node.ts'
import type { NetworkLog, ResolvedOptions } from './options.ts'
import { Peers } from './peers.ts'

/** A network, put together from its parts in the thread of the caller, and the libp2p node below it. */
export async function composeNetwork(
  options: ResolvedOptions,
  log: NetworkLog,
): Promise<{ readonly network: Network; readonly node: Libp2pNode }> {
  const records = { bans: new BanList(), ledger: new BlameLedger() }
  let connections = (): readonly Connection[] => []
  const node = await createLibp2pNode(options, {
    gater: connectionRules(records.bans, options.limits, () => connections()),
    scoreOf: (peer) => records.ledger.scoreOf(peer, performance.now()),
  })
  connections = () => node.getConnections()
  return { network: new Libp2pNetwork(node, new Peers(node, records, options, log), options, log), node }
}
