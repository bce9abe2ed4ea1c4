import type { Host } from '../host.ts'
import type { Fact } from '../node-port.ts'
import type { Oracle } from '../oracle.ts'
import { byzantineSeats, type Scenario } from '../scenario.ts'

/**
 * One block at a height, on the block below, and none that the application's rules refuse. Holds for every host that is
 * not Byzantine, one that has lost its disk included: what it calls final it has a certificate for.
 */
export function agreement(scenario: Scenario): Oracle {
  const byzantine = byzantineSeats(scenario)
  const chains = new Map<string, string>()
  const heights = new Map<string, number>()
  return {
    name: 'agreement',
    told(host: Host, fact: Fact) {
      if (byzantine.has(host.seat)) return undefined
      if (fact.type === 'halted') return `it has seen the fault budget exceeded: ${fact.reason}`
      if (fact.type !== 'finalized') return undefined
      const { chain, height, hash, parent, invalid } = fact
      if (invalid !== undefined) return `chain ${chain} height ${height}: a final block is invalid: ${invalid}`
      const place = `${chain}:${height}`
      const other = chains.get(place)
      if (other !== undefined && other !== hash)
        return `chain ${chain} height ${height}: ${hash.slice(0, 8)} and ${other.slice(0, 8)} are both final`
      const below = chains.get(`${chain}:${height - 1}`)
      if (below !== undefined && below !== parent)
        return `chain ${chain} height ${height} does not stand on the final block of height ${height - 1}`
      chains.set(place, hash)
      const line = `${host.index}:${chain}`
      const last = heights.get(line)
      if (last !== undefined && height > last + 1) return `chain ${chain}: height ${height} follows ${last}`
      heights.set(line, height)
      return undefined
    },
    // It begins anew with what its disk holds.
    restarted(host: Host) {
      for (const line of heights.keys()) if (line.startsWith(`${host.index}:`)) heights.delete(line)
      return undefined
    },
  }
}
