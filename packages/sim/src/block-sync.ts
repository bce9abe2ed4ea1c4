import { blob, bool, type Codec, compile, headHash, list, struct, u32, u53 } from '@armchain/core'
import { decodeOr } from './abstract-chain.ts'

/** A final block as nodes store it and send it to who is behind. */
export type FinalBlock = {
  readonly epoch: number
  /** View in which it became final. */
  readonly view: number
  readonly head: Uint8Array
  readonly payload: Uint8Array
  readonly certificate: Uint8Array
}

const BYTES_MAX = 1 << 20
const finalBlockSchema = struct(
  ['epoch', u32],
  ['view', u53],
  ['head', blob(BYTES_MAX)],
  ['payload', blob(BYTES_MAX)],
  ['certificate', blob(BYTES_MAX)],
)
export const finalBlockCodec: Codec<FinalBlock> = compile(finalBlockSchema)

/** Asks for blocks, or brings them. `stalled`: asks only those who are in a later epoch. */
export type Range = { readonly fromHeight: number; readonly stalled: boolean; readonly blocks: readonly FinalBlock[] }

const rangeCodec: Codec<Range> = compile(
  struct(['fromHeight', u53], ['stalled', bool], ['blocks', list(finalBlockSchema, 64)]),
)

export function writeRange(range: Range): Uint8Array {
  return rangeCodec.encode(range)
}

/** Undefined for bytes that are malformed. */
export function readRange(bytes: Uint8Array): Range | undefined {
  return decodeOr(rangeCodec, bytes)
}

export type Tip = { readonly height: number; readonly hash: Uint8Array; readonly certificate: Uint8Array | undefined }

/** A node's final blocks, from the first on. */
export class BlockStore {
  readonly #blocks: FinalBlock[] = []
  readonly #hashes: Uint8Array[]

  constructor(genesisHash: Uint8Array) {
    this.#hashes = [genesisHash]
  }

  get height(): number {
    return this.#blocks.length
  }

  get tip(): Tip {
    return {
      height: this.height,
      hash: this.hashAt(this.height),
      certificate: this.#blocks[this.height - 1]?.certificate,
    }
  }

  /** Head hash of a block that is stored, or of genesis. */
  hashAt(height: number): Uint8Array {
    return this.#hashes[height] as Uint8Array
  }

  add(block: FinalBlock): void {
    this.#blocks.push(block)
    this.#hashes.push(headHash(block.head))
  }

  range(fromHeight: number, count: number): readonly FinalBlock[] {
    return this.#blocks.slice(fromHeight - 1, fromHeight - 1 + count)
  }
}
