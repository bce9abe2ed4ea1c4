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
} from '@armchain/core'
import { findShard, isMain, type Layout } from './layout.ts'
import { auditShard } from './supply-rule.ts'

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

export type CheckedAnchor = { readonly head: Head; readonly details: Details; readonly top: Uint8Array }

/** Zero when a block anchors nothing. */
const EMPTY_ROOT = new Uint8Array(32)

/**
 * Checks and records the heads that a main-shard block anchors. Rules: certified by the shard's validators; exactly
 * one head for a shard and height, extending the last anchored one; never ahead of what the main shard has decided, and
 * never behind its parent, in what it has seen or in time; the shard's supply adds up.
 */
export function applyAnchors(
  anchors: readonly Anchor[],
  draft: Draft,
  { runtime, layout, height }: { readonly runtime: Runtime; readonly layout: Layout; readonly height: number },
): Outcome<readonly CheckedAnchor[]> {
  const checked: CheckedAnchor[] = []
  for (const anchor of anchors) {
    const result = checkAnchor(anchor, draft, runtime, layout, height)
    if (!result.ok) return result
    const { head, details } = result.value
    writeAnchor(draft, head.shard, {
      height: head.height,
      headHash: headHash(anchor.head),
      timeMs: head.timeMs,
      mainHeight: details.mainHeight,
      supply: details.supply,
    })
    checked.push(result.value)
  }
  return { ok: true, value: checked }
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
  const { shard, height, stateRoot, outboxRoot } = head
  return {
    head,
    details,
    top: shardTopCodec.encode({ shard, height, headHash: headHash(anchor.head), stateRoot, outboxRoot }),
  }
}

function checkAnchor(
  anchor: Anchor,
  draft: Draft,
  runtime: Runtime,
  layout: Layout,
  mainHeight: number,
): Outcome<CheckedAnchor> {
  const shard = shardOf(anchor, layout)
  if (shard === undefined) return refuse('ARM_ANCHOR', 'the anchored head is malformed or of an unknown shard')
  const { genesisHash, schemaVersion } = layout
  const certified = verifyCertificate(anchor.head, anchor.certificate, {
    genesisHash,
    schemaVersion,
    validators: shard.validators,
  })
  if (!certified.ok) return certified
  const head = certified.value
  if (!equalBytes(head.genesis, genesisHash)) return refuse('ARM_ANCHOR', 'the head is of another chain')
  const details = decodeDetails(runtime, anchor.details)
  if (details === undefined || !equalBytes(sha256(anchor.details), head.bodyHash))
    return refuse('ARM_ANCHOR', 'the details are not those of the head')
  const last = readAnchor(draft, shard.key)
  const expected = (last?.height ?? 0) + 1
  if (head.height !== expected)
    return refuse('ARM_ANCHOR', 'a head is anchored once, in order', { height: head.height, expected })
  const parent = last?.headHash ?? shard.genesisHeadHash
  if (details.previous.length !== 1 || !equalBytes(details.previous[0] as Uint8Array, parent)) {
    return refuse('ARM_ANCHOR', 'the head does not extend the last anchored one', { height: head.height })
  }
  if (details.mainHeight >= mainHeight)
    return refuse('ARM_ANCHOR', 'the head has seen a main-shard block that is not decided', {
      mainHeight: details.mainHeight,
    })
  if (last !== undefined && (details.mainHeight < last.mainHeight || head.timeMs < last.timeMs))
    return refuse('ARM_ANCHOR', 'the head has seen less of the main shard than its parent, or is older', {
      height: head.height,
    })
  const audit = auditShard(details.supply, shard.genesisMotes)
  if (!audit.ok) return audit
  return { ok: true, value: trustedAnchor(anchor, head, details) }
}

function shardOf(anchor: Anchor, layout: Layout): ReturnType<typeof findShard> {
  const key = decodeHeadShard(anchor.head)
  return key === undefined || isMain(key) ? undefined : findShard(layout, key)
}

function decodeHeadShard(head: Uint8Array): ShardKey | undefined {
  return orUndefined(() => headCodec.decode(head).shard)
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

function anchorKey(shard: ShardKey): string {
  return `anchor/${formatShardKey(shard)}`
}
