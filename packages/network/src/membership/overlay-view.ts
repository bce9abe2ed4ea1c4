import type { PeerId } from '../network.ts'
import { backboneOf } from '../overlay/backbone.ts'
import type { OverlayView } from '../overlay/router.ts'
import type { RecordTable } from './record-table.ts'

export type OverlayViewOptions = {
  readonly records: RecordTable
  readonly nowMs: number
  /** 32 bytes: the beacon of the epoch. */
  readonly seed: Uint8Array
  /** See `BackboneOptions`. */
  readonly connectivity: number
  /** Super nodes that this node knows to be out of reach: it has dialled them, and they did not answer. */
  readonly gone: ReadonlySet<PeerId>
  /** The super nodes that it keeps, best first: see `chooseHome`. */
  readonly home: readonly PeerId[]
}

/**
 * What a router goes by, from the records that are valid now: the backbone of the super nodes that registered validators
 * vouch for, and the vShards that each says it serves. Nodes with the same records have the same backbone; those whose
 * records differ a little have one that differs a little.
 */
export function overlayViewOf({ records, nowMs, seed, connectivity, gone, home }: OverlayViewOptions): OverlayView {
  const superNodes = records.superNodes(nowMs)
  const peers = superNodes.map(({ peer }) => peer)
  return {
    backbone: backboneOf({ peers, seed, connectivity }),
    serves: new Map(superNodes.map(({ peer, record }) => [peer, new Set(record.vShards)])),
    gone,
    home,
  }
}
