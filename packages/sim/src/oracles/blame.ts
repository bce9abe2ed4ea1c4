import type { Host } from '../host.ts'
import type { Fact } from '../node-port.ts'
import type { Oracle, WorldView } from '../oracle.ts'
import { type AttackName, type Scenario, unboundSeats } from '../scenario.ts'
import { honestHosts } from '../world.ts'

/** Attacks that end with the attacker being cut off, where shells limit peers. */
const CUT_OFF_FOR: ReadonlySet<AttackName> = new Set(['flood', 'oversized-messages'])

/**
 * Nobody blames a correct seat for what no correct one sends, or stops listening to it; and who floods the others is not
 * listened to for long, where shells have limits for their peers.
 */
export function blame(scenario: Scenario): Oracle {
  const unbound = unboundSeats(scenario)
  /** Who has stopped listening to whom: host and seat. */
  const cut = new Set<string>()

  function borne(view: WorldView, node: number): string | undefined {
    const listening = honestHosts(view).filter((host) => !cut.has(`${host.index} ${node}`))
    return listening.length === 0
      ? undefined
      : `seat ${node} floods, and ${listening.length} hosts listen to it to the end`
  }

  return {
    name: 'blame',
    told(host: Host, fact: Fact) {
      if ((fact.type !== 'misconduct' && fact.type !== 'cutOff') || unbound.has(host.seat)) return undefined
      if (fact.type === 'cutOff') cut.add(`${host.index} ${fact.peer}`)
      if (unbound.has(fact.peer)) return undefined
      return fact.type === 'cutOff'
        ? `seat ${fact.peer} is correct, and is not listened to any more`
        : `seat ${fact.peer} is correct, and blamed for ${fact.reason}`
    },
    ended(view) {
      if (scenario.peerLimits === undefined) return undefined
      for (const fault of scenario.faults) {
        const problem = fault.type === 'attack' && CUT_OFF_FOR.has(fault.attack) ? borne(view, fault.node) : undefined
        if (problem !== undefined) return problem
      }
      return undefined
    },
  }
}
