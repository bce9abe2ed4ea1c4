import type { Host } from '../host.ts'
import type { Oracle, WorldView } from '../oracle.ts'
import { honestHosts } from '../world.ts'

/** Blocks that every correct node must add between stabilisation and the end. */
export const LIVENESS_BLOCKS = 5

/**
 * After the network has stabilised, every node that is not Byzantine gets on: observers that may not vote, and those
 * that were down or cut off, included; on every chain of theirs.
 */
export function liveness(chains: readonly number[] = [0]): Oracle {
  let stableHeights: readonly number[] = chains.map(() => 0)
  return {
    name: 'liveness',
    stabilised(view: WorldView) {
      stableHeights = chains.map((chain) => Math.max(...honestHosts(view).map((host) => heightOf(host, chain))))
      return undefined
    },
    ended(view: WorldView) {
      for (const [i, chain] of chains.entries()) {
        const due = (stableHeights[i] ?? 0) + LIVENESS_BLOCKS
        const behind = honestHosts(view).filter((host) => heightOf(host, chain) < due)
        if (behind.length === 0) continue
        const list = honestHosts(view).map(
          (host) => `${host.name}: ${heightOf(host, chain)}${host.node ? '' : ' (down)'}`,
        )
        const calmMs = view.scenario.endMs - view.scenario.gstMs
        return `${behind.length} nodes did not get chain ${chain} to height ${due} in ${calmMs} ms of calm; heights ${list.join(', ')}`
      }
      return undefined
    },
  }
}

/** The highest block of a chain that a host has told of. */
export function heightOf(host: Host, chain = 0): number {
  return host.heights.get(chain) ?? 0
}
