import {
  blob,
  bytes32,
  type Codec,
  compile,
  hashLeaves,
  merkleListRoot,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  struct,
  u32,
  u64,
} from '@armchain/core'
import type { Layout } from './layout.ts'

/** Who certifies a shard, short enough for a foreign verifier to hold. */
export type CommitteeDescriptor = {
  readonly shard: ShardKey
  readonly seats: number
  /** Weight of all seats; one each while validators have equal weight. */
  readonly totalWeight: bigint
  /** Merkle list of the seats: key and weight, in the order of certificates. */
  readonly seatsRoot: Uint8Array
  /** Sum of the keys, for schemes that can add them; empty for ed25519. */
  readonly aggregateKey: Uint8Array
}

export const committeeCodec: Codec<CommitteeDescriptor> = compile(
  struct(
    ['shard', SHARD_KEY_SCHEMA],
    ['seats', u32],
    ['totalWeight', u64],
    ['seatsRoot', bytes32],
    ['aggregateKey', blob(96)],
  ),
)

const seatCodec: Codec<{ readonly key: Uint8Array; readonly weight: bigint }> = compile(
  struct(['key', blob(96)], ['weight', u64]),
)

export function describeCommittee(shard: ShardKey, validators: readonly Uint8Array[]): CommitteeDescriptor {
  const seats = validators.map((key) => seatCodec.encode({ key, weight: 1n }))
  return {
    shard,
    seats: seats.length,
    totalWeight: BigInt(seats.length),
    seatsRoot: merkleListRoot(hashLeaves(seats)),
    aggregateKey: new Uint8Array(0),
  }
}

/** What a main-shard head commits to: the committee of every shard, in the order of the layout. */
export function committeesRoot({ shards }: Layout): Uint8Array {
  const descriptors = shards.map(({ key, validators }) => committeeCodec.encode(describeCommittee(key, validators)))
  return merkleListRoot(hashLeaves(descriptors))
}
