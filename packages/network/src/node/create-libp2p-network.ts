import type { Connection } from '@libp2p/interface'
import type { Network } from '../network.ts'
import { BanList } from './ban-list.ts'
import { connectionRules } from './connection-rules.ts'
import { Libp2pNetwork } from './libp2p-network.ts'
import { createLibp2pNode } from './libp2p-node.ts'
import { type NetworkLog, type NetworkOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { Peers } from './peers.ts'

/** A network in the thread of the caller: for many in one process. A node opens one in a thread (`openNetwork`). */
export async function createLibp2pNetwork(options: NetworkOptions): Promise<Network> {
  return composeNetwork(resolveOptions(options), options.log ?? (() => {}))
}

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
