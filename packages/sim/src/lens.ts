/**
 * How the simulator reads an engine's messages: for oracles, traces and adversaries. An engine without a lens is still
 * judged by what it finalises; with one, also by every vote it casts. A lens shares the engine's codec and nothing else,
 * in particular no rule.
 */
export interface MessageLens {
  /** One line for a trace. Never throws. */
  describe(bytes: Uint8Array): string
  /** What the message states, votes inside certificates and proposals included. Nothing for what is malformed. */
  read(bytes: Uint8Array): readonly Statement[]
}

export type Statement = VoteStatement | CertificateStatement | ProposalStatement

/** Kinds of votes as oracles know them, whatever an engine calls them. */
export type VoteKind = 'propose' | 'notarize' | 'nullify' | 'finalize'

export type VoteStatement = {
  readonly type: 'vote'
  readonly kind: VoteKind
  readonly epoch: number
  readonly view: number
  /** Hex of what is voted for; empty for a nullify. */
  readonly digest: string
  /** Seat that has signed, by the message's own word. */
  readonly signer: number
}

export type CertificateStatement = {
  readonly type: 'certificate'
  readonly kind: 'notarization' | 'nullification' | 'finalization'
  readonly epoch: number
  readonly view: number
  readonly digest: string
  /** Seats that signed; undefined where the scheme does not say. */
  readonly signers: readonly number[]
  /** Whether enough weight has really signed, found independently of the engine. */
  readonly valid: boolean
}

export type ProposalStatement = {
  readonly type: 'proposal'
  readonly epoch: number
  readonly view: number
  readonly height: number
  readonly digest: string
  readonly parentView: number
  readonly parent: string
}

/** Sees bytes as bytes. */
export const blindLens: MessageLens = {
  describe: (bytes) => `${bytes.length} bytes`,
  read: () => [],
}
