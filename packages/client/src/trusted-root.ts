import { type CommitteeScheme, schemeCommittee, verifyCertificate } from '@armchain/consensus'
import {
  ArmError,
  equalBytes,
  type Genesis,
  genesisHash,
  type Head,
  type Scheme,
  schemeCodec,
  sha256,
} from '@armchain/core'
import { DISTRUST, fieldsOf, hexOf } from './answer.ts'
import type { RpcClient } from './rpc-client.ts'

/** What has to be known beforehand: the genesis, or just what of it certifies heads and shapes transactions. */
export type TrustedRoot = {
  readonly genesisHash: Uint8Array
  /** SHA-256 of the encoded scheme: a node that shows another one is refused. */
  readonly schemeHash: Uint8Array
  readonly schemaVersion: number
  readonly addressPrefix: string
  /** Who certifies the heads of each vShard, and by which rule. */
  readonly shards: ReadonlyMap<number, CommitteeScheme>
}

/** That its BLS keys have proven possession is not checked again: a chain whose keys have not is one that no node runs. */
export function trustedRoot(genesis: Genesis): TrustedRoot {
  return rootOf(genesis.scheme, genesisHash(genesis))
}

/**
 * Takes what a node says of itself as the root, unchecked: for a testnet of one's own, where node and client trust each
 * other once. Keep it: the trust is that of the first use only while later uses are checked against the same root.
 */
export async function trustOnFirstUse(rpc: RpcClient): Promise<TrustedRoot> {
  const [network, scheme] = await Promise.all([rpc.call('arm_network'), rpc.call('arm_scheme')])
  const encoded = hexOf(fieldsOf(scheme).encoded)
  return rootOf(schemeCodec.decode(encoded), hexOf(fieldsOf(network).genesisHash))
}

/** The root of a chain with this scheme. The hash of its genesis commits to the scheme, which is not checked here. */
export function rootOf(scheme: Scheme, hash: Uint8Array): TrustedRoot {
  return {
    genesisHash: hash,
    schemeHash: sha256(schemeCodec.encode(scheme)),
    schemaVersion: scheme.version,
    addressPrefix: scheme.addressPrefix,
    shards: new Map(scheme.shards.map((shard) => [shard.vShard, shard])),
  }
}

/** Who certifies a vShard's heads. Throws `ARM_TX_SHARD` for a vShard that the genesis has not. */
export function certifiersOf({ shards }: TrustedRoot, vShard: number): CommitteeScheme {
  const certifiers = shards.get(vShard)
  if (certifiers !== undefined) return certifiers
  throw new ArmError('ARM_TX_SHARD', 'the genesis has no such vShard', {
    vShard,
    hint: 'arm_network lists the vShards',
  })
}

/**
 * An encoded head, decoded, if the validators of the vShard have certified it. Throws `ARM_BLOCK_CERTIFICATE`, and
 * `ARM_PROOF` for a head of another chain or vShard.
 */
export function verifyHead(root: TrustedRoot, vShard: number, head: Uint8Array, certificate: Uint8Array): Head {
  const committee = schemeCommittee(certifiersOf(root, vShard))
  const outcome = verifyCertificate(head, certificate, { ...root, committee })
  if (!outcome.ok) {
    const { code, message, data } = outcome.reason
    throw new ArmError(code, message, { ...data, ...DISTRUST })
  }
  const { genesis, shard } = outcome.value
  if (equalBytes(genesis, root.genesisHash) && shard.vShard === vShard) return outcome.value
  throw new ArmError('ARM_PROOF', 'the head is of another chain or vShard', { vShard, ...DISTRUST })
}
