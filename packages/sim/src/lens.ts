import type { ClusterKeys } from './cluster-keys.ts'

/**
 * How the simulator reads an engine's messages: for oracles, traces and adversaries. An engine without a lens is still
 * judged by what it finalises; with one, also by every vote it casts. A lens shares the engine's codec and nothing else,
 * in particular no rule.
 */
export interface MessageLens {
  /** One line for a trace. Never throws. */
  describe(bytes: Uint8Array): string
  /**
   * What the message states. `sender` is the seat it comes from: a statement is laid at its door only if its signature
   * holds. Nothing for what is malformed.
   */
  read(bytes: Uint8Array, sender: number): readonly Statement[]
  /** Seat that leads a view; left out where views have no leaders. */
  leader?(epoch: number, view: number): number
}

/** A lens for one run, which may check signatures with that run's keys. */
export type LensFactory = (keys: ClusterKeys) => MessageLens

export type Statement = VoteStatement | CertificateStatement

/** Kinds of votes as oracles know them, whatever an engine calls them. */
export type VoteKind = 'notarize' | 'nullify' | 'finalize'

export type VoteStatement = {
  readonly type: 'vote'
  readonly kind: VoteKind
  readonly epoch: number
  readonly view: number
  /** Hex of what is voted for; empty for a nullify. */
  readonly digest: string
  /** Seat whose signature on it holds. */
  readonly signer: number
  /** Where a proposal says that its block stands; absent in plain votes, and where a block is only proposed again. */
  readonly on?: { readonly view: number; readonly digest: string } | undefined
}

export type CertificateStatement = {
  readonly type: 'certificate'
  readonly kind: 'notarization' | 'nullification' | 'finalization'
  readonly epoch: number
  readonly view: number
  readonly digest: string
  /** Whether enough weight has really signed, found without the engine. Asked only where the answer matters. */
  readonly holds: () => boolean
}

/** Sees bytes as bytes. */
export const blindLens: LensFactory = () => ({ describe: (bytes) => `${bytes.length} bytes`, read: () => [] })

/** Reads an array once for all who look at it in a row: several oracles are shown each message. */
export function remembering(lens: MessageLens): MessageLens {
  let last:
    | { readonly bytes: Uint8Array; readonly sender: number; readonly statements: readonly Statement[] }
    | undefined
  return {
    ...lens,
    read(bytes, sender) {
      if (last?.bytes === bytes && last.sender === sender) return last.statements
      const statements = lens.read(bytes, sender)
      last = { bytes, sender, statements }
      return statements
    },
  }
}
