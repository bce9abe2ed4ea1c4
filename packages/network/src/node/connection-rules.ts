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
      return inbound.filter((each) => hostOf(each) === hostOf(incoming)).length >= inboundPerHostMax
    },
  }
}

/** Whether an inbound connection is one too many. Those that are opened at once are all let in before any is counted. */
export function isExcess(
  { direction, remoteAddr }: Connection,
  { inboundMax, inboundPerHostMax }: NetworkLimits,
  connections: readonly Connection[],
): boolean {
  if (direction === 'outbound') return false
  const inbound = connections.filter((each) => each.direction === 'inbound')
  const host = hostOf({ remoteAddr })
  return inbound.length > inboundMax || inbound.filter((each) => hostOf(each) === host).length > inboundPerHostMax
}

/** The part of an address that names the machine: `/ip4/192.0.2.1` of `/ip4/192.0.2.1/tcp/4001`. */
function hostOf({ remoteAddr }: Pick<MultiaddrConnection, 'remoteAddr'>): string {
  return remoteAddr.toString().split('/', 3).join('/')
}
