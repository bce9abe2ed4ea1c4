import { compareBytes, concatBytes, equalBytes, sha256, toHex } from '@armchain/core'
import type { PeerId } from '../network.ts'
import { PEERS_PER_VALIDATOR, RECORDS_MAX } from './limits.ts'
import { type CheckedRecord, hasRole } from './node-record.ts'

export type RecordTableOptions = {
  /** 32 secret random bytes of this node: nobody else can tell which records it would rather keep. */
  readonly secret: Uint8Array
  /** Whether a validator is registered now: only its voucher counts. */
  readonly isValidator: (key: Uint8Array) => boolean
  /** `RECORDS_MAX` without it. */
  readonly countMax?: number
}

/**
 * The newest record of each node, in bounded memory.
 *
 * Rules:
 * 1. A higher sequence number replaces a lower one. Of two records with the same number and different bytes the first
 *    stays, and the second says that the node contradicts itself.
 * 2. When it is full, what has expired goes first. Then a record that a registered validator vouches for replaces one
 *    without. Among those without, the smallest `SHA-256(secret || key)` stay: a uniform sample of all that were ever
 *    offered, so whoever offers more often does not displace others (E. Bortnikov et al., "Brahms: Byzantine resilient
 *    random membership sampling", 2009). Vouched ones do not displace each other.
 * 3. Of the peers that one validator vouches for, `PEERS_PER_VALIDATOR` count as vouched: those that came first.
 */
export class RecordTable {
  readonly #records: Map<PeerId, Kept> = new Map()
  /** By validator: the peers that count as vouched for by it. */
  readonly #vouched: Map<string, Set<PeerId>> = new Map()
  readonly #options: Required<RecordTableOptions>
  /** The highest rank without a voucher when all were last looked at: nothing above it gets in meanwhile. */
  #last: { readonly rank: Uint8Array; readonly atMs: number } | undefined

  constructor({ countMax = RECORDS_MAX, ...options }: RecordTableOptions) {
    this.#options = { countMax, ...options }
  }

  get size(): number {
    return this.#records.size
  }

  /** Takes a record that `checkRecord` has found valid, or says why not. */
  offer(checked: CheckedRecord, nowMs: number): RecordOffer {
    const { record, peer, bytes } = checked
    const known = this.#records.get(peer)?.checked
    if (known !== undefined && known.record.expiryMs > nowMs) {
      if (record.sequence < known.record.sequence) return 'older'
      if (record.sequence === known.record.sequence) return equalBytes(bytes, known.bytes) ? 'known' : 'contradiction'
    }
    const { secret, countMax } = this.#options
    const rank = sha256(concatBytes(secret, record.key))
    const isVouched = this.#mayCount(checked, nowMs)
    if (known === undefined && this.#records.size >= countMax && !this.#makeRoom(isVouched, rank, nowMs)) return 'full'
    this.#forget(peer)
    this.#records.set(peer, { checked, rank })
    if (isVouched) this.#countAsVouched(checked)
    return 'taken'
  }

  get(peer: PeerId, nowMs: number): CheckedRecord | undefined {
    const kept = this.#records.get(peer)?.checked
    return kept !== undefined && kept.record.expiryMs > nowMs ? kept : undefined
  }

  /** Those that have not expired; of a vShard, if one is named. */
  *members(nowMs: number, vShard?: number): Generator<CheckedRecord> {
    for (const { checked } of this.#records.values())
      if (checked.record.expiryMs > nowMs && (vShard === undefined || checked.record.vShards.includes(vShard)))
        yield checked
  }

  /** Super nodes that a registered validator vouches for: from these the backbone is made. Ascending by name. */
  superNodes(nowMs: number): CheckedRecord[] {
    return [...this.members(nowMs)]
      .filter((checked) => hasRole(checked.record, 'super') && this.isVouched(checked, nowMs))
      .sort((a, b) => (a.peer < b.peer ? -1 : 1))
  }

  /** Whether a registered validator vouches for it now, within the number of peers that it may have. */
  isVouched(checked: CheckedRecord, nowMs: number): boolean {
    const { vouchedBy, peer } = checked
    if (vouchedBy === undefined || !this.#holds(checked, nowMs)) return false
    return this.#vouched.get(toHex(vouchedBy))?.has(peer) === true
  }

  #holds({ vouchedBy, record }: CheckedRecord, nowMs: number): boolean {
    return vouchedBy !== undefined && (record.voucher?.untilMs ?? 0) > nowMs && this.#options.isValidator(vouchedBy)
  }

  #mayCount(checked: CheckedRecord, nowMs: number): boolean {
    const { vouchedBy, peer } = checked
    if (vouchedBy === undefined || !this.#holds(checked, nowMs)) return false
    const peers = this.#vouched.get(toHex(vouchedBy))
    return peers === undefined || peers.has(peer) || peers.size < PEERS_PER_VALIDATOR
  }

  #countAsVouched({ vouchedBy, peer }: CheckedRecord): void {
    const validator = toHex(vouchedBy as Uint8Array)
    this.#vouched.set(validator, (this.#vouched.get(validator) ?? new Set()).add(peer))
  }

  #forget(peer: PeerId): void {
    const vouchedBy = this.#records.get(peer)?.checked.vouchedBy
    this.#records.delete(peer)
    if (vouchedBy === undefined) return
    const peers = this.#vouched.get(toHex(vouchedBy))
    peers?.delete(peer)
    if (peers?.size === 0) this.#vouched.delete(toHex(vouchedBy))
  }

  /** Forgets one record for another. False if all that are kept are worth more. */
  #makeRoom(isVouched: boolean, rank: Uint8Array, nowMs: number): boolean {
    // Most of what is offered to a full table is worth less than all in it: that is seen without a look at each.
    const isRecent = this.#last !== undefined && nowMs - this.#last.atMs < LAST_MS
    if (isRecent && !isVouched && compareBytes(rank, this.#last?.rank as Uint8Array) > 0) return false
    let last: { readonly peer: PeerId; readonly rank: Uint8Array } | undefined
    for (const [peer, kept] of this.#records) {
      if (kept.checked.record.expiryMs <= nowMs) {
        this.#forget(peer)
        return true
      }
      if (this.isVouched(kept.checked, nowMs)) continue
      if (last === undefined || compareBytes(kept.rank, last.rank) > 0) last = { peer, rank: kept.rank }
    }
    this.#last = last && { rank: last.rank, atMs: nowMs }
    if (last === undefined || (!isVouched && compareBytes(rank, last.rank) > 0)) return false
    this.#forget(last.peer)
    // The last is another one now: a higher bound than needed until the next look.
    return true
  }
}

export type RecordOffer = 'taken' | 'known' | 'older' | 'contradiction' | 'full'

/** How long the highest rank is believed; what has expired makes room that much later. */
const LAST_MS = 1000

type Kept = { readonly checked: CheckedRecord; readonly rank: Uint8Array }
