import { type CommitteeScheme, schemeCommittee, sumBlsKeys } from '@armchain/consensus'
import {
  blob,
  bytes,
  bytes32,
  type Codec,
  compile,
  hashLeaves,
  merkleListRoot,
  option,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  struct,
  u8,
  u32,
  u64,
  type Validator,
} from '@armchain/core'
import type { Layout } from './layout.ts'

/** Who certifies a shard, short enough for a foreign verifier to hold. */
export type CommitteeDescriptor = {
  readonly shard: ShardKey
  /** `id` of the certificate scheme. */
  readonly scheme: number
  readonly seats: number
  /** Weight of all seats. */
  readonly totalWeight: bigint
  /** Weight that makes a certificate. */
  readonly quorumWeight: bigint
  /** Merkle list of the seats, in the order of certificates: keys and weight of each. */
  readonly seatsRoot: Uint8Array
  /** Sum of the keys, for schemes that can add them; empty for ed25519. */
  readonly aggregateKey: Uint8Array
}

export const committeeCodec: Codec<CommitteeDescriptor> = compile(
  struct(
    ['shard', SHARD_KEY_SCHEMA],
    ['scheme', u8],
    ['seats', u32],
    ['totalWeight', u64],
    ['quorumWeight', u64],
    ['seatsRoot', bytes32],
    ['aggregateKey', blob(96)],
  ),
)

const seatCodec: Codec<{
  readonly publicKey: Uint8Array
  readonly blsKey: Uint8Array | undefined
  readonly weight: bigint
}> = compile(struct(['publicKey', bytes32], ['blsKey', option(bytes(48))], ['weight', u64]))

export function describeCommittee(shard: CommitteeScheme & { readonly key: ShardKey }): CommitteeDescriptor {
  const { scheme, seats, totalWeight, quorumWeight } = schemeCommittee(shard)
  const leaves = shard.validators.map(({ publicKey, blsKey, weight }: Validator) =>
    seatCodec.encode({ publicKey, blsKey, weight: BigInt(weight) }),
  )
  return {
    shard: shard.key,
    scheme: scheme.id,
    seats: seats.length,
    totalWeight: BigInt(totalWeight),
    quorumWeight: BigInt(quorumWeight),
    seatsRoot: merkleListRoot(hashLeaves(leaves)),
    aggregateKey: shard.certificates === 'bls' ? sumBlsKeys(seats.map(({ key }) => key)) : new Uint8Array(0),
  }
}

/** What a main-shard head commits to: the committee of every shard, in the order of the layout. */
export function committeesRoot(layout: Layout): Uint8Array {
  const known = roots.get(layout)
  if (known !== undefined) return known
  const descriptors = layout.shards.map((shard) => committeeCodec.encode(describeCommittee(shard)))
  const root = merkleListRoot(hashLeaves(descriptors))
  roots.set(layout, root)
  return root
}

/** Every main-shard block asks, and layouts seldom change. */
const roots = new WeakMap<Layout, Uint8Array>()
