import {
  equalBytes,
  type Head,
  headCodec,
  headHash,
  isArmError,
  type ShardKey,
  sha256,
  wholeShard,
} from '@armchain/core'
import { verifyCertificate } from '../certificate.ts'
import type { Committee } from '../committee.ts'

/**
 * The least that makes a chain: a head whose state root is the hash of the head below, and whose body hash is that of
 * the payload. So a block's place and content can be checked, and nothing is executed.
 */
export type FinalBlock = {
  readonly height: number
  readonly headHash: Uint8Array
  readonly head: Uint8Array
  readonly payload: Uint8Array
  readonly certificate: Uint8Array
}

export const MODEL_GENESIS: Uint8Array = sha256(Uint8Array.of(1))
export const MODEL_START: Uint8Array = sha256(Uint8Array.of(2))
export const MODEL_SHARD: ShardKey = wholeShard(1)

const ZERO = new Uint8Array(32)

export function modelHead(place: {
  readonly epoch: number
  readonly view: number
  readonly height: number
  readonly timeMs: number
  readonly parent: Uint8Array
  readonly payload: Uint8Array
}): Uint8Array {
  const { epoch, view, height, timeMs, parent, payload } = place
  return headCodec.encode({
    genesis: MODEL_GENESIS,
    shard: MODEL_SHARD,
    epoch,
    view,
    height,
    timeMs: Math.floor(timeMs),
    stateRoot: parent,
    outboxRoot: ZERO,
    shardTopsRoot: ZERO,
    workerTopsRoot: ZERO,
    committeesRoot: ZERO,
    nextCommittee: ZERO,
    bodyHash: sha256(payload),
  })
}

/** What `EngineConfig.commits` asks. */
export function modelCommits(head: Uint8Array, payload: Uint8Array): boolean {
  const decoded = decodeHead(head)
  return decoded !== undefined && equalBytes(decoded.bodyHash, sha256(payload))
}

/** Whether a head stands at a height on a parent: what the model's `verify` and `certify` answer. */
export function standsOn(head: Uint8Array, height: number, parent: Uint8Array): boolean {
  const decoded = decodeHead(head)
  return decoded !== undefined && decoded.height === height && equalBytes(decoded.stateRoot, parent)
}

/** Why a block cannot be the next final one; undefined if it can. */
export function finalFault(
  block: FinalBlock,
  below: { readonly height: number; readonly headHash: Uint8Array },
  committee: Committee,
): string | undefined {
  if (block.height !== below.height + 1) return `height ${block.height} was reported after ${below.height}`
  if (!equalBytes(headHash(block.head), block.headHash)) return 'the head is not that of the hash'
  if (!standsOn(block.head, block.height, below.headHash)) return 'the block does not stand on the one before'
  if (!modelCommits(block.head, block.payload)) return 'the payload is not that of the head'
  const rules = { genesisHash: MODEL_GENESIS, schemaVersion: 1, committee }
  const verdict = verifyCertificate(block.head, block.certificate, rules)
  return verdict.ok ? undefined : `the certificate: ${verdict.reason.message}`
}

function decodeHead(head: Uint8Array): Head | undefined {
  try {
    return headCodec.decode(head)
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}
