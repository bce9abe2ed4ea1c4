import type { Network } from '../network.ts'
import { channelCases } from './channel-cases.ts'
import { exchangeCases } from './exchange-cases.ts'
import { peerCases } from './peer-cases.ts'
import { topicCases } from './topic-cases.ts'

/** An adapter that wants to be accepted. */
export type NetworkSubject = {
  /**
   * New networks that can reach each other but are not connected yet. They are of one network id, and what one of them
   * does does not depend on what another run of the suite did.
   */
  open(count: number, options: { readonly inFlightMax: number }): Promise<readonly Network[]>
  /** Lets the network's time pass until the condition holds. @throws Error that says what was waited for, in the end. */
  until(condition: () => boolean | Promise<boolean>, what: string): Promise<void>
  /** Lets so much of the network's time pass: for what must not happen. */
  pass(ms: number): Promise<void>
}

/** One thing that every adapter must do. `run` throws an error that says what was broken. */
export type AcceptanceCase = {
  readonly name: string
  readonly run: (subject: NetworkSubject) => Promise<void>
}

/** What any adapter of `Network` must pass, as data: no test runner is needed, and any will do. */
export const networkAcceptance: readonly AcceptanceCase[] = [
  ...peerCases,
  ...topicCases,
  ...channelCases,
  ...exchangeCases,
]
