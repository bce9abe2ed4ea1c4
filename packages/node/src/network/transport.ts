import type { NetworkStats, PeerId, PeerStats, Urgency, Verdict } from '@armchain/network'

/**
 * How the nodes of a chain reach each other. Peers have numbers, under which the transport has authenticated them: the
 * validators those of their seats on the main shard, others numbers above, for as long as they are connected. Delivery
 * is as of a network: messages may be late, out of order, doubled or lost, and nobody is told.
 */
export interface Transport {
  /** This node's own number; absent for one without a seat. */
  readonly self: number | undefined
  /** Whom this node may reach now, as far as it is known: all members where nobody knows. */
  readonly peers: readonly number[]
  /** The bytes must not change afterwards. */
  send(to: number, bytes: Uint8Array, lane: Lane): void
  /** To all who take part in a vShard, through each other. */
  broadcast(vShard: number, subject: Subject, bytes: Uint8Array): void
  /** Called with each message; once, before any arrives. The verdict of a broadcast says whether others get it from here. */
  listen(listener: (from: number, bytes: Uint8Array) => Verdict | Promise<Verdict>): void
  /** Called when there is a connection to a peer, where there are connections; once, after `listen`. */
  watch(watcher: (peer: number) => void): void
  /** Takes nothing from a peer for so long. */
  cutOff(peer: number, forMs: number): void
  /** What it carries, for people and metrics; absent where there is nothing to tell. */
  stats?(): Promise<TransportStats>
  close(): void
}

/** What is sent to single peers, by how urgent it is: nothing waits for what is less so. */
export type Lane = Exclude<Urgency, 'receipts'>

export type TransportStats = Omit<NetworkStats, 'peers'> & {
  readonly self: PeerId
  readonly addresses: readonly string[]
  readonly peers: readonly (PeerStats & { readonly number: number; readonly isValidator: boolean })[]
}

/** What is broadcast within a vShard. */
export type Subject = 'transactions' | 'heads'
