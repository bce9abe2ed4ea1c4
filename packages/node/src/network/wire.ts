import { consensusLimits } from '@armchain/consensus'
import { blob, type Codec, compile, isArmError, list, struct, u32, u53 } from '@armchain/core'
import { CERTIFICATE_BYTES_MAX, PEER_ITEMS_MAX } from '../limits.ts'

/**
 * Messages between nodes. The first byte says what it is; behind it, for an engine, the vShard in four bytes and the
 * engine's own bytes, which may be a whole block and are not copied again; for all else a struct.
 */
export const PeerKind = { engine: 1, transactions: 2, wantBlocks: 3, blocks: 4, head: 5 } as const

export type PeerMessage =
  | { readonly kind: typeof PeerKind.engine; readonly vShard: number; readonly bytes: Uint8Array }
  | { readonly kind: typeof PeerKind.transactions; readonly transactions: readonly Uint8Array[] }
  /** Asks for the final blocks of a vShard from a height on. */
  | { readonly kind: typeof PeerKind.wantBlocks; readonly vShard: number; readonly fromHeight: number }
  /** The answer; without a block if the sender has none from there on. */
  | { readonly kind: typeof PeerKind.blocks; readonly vShard: number; readonly blocks: readonly Uint8Array[] }
  /** The head of a block that is final, as its certificate shows. */
  | ({ readonly kind: typeof PeerKind.head } & CertifiedHead)

export type CertifiedHead = { readonly vShard: number; readonly head: Uint8Array; readonly certificate: Uint8Array }

const ENGINE_HEAD_BYTES = 5
const BYTES_MAX = 64 * 1024 * 1024
const { HEAD_BYTES_MAX } = consensusLimits

const transactionsCodec: Codec<{ readonly transactions: readonly Uint8Array[] }> = compile(
  struct(['transactions', list(blob(BYTES_MAX), PEER_ITEMS_MAX)]),
)
const wantBlocksCodec: Codec<{ readonly vShard: number; readonly fromHeight: number }> = compile(
  struct(['vShard', u32], ['fromHeight', u53]),
)
const blocksCodec: Codec<{ readonly vShard: number; readonly blocks: readonly Uint8Array[] }> = compile(
  struct(['vShard', u32], ['blocks', list(blob(BYTES_MAX), PEER_ITEMS_MAX)]),
)

const headCodec: Codec<CertifiedHead> = compile(
  struct(['vShard', u32], ['head', blob(HEAD_BYTES_MAX)], ['certificate', blob(CERTIFICATE_BYTES_MAX)]),
)

export function encodePeerMessage(message: PeerMessage): Uint8Array {
  switch (message.kind) {
    case PeerKind.engine: {
      const framed = new Uint8Array(ENGINE_HEAD_BYTES + message.bytes.length)
      framed[0] = PeerKind.engine
      new DataView(framed.buffer).setUint32(1, message.vShard)
      framed.set(message.bytes, ENGINE_HEAD_BYTES)
      return framed
    }
    case PeerKind.transactions:
      return withKind(message.kind, transactionsCodec.encode(message))
    case PeerKind.wantBlocks:
      return withKind(message.kind, wantBlocksCodec.encode(message))
    case PeerKind.blocks:
      return withKind(message.kind, blocksCodec.encode(message))
    case PeerKind.head:
      return withKind(message.kind, headCodec.encode(message))
  }
}

/** Undefined for bytes that are malformed. */
export function decodePeerMessage(framed: Uint8Array): PeerMessage | undefined {
  const body = framed.subarray(1)
  try {
    switch (framed[0]) {
      case PeerKind.engine: {
        if (framed.length < ENGINE_HEAD_BYTES) return undefined
        const vShard = new DataView(framed.buffer, framed.byteOffset).getUint32(1)
        return { kind: PeerKind.engine, vShard, bytes: framed.subarray(ENGINE_HEAD_BYTES) }
      }
      case PeerKind.transactions:
        return { kind: PeerKind.transactions, ...transactionsCodec.decode(body) }
      case PeerKind.wantBlocks:
        return { kind: PeerKind.wantBlocks, ...wantBlocksCodec.decode(body) }
      case PeerKind.blocks:
        return { kind: PeerKind.blocks, ...blocksCodec.decode(body) }
      case PeerKind.head:
        return { kind: PeerKind.head, ...headCodec.decode(body) }
      default:
        return undefined
    }
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

function withKind(kind: number, body: Uint8Array): Uint8Array {
  const framed = new Uint8Array(1 + body.length)
  framed[0] = kind
  framed.set(body, 1)
  return framed
}
