import { toHex } from '@armchain/core'
import type { PeerContact, PeerId } from '../network.ts'
import { ANNOUNCED_MS, FOUND_MAX } from './limits.ts'
import type { SeededRandom } from './seeded-random.ts'

/**
 * Who is to be found under which key. Entries outlive the nodes that made them, as in a distributed hash table.
 *
 * *Deviation*: it has no nodes of its own, so it cannot be attacked, and a partition does not divide it.
 */
export class Directory {
  readonly #entries: Map<string, Map<PeerId, { readonly contact: PeerContact; readonly untilMs: number }>> = new Map()

  announce(key: Uint8Array, contact: PeerContact, nowMs: number): void {
    const name = toHex(key)
    let entries = this.#entries.get(name)
    if (entries === undefined) {
      entries = new Map()
      this.#entries.set(name, entries)
    }
    entries.set(contact.peer, { contact, untilMs: nowMs + ANNOUNCED_MS })
  }

  find(key: Uint8Array, nowMs: number, random: SeededRandom): PeerContact[] {
    const entries = this.#entries.get(toHex(key))
    if (entries === undefined) return []
    for (const [peer, { untilMs }] of entries) if (untilMs <= nowMs) entries.delete(peer)
    return random.sample(
      [...entries.values()].map(({ contact }) => contact),
      FOUND_MAX,
    )
  }
}
