import { PEER_FAULTS_MAX, PEERS_MAX } from '../limits.ts'
import type { PeerAccount, State } from './state.ts'

/**
 * What each peer has cost lately. In windows of one Delta: bytes that it was given, and faults that it was blamed for. Who
 * has `PEER_FAULTS_MAX` faults is not listened to for the rest of the window: a signature that does not hold takes longer to
 * refuse than to make up. That is the last resort; a shell cuts such a peer off.
 */
export function accountOf({ peers, nowMs, timing }: State, from: number): PeerAccount {
  const known = peers.get(from)
  if (known !== undefined) {
    if (nowMs >= known.sinceMs + timing.deltaMs) Object.assign(known, { sinceMs: nowMs, sizeBytes: 0, faults: 0 })
    return known
  }
  // Who is forgotten is treated as if new: that is all it costs.
  if (peers.size >= PEERS_MAX) peers.delete(peers.keys().next().value as number)
  const fresh = { sinceMs: nowMs, sizeBytes: 0, faults: 0, helpedMs: -Infinity }
  peers.set(from, fresh)
  return fresh
}

/** Whether nothing of a peer is looked at for now. */
export function isMuted(state: State, from: number): boolean {
  return state.peers.has(from) && accountOf(state, from).faults >= PEER_FAULTS_MAX
}

export function blame(state: State, peer: number, reason: string): void {
  if (peer === state.self) return
  accountOf(state, peer).faults++
  state.effects.push({ type: 'misconduct', peer, reason })
}
