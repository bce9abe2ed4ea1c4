import { ArmError } from '@armchain/core'
import type { RpcHandlers } from '../rpc/handlers.ts'
import type { Transport } from './transport.ts'

/** How a node is connected, where there is a network to tell of. */
export function netHandlers(transport: Transport | undefined): RpcHandlers {
  return {
    async arm_net() {
      const stats = await transport?.stats?.()
      if (stats === undefined)
        throw new ArmError('ARM_NOT_FOUND', 'this node has no network', {
          hint: 'its validators are in one process; start a testnet with --processes, or armchain node',
        })
      const { self, addresses, peers, topics, channels, cpuMs = null } = stats
      return {
        peerId: self,
        validator: transport?.self ?? null,
        addresses: [...addresses],
        peers: peers.map(({ number, isValidator, roundTripMs = null, ...peer }) => ({
          ...peer,
          validator: isValidator ? number : null,
          addresses: [...peer.addresses],
          roundTripMs,
        })),
        topics: topics.map((topic) => ({ ...topic, meshPeers: [...topic.meshPeers] })),
        channels: [...channels],
        cpuMs,
      }
    },
  }
}
