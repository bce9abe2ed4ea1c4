import { verifyCertificate } from '@armchain/consensus'
import {
  type Anchor,
  bytes32,
  type Codec,
  compile,
  type Details,
  type Draft,
  equalBytes,
  formatShardKey,
  type Head,
  hashLeaves,
  headCodec,
  headHash,
  isArmError,
  merkleListRoot,
  merkleRangeProof,
  type Outcome,
  type Refusal,
  type Runtime,
  refuse,
  SHARD_OWNER,
  type ShardKey,
  type StateReader,
  SUPPLY_SCHEMA,
  type Supply,
  sha256,
  shardTopCodec,
  struct,
  u53,
  u64,
} from '@armchain/core'
import type { CertifiedHeads } from './certified-heads.ts'
import { findShard, isMain, type Layout, type ShardDescriptor } from './layout.ts'
import { BLOCK_TIME_DRIFT_MS } from './limits.ts'
import { type OutboxBatch, outboxBatchCodec, outboxRoot } from './outbox.ts'

/** What the main shard's state holds of each shard: the last head that it anchored. */
export type AnchorRecord = {
  readonly height: number
  readonly headHash: Uint8Array
  readonly timeMs: number
  /** Main-shard height up to which that head had seen anchors. */
  readonly mainHeight: number
  readonly supply: Supply
}

const anchorRecordCodec: Codec<AnchorRecord> = compile(
  struct(['height', u53], ['headHash', bytes32], ['timeMs', u53], ['mainHeight', u53], ['supply', SUPPLY_SCHEMA]),
)

const owedCodec: Codec<{ readonly motes: bigint }> = compile(struct(['motes', u64]))

export type CheckedAnchor = {
  readonly head: Head
  readonly hash: Uint8Array
  readonly details: Details
  readonly top: Uint8Array
}

/** Zero when a block anchors nothing. */
const EMPTY_ROOT = new Uint8Array(32)

/**
 * Checks and records the heads that a main-shard block anchors. Rules: certified by the shard's validators; exactly
 * one head for a shard and height, extending the last anchored one; never ahead of what the main shard has decided, and
 * never behind its parent, in what it has seen or in time, nor ahead of this block's clock; the shard's supply adds up,
 * and what it has sent since its parent is what its batches bring.
 */
export function applyAnchors(
  anchors: readonly Anchor[],
  draft: Draft,
  rules: AnchorRules,
): Outcome<readonly CheckedAnchor[]> {
  const checked: CheckedAnchor[] = []
  for (const anchor of anchors) {
    const result = applyAnchor(anchor, draft, rules)
    if (!result.ok) return result
    checked.push(result.value)
  }
  return { ok: true, value: checked }
}

/** The same for one head; a refusal leaves nothing in the draft. */
export function applyAnchor(anchor: Anchor, draft: Draft, rules: AnchorRules): Outcome<CheckedAnchor> {
  const mark = draft.mark()
  const result = checkAnchor(anchor, draft, rules)
  if (!result.ok) {
    draft.rollback(mark)
    return result
  }
  const { head, details, hash } = result.value
  writeAnchor(draft, head.shard, {
    height: head.height,
    headHash: hash,
    timeMs: head.timeMs,
    mainHeight: details.mainHeight,
    supply: details.supply,
  })
  return result
}

/** What surrounds the main-shard block that anchors. */
export type AnchorRules = {
  readonly runtime: Runtime
  readonly layout: Layout
  readonly height: number
  readonly timeMs: number
  /** Those whose certificates are known to hold; the signatures of all others are checked. */
  readonly certified?: CertifiedHeads | undefined
}

/**
 * Sets motes that are on their way to a shard, by an anchored head or by the main shard's own block, to its account. The
 * main shard has none: nobody anchors it, so nothing would ever be taken off, and its own blocks check what it receives.
 */
export function owe(draft: Draft, destination: ShardKey, motes: bigint): void {
  if (isMain(destination)) return
  draft.setEntry(SHARD_OWNER, owedKey(destination), owedCodec.encode({ motes: readOwed(draft, destination) + motes }))
}

/** Motes that the main shard knows to be on their way to a shard: the most that its next heads may have received. */
export function readOwed(reader: Pick<StateReader, 'entry'>, shard: ShardKey): bigint {
  const value = reader.entry(SHARD_OWNER, owedKey(shard))
  return value === undefined ? 0n : owedCodec.decode(value).motes
}

/** The last anchored head of a shard; undefined while that is its genesis. */
export function readAnchor(reader: Pick<StateReader, 'entry'>, shard: ShardKey): AnchorRecord | undefined {
  const value = reader.entry(SHARD_OWNER, anchorKey(shard))
  return value === undefined ? undefined : anchorRecordCodec.decode(value)
}

export function shardTopsRoot(anchors: readonly CheckedAnchor[]): Uint8Array {
  return anchors.length === 0 ? EMPTY_ROOT : merkleListRoot(hashLeaves(anchors.map(({ top }) => top)))
}

/** Place of an anchored head in its main-shard block's list. */
export function proveShardTop(anchors: readonly CheckedAnchor[], index: number): Uint8Array[] {
  return merkleRangeProof(hashLeaves(anchors.map(({ top }) => top)), index, index + 1)
}

/** The top of a head that is taken to be certified: what its certificate's check would have given. */
export function trustedAnchor(anchor: Pick<Anchor, 'head' | 'details'>, head: Head, details: Details): CheckedAnchor {
  const hash = headHash(anchor.head)
  return { head, hash, details, top: encodeTop(head, hash) }
}

function checkAnchor(anchor: Anchor, draft: Draft, rules: AnchorRules): Outcome<CheckedAnchor> {
  const { runtime, layout } = rules
  const head = orUndefined(() => headCodec.decode(anchor.head))
  const shard = head && !isMain(head.shard) ? findShard(layout, head.shard) : undefined
  if (head === undefined || shard === undefined)
    return refuse('ARM_ANCHOR', 'the anchored head is malformed or of an unknown shard')
  const { genesisHash, schemaVersion } = layout
  const hash = headHash(anchor.head)
  if (!rules.certified?.has(hash, anchor.certificate)) {
    const { committee } = shard
    const certified = verifyCertificate(anchor.head, anchor.certificate, { genesisHash, schemaVersion, committee })
    if (!certified.ok) return certified
  }
  if (!equalBytes(head.genesis, genesisHash)) return refuse('ARM_ANCHOR', 'the head is of another chain')
  const details = decodeDetails(runtime, anchor.details)
  if (details === undefined || !equalBytes(sha256(anchor.details), head.bodyHash))
    return refuse('ARM_ANCHOR', 'the details are not those of the head')
  const last = readAnchor(draft, shard.key)
  const misplaced = checkPlace(head, details, last, shard, rules)
  if (misplaced !== undefined) return { ok: false, reason: misplaced }
  const supply = checkSupply(anchor, head, details.supply, { last, shard, draft, layout })
  return supply.ok ? { ok: true, value: { head, hash, details, top: encodeTop(head, hash) } } : supply
}

function checkPlace(
  head: Head,
  details: Details,
  last: AnchorRecord | undefined,
  shard: ShardDescriptor,
  { height, timeMs }: AnchorRules,
): Refusal | undefined {
  const bad = (message: string): Refusal => ({ code: 'ARM_ANCHOR', message, data: { height: head.height } })
  const expected = (last?.height ?? 0) + 1
  if (head.height !== expected) return bad(`a head is anchored once, in order: expected height ${expected}`)
  const [parent, ...others] = details.previous
  if (parent === undefined || others.length > 0 || !equalBytes(parent, last?.headHash ?? shard.genesisHeadHash))
    return bad('the head does not extend the last anchored one')
  if (details.mainHeight >= height) return bad('the head has seen a main-shard block that is not decided')
  if (last !== undefined && (details.mainHeight < last.mainHeight || head.timeMs < last.timeMs))
    return bad('the head has seen less of the main shard than its parent, or is older')
  if (head.timeMs > timeMs + BLOCK_TIME_DRIFT_MS) return bad('the head is of a time that has not come')
  return undefined
}

/**
 * What the shard says of its money since the last anchored head: it has received no more than was on its way to it,
 * what it holds and burns and sends is what it held and received, and its batches bring what it sent. All in plain
 * integers, each within the supply, so that no counter that wraps can hide anything.
 */
function checkSupply(
  { outbox }: Anchor,
  head: Head,
  supply: Supply,
  around: {
    readonly last: AnchorRecord | undefined
    readonly shard: ShardDescriptor
    readonly draft: Draft
    readonly layout: Layout
  },
): Outcome<undefined> {
  const { last, shard, draft, layout } = around
  const before = last?.supply ?? { balances: shard.genesisMotes, burnt: 0n, sent: 0n, received: 0n }
  const sent = BigInt.asUintN(64, supply.sent - before.sent)
  const received = BigInt.asUintN(64, supply.received - before.received)
  const owed = readOwed(draft, shard.key)
  const adds = supply.balances + supply.burnt + sent === before.balances + before.burnt + received
  if (!adds || supply.burnt < before.burnt || received > owed)
    return refuse('ARM_SUPPLY', 'the supply of a shard does not follow from its last one', {
      height: head.height,
      receivedMotes: received.toString(),
      owedMotes: owed.toString(),
    })
  const batches = readOutbox(outbox, head, layout)
  if (!batches.ok) return batches
  const brought = batches.value.reduce((sum, { motes }) => sum + motes, 0n)
  if (brought !== sent)
    return refuse('ARM_SUPPLY', 'the batches of a head do not bring what its shard has sent', {
      sentMotes: sent.toString(),
      batchMotes: brought.toString(),
    })
  owe(draft, shard.key, -received)
  for (const { destination, motes } of batches.value) owe(draft, destination, motes)
  return { ok: true, value: undefined }
}

/** The batches under a head's outbox root, each for a shard that exists. */
function readOutbox(outbox: readonly Uint8Array[], head: Head, layout: Layout): Outcome<OutboxBatch[]> {
  if (!equalBytes(outboxRoot(outbox), head.outboxRoot))
    return refuse('ARM_ANCHOR', 'the batches are not those of the outbox root', { height: head.height })
  const batches: OutboxBatch[] = []
  for (const encoded of outbox) {
    const batch = orUndefined(() => outboxBatchCodec.decode(encoded))
    if (batch === undefined || findShard(layout, batch.destination) === undefined)
      return refuse('ARM_ANCHOR', 'a batch is malformed or for an unknown shard', { height: head.height })
    batches.push(batch)
  }
  return { ok: true, value: batches }
}

function encodeTop({ shard, height, stateRoot, outboxRoot }: Head, hash: Uint8Array): Uint8Array {
  return shardTopCodec.encode({ shard, height, headHash: hash, stateRoot, outboxRoot })
}

function decodeDetails(runtime: Runtime, details: Uint8Array): Details | undefined {
  return orUndefined(() => runtime.details.decode(details))
}

function orUndefined<Value>(decode: () => Value): Value | undefined {
  try {
    return decode()
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

function writeAnchor(draft: Draft, shard: ShardKey, record: AnchorRecord): void {
  draft.setEntry(SHARD_OWNER, anchorKey(shard), anchorRecordCodec.encode(record))
}

function owedKey(shard: ShardKey): string {
  return `owed/${formatShardKey(shard)}`
}

function anchorKey(shard: ShardKey): string {
  return `anchor/${formatShardKey(shard)}`
}
