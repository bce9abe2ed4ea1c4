import type { Host } from '../host.ts'
import type { Oracle, WorldView } from '../oracle.ts'
import { honestHosts } from '../world.ts'

/** Blocks that every correct node must add between stabilisation and the end. */
export const LIVENESS_BLOCKS = 5

/**
 * After the network has stabilised, every node that is not Byzantine gets on: observers that may not vote, and those
 * that were down or cut off, included.
 */
export function liveness(): Oracle {
  let stableHeight = 0
  return {
    name: 'liveness',
    stabilised(view: WorldView) {
      stableHeight = Math.max(...honestHosts(view).map(heightOf))
      return undefined
    },
    ended(view: WorldView) {
      const behind = honestHosts(view).filter((host) => heightOf(host) < stableHeight + LIVENESS_BLOCKS)
      if (behind.length === 0) return undefined
      const list = honestHosts(view).map((host) => `${host.name}: ${heightOf(host)}${host.node ? '' : ' (down)'}`)
      const calmMs = view.scenario.endMs - view.scenario.gstMs
      return `${behind.length} nodes did not get ${LIVENESS_BLOCKS} blocks beyond ${stableHeight} in ${calmMs} ms of calm; heights ${list.join(', ')}`
    },
  }
}

/** The highest block of chain 0 that a host has told of. */
export function heightOf(host: Host): number {
  return host.heights.get(0) ?? 0
}
