import { GUARDED_PEERS_MAX } from './limits.ts'

/**
 * Whom a shell does not listen to any more. An engine refuses what is wrong, yet looking at it costs; so a peer that sends
 * what no correct one sends, or more than any correct one has to say, is cut off before its messages are looked at.
 *
 * Rules: messages and bytes are paid for from an account each, which fills up at a steady rate to a limit; who overdraws
 * one is cut off. So is who is blamed for `faultsMax` faults within `faultWindowMs`: see the engine's `misconduct`. After
 * `cutOffMs` a peer is heard again, as if it were new. Peers are told apart by what their links authenticate.
 */
export type PeerLimits = {
  readonly messagesPerSecond: number
  /** Messages that may come at once, as after a break of the link. */
  readonly messagesBurst: number
  readonly bytesPerSecond: number
  readonly bytesBurst: number
  readonly faultsMax: number
  readonly faultWindowMs: number
  readonly cutOffMs: number
}

/**
 * A validator sends some ten messages in a view, and views take tens of milliseconds at the least; a block of
 * `PAYLOAD_BYTES_MAX` fits the burst. Faults are fewer than the engine bears in one Delta before it mutes a peer by itself,
 * and more than a version that is a little off would make by accident.
 */
export const DEFAULT_PEER_LIMITS: PeerLimits = {
  messagesPerSecond: 1_000,
  messagesBurst: 4_000,
  bytesPerSecond: 32 * 1024 * 1024,
  bytesBurst: 128 * 1024 * 1024,
  faultsMax: 32,
  faultWindowMs: 10_000,
  cutOffMs: 60_000,
}

export class PeerGuard {
  readonly #limits: PeerLimits
  readonly #accounts: Map<number, Account> = new Map()

  constructor(limits: PeerLimits = DEFAULT_PEER_LIMITS) {
    this.#limits = limits
  }

  /** Pays for a message that has come, before anything else is done with it: whether it is to be looked at. */
  admit(nowMs: number, peer: number, sizeBytes: number): 'heard' | 'ignored' | 'cut-off-now' {
    const account = this.#accountOf(nowMs, peer)
    if (nowMs < account.cutUntilMs) return 'ignored'
    const { messagesPerSecond, messagesBurst, bytesPerSecond, bytesBurst } = this.#limits
    // Clocks may be put back: nothing is earned then.
    const seconds = Math.max(0, nowMs - account.filledMs) / 1_000
    account.filledMs = nowMs
    account.messages = Math.min(messagesBurst, account.messages + seconds * messagesPerSecond) - 1
    account.bytes = Math.min(bytesBurst, account.bytes + seconds * bytesPerSecond) - sizeBytes
    if (account.messages >= 0 && account.bytes >= 0) return 'heard'
    this.#cutOff(nowMs, account)
    return 'cut-off-now'
  }

  /** Counts a fault of a peer; true if it is cut off for it now. */
  blame(nowMs: number, peer: number): boolean {
    const account = this.#accountOf(nowMs, peer)
    if (nowMs < account.cutUntilMs) return false
    if (nowMs >= account.faultsSinceMs + this.#limits.faultWindowMs) {
      account.faultsSinceMs = nowMs
      account.faults = 0
    }
    account.faults++
    if (account.faults < this.#limits.faultsMax) return false
    this.#cutOff(nowMs, account)
    return true
  }

  isCutOff(nowMs: number, peer: number): boolean {
    return nowMs < (this.#accounts.get(peer)?.cutUntilMs ?? -Infinity)
  }

  #cutOff(nowMs: number, account: Account): void {
    Object.assign(account, this.#fresh(nowMs), { cutUntilMs: nowMs + this.#limits.cutOffMs })
  }

  #accountOf(nowMs: number, peer: number): Account {
    const known = this.#accounts.get(peer)
    if (known !== undefined) return known
    if (this.#accounts.size >= GUARDED_PEERS_MAX) this.#forgetOne(nowMs)
    const account = this.#fresh(nowMs)
    this.#accounts.set(peer, account)
    return account
  }

  /** The one that is known for longest and not cut off, or simply the first. */
  #forgetOne(nowMs: number): void {
    let first: number | undefined
    for (const [peer, { cutUntilMs }] of this.#accounts) {
      first ??= peer
      if (nowMs < cutUntilMs) continue
      this.#accounts.delete(peer)
      return
    }
    if (first !== undefined) this.#accounts.delete(first)
  }

  #fresh(nowMs: number): Account {
    const { messagesBurst: messages, bytesBurst: bytes } = this.#limits
    return { filledMs: nowMs, messages, bytes, faultsSinceMs: nowMs, faults: 0, cutUntilMs: -Infinity }
  }
}

type Account = {
  filledMs: number
  messages: number
  bytes: number
  faultsSinceMs: number
  faults: number
  cutUntilMs: number
}
