import {
  type Anchor,
  anchorCodec,
  type Body,
  bodyCodec,
  concatBytes,
  type Details,
  equalBytes,
  type Head,
  hashLeaves,
  headCodec,
  type Import,
  importCodec,
  merkleListRoot,
  merkleRangeProof,
  type PreparedTransaction,
  type Runtime,
  sameShard,
  sha256,
  transactionId,
  wholeShard,
} from '@armchain/core'
import { encodePayload, type Ingredients, isMain, outboxBatchCodec } from '@armchain/shard'
import { flipped, noise, type Random } from './random.ts'
import { WHOLE_VSHARDS } from './whole-chain.ts'

/** What is wrong with a forged block of a whole node. */
export type Forgery = (typeof FORGERIES)[number]

export const FORGERIES = [
  // Of the head, the details or the body, each of which the one above it names.
  'state-root',
  'outbox-root',
  'field',
  'minted',
  'body',
  // Of the transactions.
  'dropped',
  'doubled',
  'unsigned',
  // Of who proposes it, and when.
  'proposer',
  'round',
  'future',
  'past',
  // Of what it has seen of the main shard.
  'main-ahead',
  'main-behind',
  'main-other',
  // Of messages.
  'import-skipped',
  'import-twice',
  'import-swapped',
  'import-proof',
  // Of anchored heads.
  'anchor-uncertified',
  'anchor-replayed',
  'anchor-skipped',
  'anchor-twice',
  'anchor-bent',
] as const

export type BlockParts = { readonly head: Head; readonly details: Details; readonly body: Body }

/** What a forger knows of the place where its block is to stand, and of the block that an honest node would put there. */
export type Ground = {
  readonly runtime: Runtime
  readonly random: Random
  readonly honest: BlockParts
  readonly ingredients: Ingredients
  readonly parentTimeMs: number
  readonly nowMs: number
  /** Main-shard height that the parent has seen. */
  readonly mainHeightSeen: number
  readonly otherProposer: Uint8Array
  /** A transfer that would be includable, had its sender signed it. */
  readonly unsigned: () => PreparedTransaction | undefined
  /** Heads that were anchored before. */
  readonly anchored: readonly Anchor[]
}

/**
 * A block to be built by the chain's own rules, so that all its roots are those of what it says, or one that is bent
 * after it was built. Where both are given, the second is for when the rules of the chain leave out what is wrong.
 */
export type Bent = { readonly ingredients?: Ingredients; readonly parts?: BlockParts }

/** How each forgery is made; undefined where the honest block offers no occasion. */
export const MAKERS: Readonly<Record<Forgery, (ground: Ground) => Bent | undefined>> = {
  'state-root': ({ honest, random }) => inHead(honest, { stateRoot: flipped(honest.head.stateRoot, random) }),
  'outbox-root': ({ honest, random }) => inHead(honest, { outboxRoot: flipped(honest.head.outboxRoot, random) }),
  field: someField,
  minted: ({ honest, random }) => {
    const { supply } = honest.details
    const motes = BigInt(random.between(1, 1_000_000))
    // Adds up, as if a message had brought it.
    const minted = { ...supply, balances: supply.balances + motes, received: supply.received + motes }
    return inDetails(honest, { supply: minted })
  },
  body: ({ honest, random }) => inDetails(honest, { dataRoot: flipped(honest.details.dataRoot, random) }),
  dropped: ({ honest }) => withTransactions(honest, honest.body.transactions.slice(1)),
  doubled: ({ honest: { body }, honest }) => withTransactions(honest, [...body.transactions, ...body.transactions]),
  unsigned: ({ ingredients, unsigned }) => {
    const forged = unsigned()
    if (forged === undefined) return undefined
    const others = [...ingredients.transactions].filter(({ tx }) => !equalBytes(tx.senderKey, forged.tx.senderKey))
    return { ingredients: { ...ingredients, transactions: [forged, ...others] } }
  },
  proposer: ({ ingredients, otherProposer }) => ({ ingredients: { ...ingredients, proposer: otherProposer } }),
  round: ({ ingredients, random }) => ({
    ingredients: random.chance(0.5)
      ? { ...ingredients, view: ingredients.view + random.pick([-1, 1]) }
      : { ...ingredients, epoch: ingredients.epoch + 1 },
  }),
  future: ({ ingredients, nowMs }) => ({ ingredients: { ...ingredients, timeMs: nowMs + FAR_AHEAD_MS } }),
  past: ({ ingredients, parentTimeMs, random }) =>
    parentTimeMs === 0
      ? undefined
      : { ingredients: { ...ingredients, timeMs: Math.max(0, parentTimeMs - random.between(1, 1_000)) } },
  'main-ahead': ({ ingredients, random }) => {
    const ahead = { hash: noise(random, 32), shardTopsRoot: noise(random, 32), outboxRoot: noise(random, 32) }
    const mainHeight = ingredients.mainHeight + random.between(1, 5)
    const mainHead = (height: number) => (height === mainHeight ? ahead : ingredients.mainHead(height))
    return { ingredients: { ...ingredients, mainHeight, mainHead } }
  },
  'main-behind': ({ ingredients, mainHeightSeen }) => {
    const mainHeight = mainHeightSeen - 1
    const known = mainHeight >= 0 && ingredients.mainHead(mainHeight) !== undefined
    return known ? { ingredients: { ...ingredients, mainHeight, imports: [] } } : undefined
  },
  'main-other': ({ honest, random }) => inDetails(honest, { mainHash: flipped(honest.details.mainHash, random) }),
  'import-skipped': (ground) => withImports(ground, skipFirst),
  'import-twice': (ground) => withImports(ground, (item) => [item, item]),
  'import-swapped': (ground) => withImports(ground, swapFirst),
  'import-proof': (ground) => withImports(ground, (item) => bentProof(item, ground.random)),
  'anchor-uncertified': ({ random, ...ground }) =>
    withAnchors(
      ground,
      ([first, ...rest]) => first && [{ ...first, certificate: flipped(first.certificate, random) }, ...rest],
    ),
  'anchor-replayed': (ground) =>
    withAnchors(ground, (anchors) => {
      const old = ground.anchored.length === 0 ? undefined : ground.random.pick(ground.anchored)
      return old && [old, ...anchors]
    }),
  'anchor-skipped': (ground) => withAnchors(ground, skipOfMany),
  'anchor-twice': (ground) => withAnchors(ground, ([first, ...rest]) => first && [first, first, ...rest]),
  'anchor-bent': ({ random, ...ground }) =>
    withAnchors(ground, ([first, ...rest]) => {
      if (first === undefined) return undefined
      const head = headCodec.decode(first.head)
      return [{ ...first, head: headCodec.encode({ ...head, stateRoot: flipped(head.stateRoot, random) }) }, ...rest]
    }),
}

/** The bytes of a block of which head, details and body name each other, whatever else is wrong. */
export function packed(
  runtime: Runtime,
  { head, details, body }: BlockParts,
): { head: Uint8Array; payload: Uint8Array } {
  const bodyBytes = bodyCodec.encode(body)
  const detailsBytes = runtime.details.encode(details)
  return {
    head: headCodec.encode({ ...head, bodyHash: sha256(detailsBytes) }),
    payload: encodePayload({ details: detailsBytes, body: bodyBytes }),
  }
}

/** More than any clock of this world is off, and than blocks may be ahead of one. */
const FAR_AHEAD_MS = 60_000

function inHead(honest: BlockParts, change: Partial<Head>): Bent {
  return { parts: { ...honest, head: { ...honest.head, ...change } } }
}

function inDetails(honest: BlockParts, change: Partial<Details>): Bent {
  return { parts: { ...honest, details: { ...honest.details, ...change } } }
}

function someField({ honest, random }: Ground): Bent {
  const { head, details } = honest
  return random.pick([
    () => inHead(honest, { genesis: flipped(head.genesis, random) }),
    () => inHead(honest, { shard: wholeShard((head.shard.vShard + 1) % (WHOLE_VSHARDS + 1)) }),
    () => inHead(honest, { shardTopsRoot: flipped(head.shardTopsRoot, random) }),
    () => inHead(honest, { committeesRoot: flipped(head.committeesRoot, random) }),
    () => inHead(honest, { nextCommittee: flipped(head.nextCommittee, random) }),
    () => inHead(honest, { height: head.height + 1 }),
    () => inDetails(honest, { receiptsRoot: flipped(details.receiptsRoot, random) }),
    () => inDetails(honest, { baseFee: details.baseFee + 1n }),
    () => inDetails(honest, { gasUsed: details.gasUsed + 1 }),
    () => inDetails(honest, { sizeLimitBytes: details.sizeLimitBytes + 1 }),
    () => inDetails(honest, { execHeight: Math.max(0, details.execHeight - 1) }),
    () => inDetails(honest, { previous: [...details.previous, noise(random, 32)] }),
  ])()
}

function withTransactions(honest: BlockParts, transactions: readonly Uint8Array[]): Bent | undefined {
  if (transactions.length === honest.body.transactions.length) return undefined
  return { parts: withBody(honest, { ...honest.body, transactions }) }
}

/** Bends the first import that can be bent; the chain's own rules, asked to build that, leave it out. */
function withImports(
  { honest, ingredients }: Pick<Ground, 'honest' | 'ingredients'>,
  bend: (item: Import) => readonly Import[] | undefined,
): Bent | undefined {
  for (const [i, item] of honest.body.imports.entries()) {
    const bent = bend(item)
    if (bent === undefined) continue
    const imports = honest.body.imports.toSpliced(i, 1, ...bent)
    return { ingredients: { ...ingredients, imports }, parts: withBody(honest, { ...honest.body, imports }) }
  }
  return undefined
}

function withAnchors(
  { honest, ingredients }: Pick<Ground, 'honest' | 'ingredients'>,
  bend: (anchors: readonly Anchor[]) => readonly Anchor[] | undefined,
): Bent | undefined {
  if (!isMain(honest.head.shard)) return undefined
  const anchors = bend(honest.body.anchors)
  if (anchors === undefined) return undefined
  return { ingredients: { ...ingredients, anchors }, parts: withBody(honest, { ...honest.body, anchors }) }
}

/** With the roots and numbers that go with another body; those of the state stay. */
function withBody({ head, details }: BlockParts, body: Body): BlockParts {
  const bytes = bodyCodec.encode(body)
  const { transactions, imports, anchors } = body
  const changed = {
    dataRoot: sha256(bytes),
    sizeBytes: bytes.length,
    txCount: transactions.length,
    txRoot: merkleListRoot(concatBytes(...transactions.map(transactionId))),
    importsRoot: merkleListRoot(
      hashLeaves([
        ...imports.map((item) => importCodec.encode(item)),
        ...anchors.map((anchor) => anchorCodec.encode(anchor)),
      ]),
    ),
  }
  return { head, body, details: { ...details, ...changed } }
}

/** All messages of a batch but the first, with the proof of that. */
function skipFirst(item: Import): readonly Import[] | undefined {
  const { count } = outboxBatchCodec.decode(item.batch)
  if (item.start !== 0 || item.messages.length !== count || count < 2) return undefined
  const rangeProof = merkleRangeProof(hashLeaves(item.messages), 1, count)
  return [{ ...item, start: 1, messages: item.messages.slice(1), rangeProof }]
}

function swapFirst(item: Import): readonly Import[] | undefined {
  const [first, second, ...rest] = item.messages
  return first === undefined || second === undefined ? undefined : [{ ...item, messages: [second, first, ...rest] }]
}

function bentProof(item: Import, random: Random): readonly Import[] {
  const [first = new Uint8Array(0), ...rest] = item.messages
  return [
    random.pick([
      () => ({ ...item, messages: [flipped(first, random), ...rest] }),
      () => ({ ...item, batch: flipped(item.batch, random) }),
      () => ({ ...item, rangeProof: [...item.rangeProof, noise(random, 32)] }),
      () => ({ ...item, topIndex: item.topIndex + 1 }),
      () => ({ ...item, sourceHeight: item.sourceHeight + 1 }),
      () => ({ ...item, anchorHeight: Math.max(0, item.anchorHeight - 1) }),
    ])(),
  ]
}

/** Leaves out the first of several heads of one shard. */
function skipOfMany(anchors: readonly Anchor[]): readonly Anchor[] | undefined {
  const shards = anchors.map(({ head }) => headCodec.decode(head).shard)
  const at = shards.findIndex((shard, i) => shards.some((other, j) => j > i && sameShard(shard, other)))
  return at < 0 ? undefined : anchors.toSpliced(at, 1)
}
