import { concatBytes, sha256, utf8 } from '@armchain/core'
import type { Verdict } from '../network.ts'
import { BRIDGED_IDS_MAX } from './limits.ts'
import { SeenIds } from './seen-ids.ts'

/**
 * What a super node carries between the topics of a vShard and those of the main shard: only what a committee has
 * certified, so that nobody can flood one vShard from another through the bridges.
 *
 * Rules:
 * 1. A head goes from its vShard to the main topic. A receipt goes from its vShard to the main topic, and from there to
 *    the vShards that it is for. Nothing else crosses.
 * 2. An object crosses if its certificate verifies, and if it came on the topic where it belongs: a head of vShard 3 on
 *    the topic of vShard 4 is the fault of whoever passed it on.
 * 3. An object crosses once in each direction, as far back as is remembered: by the hash of its bytes and of where it
 *    goes. Two super nodes that bridge the same pair do not make a loop.
 * 4. What cannot be verified yet, such as the head of an epoch whose committee is not known here, does not cross.
 */
export interface Bridge {
  decide(object: { kind: BridgedKind; bytes: Uint8Array; on: Place }, nowMs: number): BridgeDecision
}

export type BridgedKind = 'head' | 'receipt'
export type Place = { readonly layer: 'main' } | { readonly layer: 'shard'; readonly vShard: number }
export type BridgeDecision = { readonly verdict: Verdict; readonly to: readonly Place[] }

/** Verifies certificates: the chain's part of a bridge. */
export type CertificateCheck = (
  kind: BridgedKind,
  bytes: Uint8Array,
) => /** `from` certified it; `to` are the vShards that a receipt is for. */
  | { readonly code: 'certified'; readonly from: number; readonly to: readonly number[] }
  | { readonly code: 'not-yet' }
  | { readonly code: 'invalid' }

/** How long it is remembered that an object has crossed. */
const BRIDGED_FOR_MS = 10 * 60 * 1000

export function createBridge(check: CertificateCheck): Bridge {
  const crossed: SeenIds<true> = new SeenIds({ countMax: BRIDGED_IDS_MAX, forMs: BRIDGED_FOR_MS })
  return {
    decide({ kind, bytes, on }, nowMs) {
      const side = on.layer === 'main' ? 'main' : `shard ${on.vShard}`
      const id = sha256(concatBytes(utf8(`${side}\0`), bytes))
      if (crossed.get(id)) return { verdict: 'ignore', to: [] }
      const checked = check(kind, bytes)
      switch (checked.code) {
        case 'invalid':
          return { verdict: 'reject', to: [] }
        case 'not-yet':
          return { verdict: 'ignore', to: [] }
        case 'certified': {
          if (on.layer === 'shard' && on.vShard !== checked.from && !checked.to.includes(on.vShard))
            return { verdict: 'reject', to: [] }
          // Only now: what anybody can make must not push out what has crossed.
          crossed.note(id, nowMs, () => true)
          return { verdict: 'accept', to: destinations(kind, on, checked) }
        }
      }
    },
  }
}

function destinations(
  kind: BridgedKind,
  on: Place,
  { from, to }: { readonly from: number; readonly to: readonly number[] },
): Place[] {
  if (on.layer === 'shard') return on.vShard === from ? [{ layer: 'main' }] : []
  if (kind === 'head') return []
  return to.filter((vShard) => vShard !== from).map((vShard) => ({ layer: 'shard', vShard }))
}
