import type { GossipSub } from '@libp2p/gossipsub'
import type { PeerId as Libp2pPeerId } from '@libp2p/interface'
import type { PeerId } from '../network.ts'

/**
 * What this package uses of gossipsub that its interface does not show. Versions are pinned, and gossip.test.ts fails
 * where one of these is gone.
 */
export interface GossipInternals {
  readonly score: {
    readonly params: { readonly topics: Record<string, unknown> }
  }
  /** Who takes part in gossip, and the streams from and to each. */
  readonly peers: ReadonlyMap<PeerId, unknown>
  readonly streamsInbound: ReadonlyMap<PeerId, unknown>
  readonly streamsOutbound: ReadonlyMap<PeerId, unknown>
  handleReceivedRpc(from: Libp2pPeerId, rpc: GossipRpc): Promise<void>
  sendRpc(to: PeerId, rpc: GossipRpc): boolean
  getScore(peer: PeerId): number
  getMeshPeers(topic: string): PeerId[]
  reportMessageValidationResult(messageId: string, from: PeerId, result: string): void
}

export function internalsOf(gossip: GossipSub): GossipSub & GossipInternals {
  return gossip as GossipSub & GossipInternals
}

export type GossipRpc = {
  readonly subscriptions: readonly unknown[]
  messages: readonly { readonly topic: string; readonly data?: Uint8Array }[]
  control?: unknown
}
