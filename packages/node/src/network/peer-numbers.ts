import type { PeerId } from '@armchain/network'

/**
 * Numbers of peers: those of validators are their seats on the main shard, all others get the next one above at their
 * first word. A number is never given twice, so that nobody answers for what another has done; who comes back while it is
 * still known has the number that it had, and what was held against it.
 */
export class PeerNumbers {
  readonly #numbers: Map<PeerId, number> = new Map()
  readonly #peers: Map<number, PeerId> = new Map()
  readonly #validators: ReadonlySet<PeerId>
  readonly #othersMax: number
  #next: number

  /** `othersMax` peers without a seat are remembered; of more the one that was heard of least lately is forgotten. */
  constructor(validators: readonly (PeerId | undefined)[], othersMax: number) {
    this.#othersMax = othersMax
    this.#next = validators.length
    this.#validators = new Set(validators.filter((peer) => peer !== undefined))
    for (const [number, peer] of validators.entries()) if (peer !== undefined) this.#set(peer, number)
  }

  of(peer: PeerId): number {
    const known = this.#numbers.get(peer)
    const number = known ?? this.#next++
    if (this.#validators.has(peer)) return number
    // To the end of the order in which they are forgotten.
    this.#numbers.delete(peer)
    this.#set(peer, number)
    if (this.#numbers.size - this.#validators.size > this.#othersMax) this.#forgetOne()
    return number
  }

  peer(number: number): PeerId | undefined {
    return this.#peers.get(number)
  }

  #set(peer: PeerId, number: number): void {
    this.#numbers.set(peer, number)
    this.#peers.set(number, peer)
  }

  #forgetOne(): void {
    for (const [peer, number] of this.#numbers) {
      if (this.#validators.has(peer)) continue
      this.#numbers.delete(peer)
      this.#peers.delete(number)
      return
    }
  }
}
