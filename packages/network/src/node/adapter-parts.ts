import type { InboundQueues } from '../inbound-queues.ts'
import type { Inbound, PeerId } from '../network.ts'
import type { TrafficMeter } from './traffic-meter.ts'

/** What has come: in a topic with the id that gossip knows it by, on a channel without. */
export type Arrived = Inbound & { readonly gossipId?: string }

/** What topics, channels and exchanges share. */
export type AdapterParts = {
  readonly queues: InboundQueues<Arrived>
  /** Something was put into the queues. */
  readonly onArrival: () => void
  readonly traffic: TrafficMeter
  /** A peer has done what no correct peer does. */
  readonly blame: (peer: PeerId, points: number, reason: string) => void
}
