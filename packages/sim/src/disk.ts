import type { Random } from './random.ts'
import type { Keep } from './scenario.ts'

/**
 * A disk with a write-ahead log, a store of final blocks and a guard file. What is written is volatile until a sync
 * completes; a crash keeps of the rest what the scenario says. Every record carries a checksum and the log a chain over
 * its records, so decay is always noticed when it is read: the model keeps a mark instead of flipping bits.
 *
 * Rules of recovery, those of a write-ahead log: what no sync has covered is cut off at the first record that is
 * missing; a durable record that cannot be read is reported as damage, and what follows it is withheld, because the
 * chain is broken. A checkpoint is one record that replaces all before it, so damage before it does not matter. Of the
 * block store, what follows a hole is given up: it can be fetched.
 */
export class SimDisk {
  #log: Entry[] = []
  readonly #blocks: Entry[] = []
  #guard: { bytes: Uint8Array | undefined; durable: Uint8Array | undefined } = { bytes: undefined, durable: undefined }
  /** Written, by the order of writing, and not covered by a sync that was reported as done. */
  #fresh: Entry[] = []
  #guardFresh = false
  #lying = false
  #misdirect: number | undefined
  #guardLost = false
  full = false

  /** True if it was taken; false if the disk is full. */
  append(record: Uint8Array): boolean {
    if (this.full) return false
    const target = this.#misdirect === undefined ? undefined : this.#log[this.#misdirect % this.#log.length]
    if (target !== undefined) {
      target.bad = true
      this.#misdirect = undefined
    }
    return this.#write(this.#log, { records: [record], checkpoint: false, durable: false, bad: target !== undefined })
  }

  /** These records replace the whole log once they are durable. */
  checkpoint(records: readonly Uint8Array[]): boolean {
    if (this.full) return false
    return this.#write(this.#log, { records, checkpoint: true, durable: false, bad: false })
  }

  /** Adds a final block to the store. */
  keepBlock(record: Uint8Array): boolean {
    if (this.full) return false
    return this.#write(this.#blocks, { records: [record], checkpoint: false, durable: false, bad: false })
  }

  /** Replaces the guard file. */
  writeGuard(bytes: Uint8Array): boolean {
    if (this.full) return false
    this.#guard.bytes = bytes
    this.#guardFresh = true
    return true
  }

  /** Something was written that no sync has covered, as far as the node can tell. */
  get volatile(): boolean {
    return this.#fresh.length > 0 || this.#guardFresh
  }

  /** What a sync that begins now covers when it completes. One sync at a time. */
  mark(): SyncMark {
    return { entries: this.#fresh.length, guard: this.#guard.bytes }
  }

  sync({ entries, guard }: SyncMark): void {
    const covered = this.#fresh.splice(0, entries)
    if (this.#guard.bytes === guard) this.#guardFresh = false
    if (this.#lying) return
    this.#guard.durable = guard
    let compact = false
    for (const entry of covered) {
      entry.durable = true
      compact ||= entry.checkpoint
    }
    if (compact) this.#log = this.#log.slice(this.#log.findLastIndex((entry) => entry.checkpoint && entry.durable))
  }

  /** The power fails: of what is not durable, `keep` survives, up to the first hole in what has an order. */
  crash(keep: Keep, random: Random): void {
    surviving(this.#log, keep, random)
    surviving(this.#blocks, keep, random)
    if (kept(keep, random)) this.#guard.durable = this.#guard.bytes
    this.#guard.bytes = this.#guard.durable
    this.#fresh = []
    this.#guardFresh = false
    this.#lying = false
  }

  recover(): Recovered {
    const from = Math.max(
      0,
      this.#log.findLastIndex(({ checkpoint, bad }) => checkpoint && !bad),
    )
    const relevant = this.#log.slice(from)
    const firstBad = relevant.findIndex(({ bad }) => bad)
    const blocks = beforeHole(this.#blocks)
    const guard = this.#guardLost ? undefined : this.#guard.bytes
    // What stands before the damage is whole, yet it is no basis to vote from.
    const readable = firstBad < 0 ? relevant : relevant.slice(0, firstBad)
    return {
      records: readable.flatMap(({ records }) => records),
      damaged: firstBad >= 0,
      blocks: blocks.flatMap(({ records }) => records),
      ...(guard && { guard }),
    }
  }

  /** What a node does with what it cannot read: it sets it aside and goes on without. */
  cutDamage(): void {
    const firstBad = this.#log.findIndex(({ bad }) => bad)
    if (firstBad >= 0) this.#log.length = firstBad
    this.#blocks.length = beforeHole(this.#blocks).length
    this.#guardLost = false
  }

  /** Whether bytes are part of something recent that would survive the power failing now. */
  holdsDurably(needle: Uint8Array): boolean {
    return contains(this.#log, needle) || contains(this.#blocks, needle)
  }

  lie(): void {
    this.#lying = true
  }

  /** Decays a durable record; `pick` chooses which. Nothing happens where there is none. */
  rot(part: 'log' | 'blocks' | 'log-and-guard', pick: number): void {
    const victims = (part === 'blocks' ? this.#blocks : this.#log).filter(({ durable }) => durable)
    const victim = victims[pick % Math.max(1, victims.length)]
    if (victim !== undefined) victim.bad = true
    if (part === 'log-and-guard') this.#guardLost = true
  }

  /** The next record goes to the place of an older one. */
  misdirect(pick: number): void {
    this.#misdirect = pick
  }

  #write(part: Entry[], entry: Entry): boolean {
    part.push(entry)
    this.#fresh.push(entry)
    return true
  }
}

export type SyncMark = { readonly entries: number; readonly guard: Uint8Array | undefined }

export type Recovered = {
  /** Records since the last checkpoint, that one's first, up to the first that cannot be read. */
  readonly records: readonly Uint8Array[]
  /** A durable record cannot be read: the node does not know what it has promised. */
  readonly damaged: boolean
  /** Final blocks without a gap, oldest first. */
  readonly blocks: readonly Uint8Array[]
  readonly guard?: Uint8Array
}

type Entry = { readonly records: readonly Uint8Array[]; readonly checkpoint: boolean; durable: boolean; bad: boolean }

/** Entries of a part that are searched for bytes, newest first: what is older is long since final everywhere. */
const SEARCHED_MAX = 256

function contains(part: readonly Entry[], needle: Uint8Array): boolean {
  for (let i = part.length - 1; i >= Math.max(0, part.length - SEARCHED_MAX); i--) {
    const { records, durable, bad } = part[i] as Entry
    if (durable && !bad && records.some((record) => includes(record, needle))) return true
  }
  return false
}

function includes(bytes: Uint8Array, needle: Uint8Array): boolean {
  const [first = 0] = needle
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (at + needle.length > bytes.length) return false
    let same = 1
    while (same < needle.length && bytes[at + same] === needle[same]) same++
    if (same === needle.length) return true
  }
  return false
}

function beforeHole(part: readonly Entry[]): readonly Entry[] {
  const hole = part.findIndex(({ bad }) => bad)
  return hole < 0 ? part : part.slice(0, hole)
}

/** Cuts a part where its first lost write was; what survives before that is durable. */
function surviving(part: Entry[], keep: Keep, random: Random): void {
  const first = part.findIndex(({ durable }) => !durable)
  if (first < 0) return
  let count = first
  if (keep === 'prefix') count += random.below(part.length - first + 1)
  else while (count < part.length && ((part[count] as Entry).durable || kept(keep, random))) count++
  part.length = count
  for (const entry of part) entry.durable = true
}

/** The fate of one write that no sync has covered. */
function kept(keep: Keep, random: Random): boolean {
  if (keep === 'all') return true
  return keep !== 'none' && random.chance(0.5)
}
