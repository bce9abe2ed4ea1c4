import type { PeerId } from '../network.ts'

/** A message of a topic: one object for all of its copies. */
export type TopicMessage = {
  readonly kind: 'message'
  /** Counted in the order of publication; the same for the same bytes in the same topic. */
  readonly id: number
  readonly topic: string
  readonly bytes: Uint8Array
}

/** What goes over a connection. */
export type Frame =
  | TopicMessage
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly topics: readonly string[] }
  | { readonly kind: 'graft' | 'prune'; readonly topic: string }
  | { readonly kind: 'offer' | 'want'; readonly topic: string; readonly ids: readonly number[] }
  | { readonly kind: 'channel'; readonly channel: string; readonly bytes: Uint8Array }
  | { readonly kind: 'query'; readonly exchange: string; readonly call: number; readonly bytes: Uint8Array }
  | { readonly kind: 'answer'; readonly call: number; readonly bytes: Uint8Array | undefined }

/** What one part of a node, such as gossip, sees of the node and the world around it. */
export interface Carrier {
  readonly self: PeerId
  nowMs(): number
  /** Calls back after so long, unless the node has been closed. */
  after(ms: number, happen: () => void): void
  /** An integer in [0, limit). */
  below(limit: number): number
  sample<Item>(items: readonly Item[], count: number): Item[]
  /** Connected now, in the order in which they connected. */
  peers(): readonly PeerId[]
  isConnected(peer: PeerId): boolean
  /** Whether this node has dialled the peer. */
  isOutbound(peer: PeerId): boolean
  /** False if the peer is not connected. */
  transmit(to: PeerId, frame: Frame): boolean
}

const HEAD_BYTES = 40

/** About what a frame takes on a connection. */
export function frameBytes(frame: Frame): number {
  const isList = frame.kind === 'offer' || frame.kind === 'want'
  return HEAD_BYTES + (isList ? 20 * frame.ids.length : payloadBytes(frame))
}

/** Of topics, channels and exchanges. */
export function payloadBytes(frame: Frame): number {
  return 'bytes' in frame ? (frame.bytes?.length ?? 0) : 0
}
