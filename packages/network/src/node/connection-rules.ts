import type { Connection, ConnectionGater, MultiaddrConnection } from '@libp2p/interface'
import type { PeerId } from '../network.ts'
import type { BanList } from './ban-list.ts'
import type { NetworkLimits } from './options.ts'

/**
 * Who may connect: nobody that is banned; of others no more than `inboundMax` in all and `inboundPerHostMax` from one
 * address. The rest of the connections is for peers that this node has chosen itself, so that whoever fills all that
 * others may open does not surround it.
 */
export function connectionRules(
  bans: BanList,
  { inboundMax, inboundPerHostMax }: NetworkLimits,
  connections: () => readonly Connection[],
): ConnectionGater {
  const isBanned = (peer: { toString(): PeerId }): boolean => bans.has(peer.toString(), performance.now())
  return {
    denyDialMultiaddr: () => false,
    denyDialPeer: isBanned,
    denyInboundEncryptedConnection: isBanned,
    denyOutboundEncryptedConnection: isBanned,
    denyInboundConnection(incoming: MultiaddrConnection) {
      const inbound = connections().filter(({ direction }) => direction === 'inbound')
      if (inbound.length >= inboundMax) return true
      const host = hostOf(incoming)
      return inbound.filter((each) => hostOf(each) === host).length >= inboundPerHostMax
    },
  }
}

/** The part of an address that names the machine: `/ip4/192.0.2.1` of `/ip4/192.0.2.1/tcp/4001`. */
function hostOf({ remoteAddr }: Pick<MultiaddrConnection, 'remoteAddr'>): string {
  return remoteAddr.toString().split('/', 3).join('/')
}
