import type { Rng } from '@armchain/core'
import type { PeerId } from '../network.ts'
import { AddressTable, type BookEntry } from './address-table.ts'
import { type Draw, drawsOf } from './draw.ts'
import {
  ANCHORS_MAX,
  CONTESTS_MAX,
  DIALS_MAX,
  DRAWS_MAX,
  FAILURES_MAX,
  FEELER_INTERVAL_MS,
  HEARD_MS_MAX,
  NEW_BUCKET_PLACES,
  NEW_BUCKETS,
  NEW_BUCKETS_PER_SOURCE,
  OUTBOUND_EXTRA,
  OUTBOUND_PEERS,
  OUTBOUND_PER_GROUP,
  OUTBOUND_VOUCHED,
  REDIAL_MS,
  REDIAL_MS_MAX,
  ROTATION_MS,
  TRIED_BUCKET_PLACES,
  TRIED_BUCKETS,
  TRIED_BUCKETS_PER_GROUP,
  VOUCHED_MAX,
} from './limits.ts'

/**
 * Which peers a node connects to by its own choice, so that nobody else can choose all of them (requirement B11,
 * Eclipse). Pure: told what happened, asked what to dial; chance comes in through a port.
 *
 * Rules, after E. Heilman et al., "Eclipse attacks on Bitcoin's peer-to-peer network" (2015), and what Bitcoin Core made
 * of it:
 * 1. Addresses that were only heard of and those that were connected to are kept apart, in buckets keyed by a secret. A
 *    source reaches `NEW_BUCKETS_PER_SOURCE` buckets of the first, a group `TRIED_BUCKETS_PER_GROUP` of the second.
 * 2. An address that was connected to is not displaced before it was dialled again and did not answer.
 * 3. Of `OUTBOUND_PEERS`, up to `OUTBOUND_VOUCHED` are drawn from the peers that validators vouch for, the others from
 *    both tables in turns, `OUTBOUND_PER_GROUP` of a group at most. Inbound connections count for nothing here.
 * 4. The longest connected are anchors: after a restart they are dialled first.
 * 5. Every `FEELER_INTERVAL_MS` an address that was only heard of is dialled to see if it is alive.
 * 6. While no news come (`stale`), `OUTBOUND_EXTRA` more are drawn, and the drawn ones make way for others after
 *    `ROTATION_MS`: an attacker has to hold every address to hold a node.
 */
export class PeerBook {
  readonly #self: PeerId
  readonly #groupOf: (address: string) => string
  readonly #draw: Draw
  readonly #heard: AddressTable
  readonly #tried: AddressTable
  readonly #vouched: Map<PeerId, BookEntry> = new Map()
  #anchors: readonly BookContact[]
  /** By the peer whose place another wants: that other. */
  readonly #contests: Map<PeerId, BookContact> = new Map()
  #feelerMs = 0

  constructor({ self, secret, random, groupOf, saved }: PeerBookOptions) {
    this.#self = self
    this.#groupOf = groupOf
    this.#draw = drawsOf(random)
    this.#heard = new AddressTable({ secret, name: 'heard', buckets: NEW_BUCKETS, places: NEW_BUCKET_PLACES })
    this.#tried = new AddressTable({ secret, name: 'tried', buckets: TRIED_BUCKETS, places: TRIED_BUCKET_PLACES })
    this.#anchors = saved?.anchors.slice(0, ANCHORS_MAX) ?? []
    for (const entry of saved?.tried ?? []) this.#tried.put(this.#triedPlace(entry), entry)
    for (const entry of saved?.heard ?? []) this.#heard.put(this.#heardPlace(entry), entry)
  }

  /** Addresses in the book: heard of, and connected to. */
  get sizes(): { readonly heard: number; readonly tried: number } {
    return { heard: this.#heard.size, tried: this.#tried.size }
  }

  /** An address that somebody named. Of what is known already only the time changes. */
  hear({ peer, address }: BookContact, source: string, nowMs: number): void {
    if (peer === this.#self) return
    if (this.#tried.get(peer) !== undefined) return this.#tried.change(peer, { heardMs: nowMs })
    if (this.#heard.get(peer) !== undefined) return this.#heard.change(peer, { heardMs: nowMs })
    const entry = this.#entry({ peer, address }, source, nowMs)
    const place = this.#heardPlace(entry)
    const before = this.#heard.at(place)
    if (before === undefined || isWorthless(before, nowMs)) this.#heard.put(place, entry)
  }

  /** All peers that validators vouch for now, instead of those before. */
  vouch(contacts: Iterable<BookContact>, nowMs: number): void {
    const before = new Map(this.#vouched)
    this.#vouched.clear()
    for (const { peer, address } of contacts) {
      if (peer === this.#self || this.#vouched.size >= VOUCHED_MAX) continue
      const known = before.get(peer)
      const entry = known?.address === address ? known : this.#entry({ peer, address }, 'vouched', nowMs)
      this.#vouched.set(peer, entry)
    }
  }

  /** A connection that this node made, at the address that it was made to. */
  connected({ peer, address }: BookContact, nowMs: number): void {
    const change = { connectedMs: nowMs, failures: 0, retryMs: 0 }
    const vouched = this.#vouched.get(peer)
    if (vouched !== undefined) this.#vouched.set(peer, { ...vouched, ...change })
    this.#contests.delete(peer)
    const known = this.#tried.get(peer)
    if (known?.address === address) return this.#tried.change(peer, change)
    const source = known?.source ?? this.#heard.get(peer)?.source ?? this.#groupOf(address)
    const entry = { ...this.#entry({ peer, address }, source, nowMs), ...change }
    const place = this.#triedPlace(entry)
    const before = this.#tried.at(place)
    if (before !== undefined && before.peer !== peer) return this.#contest(before.peer, entry)
    this.#heard.remove(peer)
    this.#tried.put(place, entry)
  }

  /** A dial that failed: the peer did not answer, or is another than the address says. */
  failed(peer: PeerId, nowMs: number): void {
    const after = ({ failures }: BookEntry): Pick<BookEntry, 'failures' | 'retryMs'> => {
      const waitMs = Math.min(REDIAL_MS_MAX, REDIAL_MS * 2 ** Math.min(failures, 30))
      // Nobody can tell when a node dials again, and nodes do not all dial at once.
      return { failures: failures + 1, retryMs: nowMs + waitMs / 2 + this.#draw(waitMs) }
    }
    for (const table of [this.#heard, this.#tried]) {
      const entry = table.get(peer)
      if (entry !== undefined) table.change(peer, after(entry))
    }
    const vouched = this.#vouched.get(peer)
    if (vouched !== undefined) this.#vouched.set(peer, { ...vouched, ...after(vouched) })
    this.#anchors = this.#anchors.filter((anchor) => anchor.peer !== peer)
    const challenger = this.#contests.get(peer)
    if (challenger === undefined) return
    this.#contests.delete(peer)
    this.#tried.remove(peer)
    this.connected(challenger, nowMs)
  }

  /** What to dial now, and what to let go. Asked again whenever something has changed, and once a second. */
  plan(view: BookView): DialPlan {
    const dials: Dial[] = []
    const busy = new Set([...view.outbound, ...view.dialing].map(({ peer }) => peer))
    const room = (): boolean => view.dialing.length + dials.length < DIALS_MAX
    const dial = ({ peer, address }: BookContact, why: Dial['why']): void => {
      busy.add(peer)
      dials.push({ peer, address, why })
    }
    for (const anchor of this.#anchors) if (!busy.has(anchor.peer) && room()) dial(anchor, 'anchor')
    const kept = new Set(this.#anchors.map(({ peer }) => peer))
    this.#dialVouched(view, busy, room, dial)
    this.#dialDrawn(view, busy, room, dial)
    const feeler = room() ? this.#feeler(view.nowMs, busy) : undefined
    if (feeler !== undefined) dial(feeler, 'feeler')
    return { dials, hangUp: view.news === 'stale' ? this.#rotated(view, kept) : [] }
  }

  /** What outlives a restart, as plain data; the outbound peers of now, longest connected first, become anchors. */
  save(outbound: readonly OutboundPeer[]): SavedBook {
    const anchors = [...outbound].sort((a, b) => a.sinceMs - b.sinceMs).slice(0, ANCHORS_MAX)
    return {
      anchors: anchors.map(({ peer, address }) => ({ peer, address })),
      tried: [...this.#tried.entries()],
      heard: [...this.#heard.entries()],
    }
  }

  #dialVouched({ nowMs, outbound }: BookView, busy: ReadonlySet<PeerId>, room: Room, dial: DialIt): void {
    const connected = [...busy].filter((peer) => this.#vouched.has(peer)).length
    const open = [...this.#vouched.values()].filter((entry) => !busy.has(entry.peer) && entry.retryMs <= nowMs)
    let wanted = Math.min(OUTBOUND_VOUCHED - connected, OUTBOUND_PEERS - outbound.length)
    for (; wanted > 0 && open.length > 0 && room(); wanted--) {
      const [entry] = open.splice(this.#draw(open.length), 1)
      dial(entry as BookEntry, 'vouched')
    }
  }

  #dialDrawn({ nowMs, outbound, dialing, inbound, news }: BookView, busy: Set<PeerId>, room: Room, dial: DialIt): void {
    const there = new Set(inbound)
    const groups = new Map<string, number>()
    const count = (group: string): void => void groups.set(group, (groups.get(group) ?? 0) + 1)
    for (const { peer, address } of [...outbound, ...dialing])
      if (!this.#vouched.has(peer)) count(this.#groupOf(address))
    const fits = ({ peer, group, retryMs }: BookEntry): boolean =>
      !busy.has(peer) &&
      !there.has(peer) &&
      !this.#vouched.has(peer) &&
      retryMs <= nowMs &&
      (groups.get(group) ?? 0) < OUTBOUND_PER_GROUP
    let wanted = OUTBOUND_PEERS - busy.size + (news === 'stale' ? OUTBOUND_EXTRA : 0)
    for (; wanted > 0 && room(); wanted--) {
      const tables = this.#draw(2) === 0 ? [this.#heard, this.#tried] : [this.#tried, this.#heard]
      const entry = tables[0]?.draw(this.#draw, fits, DRAWS_MAX) ?? tables[1]?.draw(this.#draw, fits, DRAWS_MAX)
      if (entry === undefined) return
      count(entry.group)
      dial(entry, 'drawn')
    }
  }

  #feeler(nowMs: number, busy: ReadonlySet<PeerId>): BookContact | undefined {
    if (nowMs - this.#feelerMs < FEELER_INTERVAL_MS) return undefined
    this.#feelerMs = nowMs
    for (const peer of this.#contests.keys()) {
      const entry = this.#tried.get(peer)
      if (entry !== undefined && !busy.has(peer)) return entry
    }
    return this.#heard.draw(this.#draw, ({ peer, retryMs }) => !busy.has(peer) && retryMs <= nowMs, DRAWS_MAX)
  }

  /** Of the drawn ones that brought no news for long enough, the longest connected; one at a time. */
  #rotated({ nowMs, outbound }: BookView, kept: ReadonlySet<PeerId>): PeerId[] {
    const drawn = outbound
      .filter(({ peer, sinceMs }) => !this.#vouched.has(peer) && !kept.has(peer) && nowMs - sinceMs >= ROTATION_MS)
      .sort((a, b) => a.sinceMs - b.sinceMs)
    return drawn.slice(0, 1).map(({ peer }) => {
      // Not to be drawn again at once.
      for (const table of [this.#heard, this.#tried]) table.change(peer, { retryMs: nowMs + 10 * ROTATION_MS })
      return peer
    })
  }

  /** The one in the place is asked first; its address was good once. */
  #contest(incumbent: PeerId, challenger: BookContact): void {
    if (this.#contests.size < CONTESTS_MAX && !this.#contests.has(incumbent))
      this.#contests.set(incumbent, { peer: challenger.peer, address: challenger.address })
  }

  #entry({ peer, address }: BookContact, source: string, nowMs: number): BookEntry {
    const group = this.#groupOf(address)
    return { peer, address, group, source, heardMs: nowMs, connectedMs: 0, failures: 0, retryMs: 0 }
  }

  #heardPlace({ peer, group, source }: BookEntry): ReturnType<AddressTable['placeFor']> {
    return this.#heard.placeFor(peer, source, group, NEW_BUCKETS_PER_SOURCE)
  }

  #triedPlace({ peer, group }: BookEntry): ReturnType<AddressTable['placeFor']> {
    return this.#tried.placeFor(peer, group, peer, TRIED_BUCKETS_PER_GROUP)
  }
}

export type PeerBookOptions = {
  readonly self: PeerId
  /** 32 secret bytes, kept over restarts. */
  readonly secret: Uint8Array
  readonly random: Rng
  /** `addressGroup`, or another on networks whose addresses say nothing, such as a testnet on one machine. */
  readonly groupOf: (address: string) => string
  readonly saved?: SavedBook
}

export type BookContact = { readonly peer: PeerId; readonly address: string }
export type OutboundPeer = BookContact & { readonly sinceMs: number }

export type BookView = {
  readonly nowMs: number
  /** Connections that this node made, feelers apart. */
  readonly outbound: readonly OutboundPeer[]
  readonly dialing: readonly BookContact[]
  /** Connected by their own choice: they count for nothing, and there is nothing to dial. */
  readonly inbound: readonly PeerId[]
  /** `stale`: the newest head is older than it should be. */
  readonly news: 'fresh' | 'stale'
}

/** A feeler is hung up once it is connected. */
export type Dial = BookContact & { readonly why: 'anchor' | 'vouched' | 'drawn' | 'feeler' }
export type DialPlan = { readonly dials: readonly Dial[]; readonly hangUp: readonly PeerId[] }

export type SavedBook = {
  readonly anchors: readonly BookContact[]
  readonly tried: readonly BookEntry[]
  readonly heard: readonly BookEntry[]
}

type Room = () => boolean
type DialIt = (contact: BookContact, why: Dial['why']) => void

/** Whether an address that was only heard of may make way for another. */
function isWorthless({ failures, heardMs }: BookEntry, nowMs: number): boolean {
  return failures >= FAILURES_MAX || nowMs - heardMs > HEARD_MS_MAX
}
