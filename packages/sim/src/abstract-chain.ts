import {
  type Codec,
  carveBytes,
  concatBytes,
  equalBytes,
  type Head,
  headCodec,
  isArmError,
  type ShardKey,
  wholeShard,
} from '@armchain/core'
import { keyed, mixBytes } from './random.ts'

/**
 * The application of an engine-only cluster: blocks with a real head, so that certificates are checked by the code that
 * light clients use, and a payload of which only identity matters. Rules: a block stands on the parent it names, one
 * higher, in the epoch it names; a payload is valid unless its maker has marked it.
 */
export const SHARD: ShardKey = wholeShard(1)

/** What a maker may do to its payload. */
export type PayloadMark = 'good' | 'invalid' | 'uncertifiable'

const MARKS: readonly PayloadMark[] = ['good', 'invalid', 'uncertifiable']
const MARK_OFFSET = 12
/** Magic and number: bytes that only this payload contains. */
const NAME_BYTES = 12
const MAGIC = [0xa7, 0x5e, 0xc1, 0x0d]

/** A payload that no other call with another seed, maker or number gives. */
export function createPayload(seed: number, maker: number, number: number, mark: PayloadMark = 'good'): Uint8Array {
  const sizeBytes = NAME_BYTES + 1 + (keyed(seed, maker, number, 3) & 63)
  const payload = carveBytes(sizeBytes)
  const view = new DataView(payload.buffer, payload.byteOffset)
  payload.set(MAGIC)
  view.setUint32(4, keyed(seed, maker, number, 1))
  view.setUint32(8, keyed(seed, maker, number, 2))
  payload[MARK_OFFSET] = MARKS.indexOf(mark)
  return payload
}

/** Bytes by which a payload is found wherever it is stored. */
export function nameOf(payload: Uint8Array): Uint8Array {
  return payload.subarray(0, NAME_BYTES)
}

export function markOf(payload: Uint8Array): PayloadMark {
  return MARKS[payload[MARK_OFFSET] ?? 1] ?? 'invalid'
}

export type AbstractBlock = {
  readonly genesis: Uint8Array
  readonly epoch: number
  readonly view: number
  readonly height: number
  readonly parent: Uint8Array
  readonly payload: Uint8Array
}

const ZERO = new Uint8Array(32)

/** A head that commits to parent and payload; the state root stands for the parent, which a real head commits to in its body. */
export function createHead({ genesis, epoch, view, height, parent, payload }: AbstractBlock): Uint8Array {
  return encodeCarved(headCodec, {
    genesis,
    shard: SHARD,
    epoch,
    view,
    height,
    timeMs: height,
    stateRoot: parent,
    outboxRoot: ZERO,
    shardTopsRoot: ZERO,
    workerTopsRoot: ZERO,
    committeesRoot: ZERO,
    nextCommittee: ZERO,
    bodyHash: digest(payload),
  })
}

export function commitsTo(head: Uint8Array, payload: Uint8Array): boolean {
  const decoded = decodeHead(head)
  return decoded !== undefined && equalBytes(decoded.bodyHash, digest(payload))
}

/** What is wrong with a block; undefined for a valid one. A block may be proposed again in a later view than its own. */
export function faultOf(
  head: Uint8Array,
  payload: Uint8Array,
  at: { readonly epoch: number; readonly view: number; readonly height: number; readonly parent: Uint8Array },
): string | undefined {
  const decoded = decodeHead(head)
  if (decoded === undefined) return 'the head is malformed'
  if (!equalBytes(decoded.bodyHash, digest(payload))) return 'the payload is another'
  if (decoded.height !== at.height) return `height ${decoded.height} instead of ${at.height}`
  if (decoded.epoch !== at.epoch) return `epoch ${decoded.epoch} instead of ${at.epoch}`
  if (decoded.view > at.view) return `view ${decoded.view} is later than ${at.view}`
  if (!equalBytes(decoded.stateRoot, at.parent)) return 'it stands on another parent'
  return markOf(payload) === 'invalid' ? 'the payload is marked as invalid' : undefined
}

export const decodeHead = (head: Uint8Array): Head | undefined => decodeOr(headCodec, head)

/** As `Codec.encode`, into memory that is cheap to make and to forget. */
export function encodeCarved<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const out = carveBytes(codec.size(value))
  codec.encodeInto(value, out, 0)
  return out
}

/** The value, or undefined for bytes that are malformed. */
export function decodeOr<Value>(codec: Codec<Value>, bytes: Uint8Array): Value | undefined {
  try {
    return codec.decode(bytes)
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

function digest(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(32)
  const view = new DataView(bytes.buffer)
  for (let i = 0, state = 0x6865; i < 4; i++) {
    state = mixBytes(state + i, payload)
    view.setInt32(4 * i, state)
  }
  return bytes
}

/** 32 bytes that a seed and a name give. */
export function seededBytes(seed: number, name: number): Uint8Array {
  const part = (i: number): Uint8Array => {
    const word = new Uint8Array(4)
    new DataView(word.buffer).setUint32(0, keyed(seed, name, i, 0x62))
    return word
  }
  return concatBytes(...[0, 1, 2, 3, 4, 5, 6, 7].map(part))
}
