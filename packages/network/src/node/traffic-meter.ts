import type { PeerId } from '../network.ts'

type Traffic = { receivedBytes: number; sentBytes: number }

/** Bytes of topics, channels and exchanges to and from each peer, without what carries them. */
export class TrafficMeter {
  readonly #byPeer: Map<PeerId, Traffic> = new Map()

  received(peer: PeerId, sizeBytes: number): void {
    this.#trafficOf(peer).receivedBytes += sizeBytes
  }

  sent(peer: PeerId, sizeBytes: number): void {
    this.#trafficOf(peer).sentBytes += sizeBytes
  }

  of(peer: PeerId): Readonly<Traffic> {
    return this.#byPeer.get(peer) ?? { receivedBytes: 0, sentBytes: 0 }
  }

  forget(peer: PeerId): void {
    this.#byPeer.delete(peer)
  }

  #trafficOf(peer: PeerId): Traffic {
    const known = this.#byPeer.get(peer)
    if (known !== undefined) return known
    const made = { receivedBytes: 0, sentBytes: 0 }
    this.#byPeer.set(peer, made)
    return made
  }
}
