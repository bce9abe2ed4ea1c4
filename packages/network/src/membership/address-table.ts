import { concatBytes, sha256, utf8 } from '@armchain/core'
import type { PeerId } from '../network.ts'
import type { Draw } from './draw.ts'

/** A peer as the book knows it. */
export type BookEntry = {
  readonly peer: PeerId
  readonly address: string
  /** Of the address: see `addressGroup`. */
  readonly group: string
  /** Group of the address of who told of it first. */
  readonly source: string
  readonly heardMs: number
  /** Last time that it was connected to; 0 for never. */
  readonly connectedMs: number
  /** Dials that failed since then. */
  readonly failures: number
  readonly retryMs: number
}

/**
 * Addresses in buckets that a secret chooses, so that an attacker can neither tell where its addresses go nor fill more
 * than the buckets that its groups reach (E. Heilman et al., "Eclipse attacks on Bitcoin's peer-to-peer network", 2015).
 * An address has one place in one bucket; what stands there already stays unless the caller says otherwise.
 */
export class AddressTable {
  readonly #secret: Uint8Array
  readonly #name: string
  readonly #buckets: number
  readonly #places: number
  /** By bucket, by place. */
  readonly #entries: Map<number, Map<number, BookEntry>> = new Map()
  readonly #placeOf: Map<PeerId, Place> = new Map()

  constructor(options: {
    readonly secret: Uint8Array
    readonly name: string
    readonly buckets: number
    readonly places: number
  }) {
    this.#secret = options.secret
    this.#name = options.name
    this.#buckets = options.buckets
    this.#places = options.places
  }

  get size(): number {
    return this.#placeOf.size
  }

  get(peer: PeerId): BookEntry | undefined {
    const place = this.#placeOf.get(peer)
    return place && this.at(place)
  }

  at({ bucket, slot }: Place): BookEntry | undefined {
    return this.#entries.get(bucket)?.get(slot)
  }

  /** Where an address goes: `spread` says which of `width` buckets of `owner`. */
  placeFor(peer: PeerId, owner: string, spread: string, width: number): Place {
    const share = this.#hash(`share\0${owner}\0${spread}`) % width
    const bucket = this.#hash(`bucket\0${owner}\0${share}`) % this.#buckets
    return { bucket, slot: this.#hash(`slot\0${bucket}\0${peer}`) % this.#places }
  }

  /** Puts it there instead of what was there. */
  put(place: Place, entry: BookEntry): void {
    const before = this.at(place)
    if (before !== undefined) this.remove(before.peer)
    this.remove(entry.peer)
    let bucket = this.#entries.get(place.bucket)
    if (bucket === undefined) {
      bucket = new Map()
      this.#entries.set(place.bucket, bucket)
    }
    bucket.set(place.slot, entry)
    this.#placeOf.set(entry.peer, place)
  }

  /** Changes what is known of a peer, where it stands. */
  change(peer: PeerId, change: Partial<Omit<BookEntry, 'peer'>>): void {
    const place = this.#placeOf.get(peer)
    if (place === undefined) return
    const entry = this.at(place) as BookEntry
    this.#entries.get(place.bucket)?.set(place.slot, { ...entry, ...change })
  }

  remove(peer: PeerId): void {
    const place = this.#placeOf.get(peer)
    if (place === undefined) return
    this.#placeOf.delete(peer)
    const bucket = this.#entries.get(place.bucket)
    bucket?.delete(place.slot)
    if (bucket?.size === 0) this.#entries.delete(place.bucket)
  }

  /**
   * One entry that fits: of a bucket drawn among those that hold any, so that a bucket full of one owner's addresses
   * counts no more than another with a single one. Undefined if `tries` draws found none.
   */
  draw(draw: Draw, fits: (entry: BookEntry) => boolean, tries: number): BookEntry | undefined {
    const buckets = [...this.#entries.values()]
    for (let i = 0; i < tries && buckets.length > 0; i++) {
      const entries = [...(buckets[draw(buckets.length)] as Map<number, BookEntry>).values()]
      const entry = entries[draw(entries.length)] as BookEntry
      if (fits(entry)) return entry
    }
    return undefined
  }

  *entries(): Generator<BookEntry> {
    for (const bucket of this.#entries.values()) yield* bucket.values()
  }

  #hash(what: string): number {
    const digest = sha256(concatBytes(this.#secret, utf8(`${this.#name}\0${what}`)))
    return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
  }
}

export type Place = { readonly bucket: number; readonly slot: number }
