import type { Host } from '../host.ts'
import type { Fact } from '../node-port.ts'
import type { Oracle, WorldView } from '../oracle.ts'
import { type FaultModel, faultBudget, type Scenario, untrusted, weightOf } from '../scenario.ts'

/**
 * A block that is final anywhere can be had again after the power fails everywhere: its payload is durable on disks of
 * a quorum's weight, less what the protocol does not count on. Looked for as bytes in what the disks hold.
 */
export function durability(scenario: Scenario, model: FaultModel, hosts: () => WorldView['hosts']): Oracle {
  const doubted = untrusted(scenario)
  const seats = Array.from({ length: scenario.nodes }, (_, seat) => seat)
  const total = seats.reduce((sum, seat) => sum + weightOf(scenario, seat), 0)
  const doubtedWeight = [...doubted].reduce((sum, seat) => sum + weightOf(scenario, seat), 0)
  const quorumWeight = model === 'crash' ? Math.floor(total / 2) + 1 : total - faultBudget(total, 'byzantine')
  const needed = quorumWeight - doubtedWeight
  const seen = new Set<string>()
  return {
    name: 'durability',
    told(host: Host, fact: Fact) {
      if (fact.type !== 'finalized' || doubted.has(host.seat) || fact.mark.length === 0) return undefined
      const place = `${fact.chain}:${fact.height}`
      if (seen.has(place)) return undefined
      seen.add(place)
      let weight = 0
      for (const each of hosts())
        if (!doubted.has(each.seat) && each.disk.holdsDurably(fact.mark)) weight += weightOf(scenario, each.seat)
      if (weight >= needed) return undefined
      return `height ${fact.height} is final and its payload is durable on weight ${weight} of correct disks, not ${needed}`
    },
  }
}
