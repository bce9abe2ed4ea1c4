import {
  carveBytes,
  concatBytes,
  equalBytes,
  type ShardKey,
  sha256,
  shardKeyCodec,
  signingDomain,
} from '@armchain/core'

/**
 * What validators sign.
 *
 * Rules: a vote is `domain(chain, shard, epoch, kind) || view` and, but for `nullify`, `|| link`. A link is
 * `SHA-256(parent link || view || height || head hash)`, numbers in 8 bytes, most significant first: a vote for a block
 * is a vote for all below it. The first block of an epoch stands on a link that is the head hash of the epoch's start.
 *
 * *Deviations*: the paper signs a hash of the block; here it is a link, so that the finalization of a block also
 * certifies its ancestors that got none of their own, with 45 bytes for each block between (see `certificate.ts`), and
 * no vote is needed to say again what is decided. A block that is proposed anew in a later view, as happens at the end
 * of an epoch, stands on the same parent link, and is another statement, as the view differs.
 */
export const NOTARIZE = 1
export const NULLIFY = 2
export const FINALIZE = 3
export type VoteKind = typeof NOTARIZE | typeof NULLIFY | typeof FINALIZE

/** Where votes are valid, and nowhere else. */
export type Context = {
  readonly genesisHash: Uint8Array
  readonly schemaVersion: number
  readonly shard: ShardKey
  readonly epoch: number
}

/** The message of a vote, which is not to be changed; `link` is left out for `NULLIFY` alone. */
export type Statements = (kind: VoteKind, view: number, link?: Uint8Array) => Uint8Array

const KINDS: readonly [VoteKind, string][] = [
  [NOTARIZE, 'notarize'],
  [NULLIFY, 'nullify'],
  [FINALIZE, 'finalize'],
]

export function statementsOf({ genesisHash, schemaVersion, shard, epoch }: Context): Statements {
  const place = concatBytes(shardKeyCodec.encode(shard), u64(epoch))
  const domains: Uint8Array[] = []
  for (const [kind, name] of KINDS)
    domains[kind] = sha256(concatBytes(signingDomain(genesisHash, name, schemaVersion), place))
  // The votes of a view are mostly for one link, so the last message of a kind is mostly the next one too.
  const last: { readonly view: number; readonly link: Uint8Array | undefined; readonly message: Uint8Array }[] = []
  return (kind, view, link) => {
    const known = last[kind]
    if (known !== undefined && known.view === view && sameLink(known.link, link)) return known.message
    const message = carveBytes(link === undefined ? 40 : 72)
    message.set(domains[kind] as Uint8Array)
    writeU64(message, 32, view)
    if (link !== undefined) message.set(link, 40)
    last[kind] = { view, link, message }
    return message
  }
}

/** What `linkOf` hashes, filled anew by each call. */
const linkInput = new Uint8Array(80)

export function linkOf(parentLink: Uint8Array, view: number, height: number, headHash: Uint8Array): Uint8Array {
  const input = linkInput
  input.set(parentLink)
  writeU64(input, 32, view)
  writeU64(input, 40, height)
  input.set(headHash, 48)
  return sha256(input)
}

function u64(value: number): Uint8Array {
  const out = new Uint8Array(8)
  writeU64(out, 0, value)
  return out
}

function sameLink(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && equalBytes(a, b))
}

function writeU64(out: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 2 ** 32)
  const low = value >>> 0
  for (let i = 0; i < 4; i++) {
    out[at + i] = high >>> (24 - 8 * i)
    out[at + 4 + i] = low >>> (24 - 8 * i)
  }
}
