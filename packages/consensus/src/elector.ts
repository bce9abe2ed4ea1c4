import { invariant, sha256 } from '@armchain/core'
import type { Committee } from './committee.ts'

/** Who leads a view. Every validator must come to the same answer from what is public. */
export interface Elector {
  /** A seat index. */
  leader(view: number): number
}

/**
 * Leaders drawn by weight: the seat that holds the unit of weight at `SHA-256(seed || view)`, its first 16 bytes, modulo
 * the total. With 128 bits the modulo prefers no seat by more than 2^-75.
 */
export function weightedElector(committee: Committee, seed: Uint8Array): Elector {
  invariant(seed.length === 32, 'the seed of an epoch has 32 bytes')
  const { seats, totalWeight } = committee
  const input = new Uint8Array(40)
  input.set(seed)
  const view64 = new DataView(input.buffer, 32)
  // The view at hand is asked for many times, and the one after it.
  const recent = [
    { view: -1, leader: 0 },
    { view: -1, leader: 0 },
  ]
  function draw(view: number): number {
    view64.setBigUint64(0, BigInt(view))
    const hash = sha256(input)
    const bits = new DataView(hash.buffer, hash.byteOffset)
    let at = Number(((bits.getBigUint64(0) << 64n) | bits.getBigUint64(8)) % BigInt(totalWeight))
    for (let index = 0; index < seats.length; index++) {
      at -= (seats[index] as { weight: number }).weight
      if (at < 0) return index
    }
    throw new Error('invariant broken: a draw beyond the total weight')
  }
  return {
    leader(view) {
      const slot = recent[view & 1] as { view: number; leader: number }
      if (slot.view !== view) {
        slot.leader = draw(view)
        slot.view = view
      }
      return slot.leader
    },
  }
}

/** Seats in turn, whatever their weight. */
export function roundRobinElector({ seats }: Committee): Elector {
  return { leader: (view) => view % seats.length }
}
