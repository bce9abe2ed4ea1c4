import {
  bytes32,
  type Codec,
  compile,
  concatBytes,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  signingDomain,
  struct,
  u53,
} from '@armchain/core'

/** The chain that an input belongs to; see `signingDomain`. */
export type ChainDomain = { readonly genesisHash: Uint8Array; readonly schemaVersion: number }

const beaconCodec: Codec<{ readonly epoch: number; readonly view: number }> = compile(
  struct(['epoch', u53], ['view', u53]),
)

const auditCodec: Codec<{ readonly headHash: Uint8Array; readonly shard: ShardKey }> = compile(
  struct(['headHash', bytes32], ['shard', SHARD_KEY_SCHEMA]),
)

/**
 * What the leader of a view of the main shard proves. Nothing in it is the leader's to choose: all that is left is to
 * publish or to skip.
 */
export function beaconAlpha(domain: ChainDomain, place: { readonly epoch: number; readonly view: number }): Uint8Array {
  return concatBytes(signingDomain(domain.genesisHash, 'vrf/beacon', domain.schemaVersion), beaconCodec.encode(place))
}

/**
 * What a validator of the main shard proves to be an auditor of one shard's block.
 *
 * @param seat the head of the main shard that anchors the block, by its hash, and the shard
 */
export function auditAlpha(
  domain: ChainDomain,
  seat: { readonly headHash: Uint8Array; readonly shard: ShardKey },
): Uint8Array {
  return concatBytes(signingDomain(domain.genesisHash, 'vrf/audit', domain.schemaVersion), auditCodec.encode(seat))
}
