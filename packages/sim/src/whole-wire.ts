import { blob, type Codec, compile, list, struct, u8, u32, u53 } from '@armchain/core'
import { decodeOr } from './abstract-chain.ts'

/** What whole nodes send and write: what their shards' engines do, with the shard's number, and the shell's own. */

/** Numbers of shards stand in front of an engine's bytes, one byte each. */
export function frame(shard: number, bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(1 + bytes.length)
  framed[0] = shard
  framed.set(bytes, 1)
  return framed
}

export function unframe(framed: Uint8Array): { readonly shard: number; readonly bytes: Uint8Array } {
  return { shard: framed[0] ?? 0, bytes: framed.subarray(1) }
}

export const ShellKind = { transactions: 1, wantBlocks: 2, blocks: 3 } as const

/** `wantBlocks` asks for the blocks from a height on; the others bring what they are called. */
export type ShellMessage = {
  readonly kind: number
  readonly shard: number
  readonly fromHeight: number
  readonly items: readonly Uint8Array[]
}

export const shellCodec: Codec<ShellMessage> = compile(
  struct(['kind', u8], ['shard', u32], ['fromHeight', u53], ['items', list(blob(1 << 24), 64)]),
)

export function readShell(bytes: Uint8Array): ShellMessage | undefined {
  return decodeOr(shellCodec, bytes)
}

/** Last view that each shard's engine has voted in: what outlives the log. */
export type Guard = { readonly views: readonly { readonly shard: number; readonly view: number }[] }

export const guardCodec: Codec<Guard> = compile(struct(['views', list(struct(['shard', u32], ['view', u53]), 64)]))
