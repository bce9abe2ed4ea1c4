import { type CertificateScheme, type Committee, createCommittee, ed25519List } from '@armchain/consensus'
import { activeEd25519, type KeyPair, keyPairFromSecret, type ShardKey, sha256, utf8 } from '@armchain/core'
import { SHARD, seededBytes } from './abstract-chain.ts'
import { fakeScheme, fakeSign } from './fake-scheme.ts'
import { type FaultModel, type Scenario, weightOf } from './scenario.ts'

/** The committee of a cluster, with what signs for each seat. */
export type ClusterKeys = {
  readonly committee: Committee
  readonly genesisHash: Uint8Array
  /** The shard for which it signs. */
  readonly shard: ShardKey
  readonly sign: (seat: number, message: Uint8Array) => Uint8Array
  /** Chooses the leaders of an epoch. */
  readonly epochSeed: (epoch: number) => Uint8Array
}

export function createClusterKeys(scenario: Scenario, model: FaultModel): ClusterKeys {
  const { seed, nodes, crypto } = scenario
  const real = crypto === 'real'
  const pairs = real ? Array.from({ length: nodes }, (_, seat) => validatorKey(seat)) : []
  const keys = real
    ? pairs.map(({ publicKey }) => publicKey)
    : Array.from({ length: nodes }, (_, seat) => fakeKey(seat))
  const scheme: CertificateScheme = real ? ed25519List : fakeScheme
  const committee = createCommittee(
    keys.map((key, seat) => ({ key, weight: weightOf(scenario, seat) })),
    { scheme, faults: model === 'crash' ? 'crash' : 'byzantine' },
  )
  return {
    committee,
    genesisHash: seededBytes(seed, 0),
    shard: SHARD,
    epochSeed: (epoch) => seededBytes(seed, 1 + epoch),
    sign: (seat, message) =>
      real
        ? activeEd25519().sign(message, (pairs[seat] as KeyPair).secretKey)
        : fakeSign(keys[seat] as Uint8Array, message),
  }
}

/** The same seats on a shard of a whole chain, whose machine draws all leaders from the genesis hash. */
export function keysOnShard(keys: ClusterKeys, genesisHash: Uint8Array, shard: ShardKey): ClusterKeys {
  return { ...keys, genesisHash, shard, epochSeed: () => genesisHash }
}

export function validatorKey(seat: number): KeyPair {
  return keyPairFromSecret(sha256(utf8(`simulated validator ${seat}`)))
}

function fakeKey(seat: number): Uint8Array {
  return new Uint8Array(32).fill(seat + 1)
}
