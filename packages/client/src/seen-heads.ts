import { ArmError, equalBytes, type Head, toHex } from '@armchain/core'

/** A certified head and its hash. */
export type CertifiedHead = { readonly head: Head; readonly hash: Uint8Array }

/** The highest certified head seen of each vShard: one of each, so no more than the genesis has vShards. */
export interface SeenHeads {
  /** Height below which an answer to a question that is asked now is out of date; 0 at first. */
  height(vShard: number): number
  /** Remembers a head. Throws `ARM_HEAD_CONFLICT` for another one at the height of the highest. */
  add(seen: CertifiedHead): void
}

export function createSeenHeads(): SeenHeads {
  const highest = new Map<number, CertifiedHead>()
  return {
    height: (vShard) => highest.get(vShard)?.head.height ?? 0,
    add(seen) {
      const { shard, height } = seen.head
      const known = highest.get(shard.vShard)
      if (known !== undefined && known.head.height === height && !equalBytes(known.hash, seen.hash)) {
        throw new ArmError('ARM_HEAD_CONFLICT', 'the validators have certified two heads of one height', {
          vShard: shard.vShard,
          height,
          hashes: [toHex(known.hash), toHex(seen.hash)],
          hint: 'trust neither; on a development chain that was put back, create a new light client',
        })
      }
      if (known === undefined || known.head.height < height) highest.set(shard.vShard, seen)
    },
  }
}

/** Throws `ARM_HEAD_OLD` for a head below what had been seen when it was asked for. */
export function checkNotBelow({ head }: CertifiedHead, seenHeight: number): void {
  if (head.height >= seenHeight) return
  throw new ArmError('ARM_HEAD_OLD', `the node shows height ${head.height}, and ${seenHeight} has been seen`, {
    vShard: head.shard.vShard,
    height: head.height,
    seenHeight,
    hint: 'the node is behind or withholds blocks: ask it again, or another',
  })
}

/** Throws `ARM_HEAD_STALE` for a head made more than `maxAgeMs` before `nowMs`. */
export function checkAge({ head }: CertifiedHead, nowMs: number, maxAgeMs: number): void {
  const ageMs = nowMs - head.timeMs
  if (ageMs <= maxAgeMs) return
  throw new ArmError('ARM_HEAD_STALE', `the head is ${ageMs} ms old, and ${maxAgeMs} ms are allowed`, {
    vShard: head.shard.vShard,
    height: head.height,
    ageMs,
    maxAgeMs,
    hint: 'the chain stands still, the node is behind, or a clock is wrong; maxAgeMs may be Infinity',
  })
}
