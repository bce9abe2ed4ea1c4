import type { Host } from './host.ts'
import type { Fact } from './node-port.ts'
import type { Scenario } from './scenario.ts'

/**
 * Judges a run from outside: it sees what hosts send, tell and hold on their disks, and nothing of how an engine works.
 * A method returns what is wrong, or undefined. An oracle is made anew for every run.
 */
export interface Oracle {
  readonly name: string
  /** A host sends: its own signed words are binding, whatever it tells itself. */
  sent?(host: Host, to: number | 'all', bytes: Uint8Array, nowMs: number): string | undefined
  /** A host that is up is given a message of its engine; `from` is a seat. */
  received?(host: Host, from: number, bytes: Uint8Array): void
  told?(host: Host, fact: Fact, nowMs: number): string | undefined
  restarted?(host: Host, nowMs: number): string | undefined
  /** Called at intervals of simulated time. */
  looked?(view: WorldView): string | undefined
  stabilised?(view: WorldView): string | undefined
  ended?(view: WorldView): string | undefined
}

export type WorldView = {
  readonly scenario: Scenario
  readonly nowMs: number
  readonly hosts: readonly Host[]
}

export type Violation = {
  /** Name of the oracle; `crash` if a node threw, `bounds` if the world ran away. */
  readonly oracle: string
  readonly message: string
  readonly atMs: number
  readonly seed: number
  readonly host?: string
}
