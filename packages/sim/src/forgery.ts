import { linkOf, type Message, NOTARIZE, statementsOf, type VoteKind } from '@armchain/consensus'
import { headHash } from '@armchain/core'
import { createHead, decodeHead } from './abstract-chain.ts'
import type { ClusterKeys } from './cluster-keys.ts'

/** Who forges: it has one key, and signs with it whatever it likes. */
export type Forger = { readonly keys: ClusterKeys; readonly seat: number }
export type Proposal = Extract<Message, { type: 'proposal' }>
export type Vote = Extract<Message, { type: 'vote' }>

/**
 * Blocks that a Byzantine proposer makes up, as proposals signed with its own key. `parent` is the head hash of what a
 * block is to stand on, where that is not what the proposal in hand stands on. Undefined where it knows none to make.
 */
export interface BlockForge {
  /** One that is as good as the proposal's, in its place. */
  second(message: Proposal, parent?: Uint8Array): Proposal | undefined
  /** The proposal's block where another should stand: `message` says where. */
  moved(message: Proposal, parent?: Uint8Array): Proposal | undefined
  /** One that nobody may vote for, or that must not be certified. */
  bad(message: Proposal): Proposal | undefined
  /** A payload that the head of this one does not name. */
  stray(payload: Uint8Array | undefined): Uint8Array
}

export function signStatement(
  { keys, seat }: Forger,
  epoch: number,
  { kind, view, link }: { readonly kind: VoteKind; readonly view: number; readonly link: Uint8Array | undefined },
): Uint8Array {
  const context = { genesisHash: keys.genesisHash, schemaVersion: 1, shard: keys.shard, epoch }
  return keys.sign(seat, statementsOf(context)(kind, view, link))
}

/** A proposal of another payload, signed anew; `parent` is the head hash of what it stands on, if that changes. */
export function rebuildProposal(forger: Forger, message: Proposal, payload: Uint8Array, parent?: Uint8Array): Proposal {
  const { epoch, view, height, parentLink } = message
  const below = parent ?? decodeHead(message.head)?.stateRoot ?? new Uint8Array(32)
  const head = createHead({ genesis: forger.keys.genesisHash, epoch, view, height, parent: below, payload })
  const link = linkOf(parentLink, view, height, headHash(head))
  return { ...message, head, payload, signature: signStatement(forger, epoch, { kind: NOTARIZE, view, link }) }
}
