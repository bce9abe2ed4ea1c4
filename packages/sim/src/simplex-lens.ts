import {
  decodeMessage,
  type Elector,
  FINALIZE,
  linkOf,
  type Message,
  NOTARIZE,
  NULLIFY,
  readSigners,
  type Statements,
  statementsOf,
  type VoteCertificate,
  weightedElector,
} from '@armchain/consensus'
import { equalBytes, headHash, toHex } from '@armchain/core'
import type { ClusterKeys } from './cluster-keys.ts'
import type { MessageLens, Statement, VoteKind, VoteStatement } from './lens.ts'

const VOTES: Readonly<Record<number, VoteKind>> = {
  [NOTARIZE]: 'notarize',
  [NULLIFY]: 'nullify',
  [FINALIZE]: 'finalize',
}
const CERTIFICATES = { notarize: 'notarization', nullify: 'nullification', finalize: 'finalization' } as const

/** Reads simplex messages: their codec and what is signed, and none of the rules. */
export function simplexLens({ committee, genesisHash, shard, epochSeed }: ClusterKeys): MessageLens {
  const { scheme, seats, quorumWeight } = committee
  const byEpoch = new Map<number, Statements>()

  function statementsAt(epoch: number): Statements {
    const known = byEpoch.get(epoch)
    if (known !== undefined) return known
    const made = statementsOf({ genesisHash, schemaVersion: 1, shard, epoch })
    byEpoch.set(epoch, made)
    return made
  }

  /** A vote, if the sender has really signed it. */
  function vote(sender: number, epoch: number, parts: VoteParts, on?: VoteStatement['on']): readonly Statement[] {
    const { kind, view, link, signature } = parts
    const key = seats[sender]?.key
    const name = VOTES[kind]
    if (key === undefined || name === undefined) return NOTHING
    if (!scheme.verifyVote(key, statementsAt(epoch)(kind, view, link), signature)) return NOTHING
    const digest = hexOf(link)
    return [{ type: 'vote', kind: name, epoch, view, digest, signer: sender, on }]
  }

  function certificate(epoch: number, { kind, view, link, signers, proof }: VoteCertificate): readonly Statement[] {
    const name = VOTES[kind]
    if (name === undefined) return []
    const holds = (): boolean => {
      const found = readSigners(signers, committee)
      if (found === undefined || found.weight < quorumWeight) return false
      const keys = found.indexes.map((index) => (seats[index] as { key: Uint8Array }).key)
      return scheme.verifyProof(keys, statementsAt(epoch)(kind, view, link), proof)
    }
    return [{ type: 'certificate', kind: CERTIFICATES[name], epoch, view, digest: hexOf(link), holds }]
  }

  const electors = new Map<number, Elector>()

  function electorOf(epoch: number): Elector {
    const known = electors.get(epoch)
    if (known !== undefined) return known
    const made = weightedElector(committee, epochSeed(epoch))
    electors.set(epoch, made)
    return made
  }

  return {
    leader: (epoch, view) => electorOf(epoch).leader(view),
    describe: (bytes) => describe(decodeMessage(bytes), bytes),
    read(bytes, sender) {
      const message = decodeMessage(bytes)
      switch (message?.type) {
        case 'vote':
          return vote(sender, message.epoch, message)
        case 'proposal': {
          const { epoch, view, height, parentLink, head, signature } = message
          const link = linkOf(parentLink, view, height, headHash(head))
          const on = message.payload === undefined ? undefined : { view: message.parentView, digest: hexOf(parentLink) }
          return vote(sender, epoch, { kind: NOTARIZE, view, link, signature }, on)
        }
        case 'certificates':
          return message.certificates.flatMap((each) => certificate(message.epoch, each))
        default:
          return []
      }
    },
  }
}

const NOTHING: readonly Statement[] = []

type VoteParts = {
  readonly kind: VoteCertificate['kind']
  readonly view: number
  readonly link: Uint8Array | undefined
  readonly signature: Uint8Array
}

function describe(message: Message | undefined, bytes: Uint8Array): string {
  if (message === undefined) return `${bytes.length} bytes that are no message`
  const epoch = `e${message.epoch}`
  switch (message.type) {
    case 'vote':
      return `${VOTES[message.kind]} ${epoch} v${message.view} ${short(message.link)} by ${message.signer}`
    case 'proposal':
      return `propose ${epoch} v${message.view} height ${message.height} on v${message.parentView} ${short(message.parentLink)}${message.payload === undefined ? ' again' : ''}`
    case 'certificates':
      return `certificates ${epoch} ${message.certificates.map(({ kind, view, link }) => `${VOTES[kind]} v${view} ${short(link)}`).join(', ')}`
    case 'wantCertificates':
      return `wants certificates ${epoch} v${message.fromView} to v${message.toView}`
    case 'wantBlocks':
      return `wants blocks ${epoch} ${short(message.link)} above height ${message.aboveHeight}`
    case 'blocks':
      return `blocks ${epoch} ${message.blocks.map(({ height }) => height).join(', ')}`
  }
}

/** Text of a link. The links of a view are few and every vote has one: those of late are remembered. */
function hexOf(link: Uint8Array | undefined): string {
  if (link === undefined) return ''
  const place = (link[0] as number) & (texts.length - 1)
  const known = texts[place]
  if (known !== undefined && equalBytes(known.link, link)) return known.text
  const text = toHex(link)
  texts[place] = { link: link.slice(), text }
  return text
}

const texts: ({ readonly link: Uint8Array; readonly text: string } | undefined)[] = new Array(64).fill(undefined)

function short(link: Uint8Array | undefined): string {
  return hexOf(link).slice(0, 8)
}
