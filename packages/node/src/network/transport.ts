/**
 * How the validators of a chain reach each other. Peers have numbers, under which the transport has authenticated them.
 * Delivery is as of a network: messages may be late, out of order between peers, doubled or lost, and nobody is told.
 */
export interface Transport {
  /** This node's own number. */
  readonly self: number
  /** Numbers of all other validators, reachable or not. */
  readonly peers: readonly number[]
  /** The bytes must not change afterwards. */
  send(to: number, bytes: Uint8Array): void
  /** Called with each message; once, before any arrives. */
  listen(listener: (from: number, bytes: Uint8Array) => void): void
  /** Takes nothing from a peer for so long. */
  cutOff(peer: number, forMs: number): void
  close(): void
}
