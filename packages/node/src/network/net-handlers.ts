import { ArmError } from '@armchain/core'
import type { RpcHandlers } from '../rpc/handlers.ts'
import type { Transport } from './transport.ts'

/** How a node is connected, where there is a network to tell of; `seats` validators have the first numbers. */
export function netHandlers(transport: Transport | undefined, seats: number): RpcHandlers {
  const validatorOf = (number: number | undefined): number | null =>
    number === undefined || number >= seats ? null : number
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
        validator: validatorOf(transport?.self),
        addresses: [...addresses],
        peers: peers.map(({ number, roundTripMs = null, ...peer }) => ({
          ...peer,
          validator: validatorOf(number),
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
