import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PeerId } from '../network.ts'
import { KNOWN_ADDRESSES_MAX, KNOWN_PEERS_MAX, REDIAL_FIRST_MS, REDIAL_LAST_MS } from './limits.ts'

export type KnownPeer = {
  readonly peer: PeerId
  addresses: readonly string[]
  /** When it was connected last, in milliseconds since the epoch. */
  seenMs: number
}

type Entry = KnownPeer & {
  /** By configuration or by the application: kept connected whatever the target is, and never forgotten. */
  isWanted: boolean
  failures: number
  /** By a clock that never goes back. */
  notBeforeMs: number
}

const FILE = 'peers.json'

/** Peers that this node has been connected to, or is to be: where they are, and when they are tried again. */
export class KnownPeers {
  readonly #entries: Map<PeerId, Entry> = new Map()
  readonly #random: () => number

  /** `random` gives numbers in [0, 1): half of each pause is left to chance, so that those who lost one peer do not all come back at once. */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  get size(): number {
    return this.#entries.size
  }

  /** A peer is to be connected to, or has been. */
  learn(peer: PeerId, addresses: readonly string[], how: 'wanted' | 'seen', seenMs: number): void {
    const known = this.#entries.get(peer)
    const entry = known ?? { peer, addresses: [], seenMs, isWanted: false, failures: 0, notBeforeMs: 0 }
    entry.addresses = [...new Set([...addresses, ...entry.addresses])].slice(0, KNOWN_ADDRESSES_MAX)
    entry.seenMs = Math.max(seenMs, entry.seenMs)
    if (how === 'wanted') entry.isWanted = true
    this.#entries.delete(peer)
    this.#entries.set(peer, entry)
    for (const each of this.#entries.values()) {
      if (this.#entries.size <= KNOWN_PEERS_MAX) break
      if (!each.isWanted) this.#entries.delete(each.peer)
    }
  }

  addressesOf(peer: PeerId): readonly string[] {
    return this.#entries.get(peer)?.addresses ?? []
  }

  /** The application does not want the connection any more. */
  release(peer: PeerId): void {
    const entry = this.#entries.get(peer)
    if (entry !== undefined) entry.isWanted = false
  }

  forget(peer: PeerId): void {
    this.#entries.delete(peer)
  }

  /** A dial has failed, or a connection has ended: the next pause is longer, or the first again. */
  failed(peer: PeerId, nowMs: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    const pauseMs = Math.min(REDIAL_LAST_MS, REDIAL_FIRST_MS * 2 ** entry.failures)
    entry.failures++
    entry.notBeforeMs = nowMs + pauseMs * (0.5 + this.#random() / 2)
  }

  connected(peer: PeerId): void {
    const entry = this.#entries.get(peer)
    if (entry !== undefined) entry.failures = 0
  }

  /** Peers to dial now: all that are wanted, and `more` others, the ones seen last first. */
  due(nowMs: number, more: number, isConnected: (peer: PeerId) => boolean): KnownPeer[] {
    const candidates = [...this.#entries.values()].filter(
      ({ peer, addresses, notBeforeMs }) => notBeforeMs <= nowMs && addresses.length > 0 && !isConnected(peer),
    )
    const others = candidates.filter(({ isWanted }) => !isWanted).sort((a, b) => b.seenMs - a.seenMs)
    return [...candidates.filter(({ isWanted }) => isWanted), ...others.slice(0, Math.max(0, more))]
  }

  /** What cannot be read is as if it were not there: peers are found again. */
  load(dataDir: string): void {
    try {
      const read: unknown = JSON.parse(readFileSync(join(dataDir, FILE), 'utf8'))
      for (const each of Array.isArray(read) ? read.slice(0, KNOWN_PEERS_MAX) : []) {
        if (isKnownPeer(each)) this.learn(each.peer, each.addresses.slice(0, KNOWN_ADDRESSES_MAX), 'seen', each.seenMs)
      }
    } catch {}
  }

  /** Whole or not at all. */
  save(dataDir: string): void {
    const list = [...this.#entries.values()].map(({ peer, addresses, seenMs }) => ({ peer, addresses, seenMs }))
    mkdirSync(dataDir, { recursive: true })
    writeFileSync(join(dataDir, `${FILE}.new`), `${JSON.stringify(list)}\n`)
    renameSync(join(dataDir, `${FILE}.new`), join(dataDir, FILE))
  }
}

function isKnownPeer(value: unknown): value is KnownPeer {
  if (typeof value !== 'object' || value === null) return false
  const { peer, addresses, seenMs } = value as Partial<KnownPeer>
  return (
    typeof peer === 'string' &&
    Number.isFinite(seenMs) &&
    Array.isArray(addresses) &&
    addresses.every((address) => typeof address === 'string')
  )
}
