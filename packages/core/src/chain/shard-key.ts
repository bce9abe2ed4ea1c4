import { type Codec, compile } from '../codec/codec.ts'
import { type StructSchema, struct, u32, u53, u64 } from '../codec/schema.ts'

/**
 * A physical shard: the logical vShard, the prefix of account paths that it holds, and the main-shard height at which
 * it was activated. `born` keeps a prefix that lives again after a split and a merge apart from its former self.
 */
export type ShardKey = {
  readonly vShard: number
  /** The prefix bits from the top, then a one bit, then zeros: the empty prefix is 2^63. */
  readonly prefix: bigint
  readonly born: number
}

export const EMPTY_PREFIX: bigint = 1n << 63n
/** vShard 0 orders and anchors. */
export const MAIN_VSHARD = 0

export const SHARD_KEY_SCHEMA: StructSchema = struct(['vShard', u32], ['prefix', u64], ['born', u53])
export const shardKeyCodec: Codec<ShardKey> = compile(SHARD_KEY_SCHEMA)

/** The shard of a fixed layout: the whole vShard, since genesis. */
export function wholeShard(vShard: number): ShardKey {
  return { vShard, prefix: EMPTY_PREFIX, born: 0 }
}

export function sameShard(a: ShardKey, b: ShardKey): boolean {
  return a.vShard === b.vShard && a.prefix === b.prefix && a.born === b.born
}

export function compareShards(a: ShardKey, b: ShardKey): number {
  if (a.vShard !== b.vShard) return a.vShard - b.vShard
  if (a.prefix !== b.prefix) return a.prefix < b.prefix ? -1 : 1
  return a.born - b.born
}

/** Text form, also used in state keys: `vShard.prefix.born`, the prefix in hex. */
export function formatShardKey(key: ShardKey): string {
  return `${key.vShard}.${key.prefix.toString(16)}.${key.born}`
}
