import type { Connection } from '@libp2p/interface'
import type { Network } from '../network.ts'
import { BanList } from './ban-list.ts'
import { connectionRules } from './connection-rules.ts'
import { Libp2pNetwork } from './libp2p-network.ts'
import { createLibp2pNode } from './libp2p-node.ts'
import type { NetworkLog, ResolvedOptions } from './options.ts'
import { Peers } from './peers.ts'

/** `Network` on libp2p, put together from its parts, in the thread of the caller. */
export async function composeNetwork(options: ResolvedOptions, log: NetworkLog): Promise<Network> {
  const bans = new BanList()
  let connections = (): readonly Connection[] => []
  const node = await createLibp2pNode(
    options,
    connectionRules(bans, options.limits, () => connections()),
  )
  connections = () => node.getConnections()
  return new Libp2pNetwork(node, new Peers(node, bans, options, log), options, log)
}
