import type { PeerId } from '../network.ts'
import { BANS_MAX } from './limits.ts'

/** Peers that are not let in, each until its time is over. Of too many, the ones that end first go. */
export class BanList {
  readonly #untilMs: Map<PeerId, number> = new Map()

  ban(peer: PeerId, untilMs: number): void {
    this.#untilMs.set(peer, Math.max(untilMs, this.#untilMs.get(peer) ?? 0))
    if (this.#untilMs.size <= BANS_MAX) return
    let first = peer
    for (const [each, endMs] of this.#untilMs) if (endMs < (this.#untilMs.get(first) ?? 0)) first = each
    this.#untilMs.delete(first)
  }

  /** All bans that are not over. */
  left(nowMs: number): readonly { readonly peer: PeerId; readonly forMs: number }[] {
    return [...this.#untilMs]
      .filter(([, untilMs]) => untilMs > nowMs)
      .map(([peer, untilMs]) => ({ peer, forMs: untilMs - nowMs }))
  }

  has(peer: PeerId, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(peer)
    if (untilMs === undefined) return false
    if (untilMs > nowMs) return true
    this.#untilMs.delete(peer)
    return false
  }
}
