import type { Urgency, Verdict } from '@armchain/network'

/**
 * How the nodes of a chain reach each other. Peers have numbers, under which the transport has authenticated them: the
 * validators those of their seats on the main shard, others numbers above, for as long as they are connected. Delivery
 * is as of a network: messages may be late, out of order, doubled or lost, and nobody is told.
 */
export interface Transport {
  /** This node's own number; absent for one without a seat. */
  readonly self: number | undefined
  /** Numbers of all other validators, reachable or not, and of the others who are connected. */
  readonly peers: readonly number[]
  /** The bytes must not change afterwards. */
  send(to: number, bytes: Uint8Array, urgency: Urgency): void
  /** To all who take part in a vShard, through each other. */
  broadcast(vShard: number, subject: Subject, bytes: Uint8Array): void
  /** Called with each message; once, before any arrives. The verdict of a broadcast says whether others get it from here. */
  listen(listener: (from: number, bytes: Uint8Array) => Verdict | Promise<Verdict>): void
  /** Takes nothing from a peer for so long. */
  cutOff(peer: number, forMs: number): void
  close(): void
}

/** What is broadcast within a vShard. */
export type Subject = 'transactions' | 'heads'
