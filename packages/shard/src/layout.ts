import { type Committee, type CommitteeScheme, checkCommittees, schemeCommittee } from '@armchain/consensus'
import {
  accountPath,
  EMPTY_PREFIX,
  type Genesis,
  genesisState,
  type Head,
  headCodec,
  headHash,
  MAIN_VSHARD,
  type ShardKey,
  type ShardState,
  sameShard,
  wholeShard,
} from '@armchain/core'

/** The shards of a chain, who certifies each, and where each began. Fixed for now: one physical shard a vShard. */
export type Layout = {
  readonly genesisHash: Uint8Array
  readonly schemaVersion: number
  /** Ascending by vShard, the main shard first. */
  readonly shards: readonly ShardDescriptor[]
}

export type ShardDescriptor = CommitteeScheme & {
  readonly key: ShardKey
  /** Who certifies its heads. */
  readonly committee: Committee
  readonly genesisHead: Uint8Array
  readonly genesisHeadHash: Uint8Array
  readonly genesisMotes: bigint
}

/**
 * The layout of a genesis and the state in which each shard starts. Throws `ARM_SCHEME` for committees that are not safe,
 * see `checkCommittees`.
 */
export function genesisLayout(
  genesis: Genesis,
  genesisHash: Uint8Array,
): { layout: Layout; states: readonly ShardState[] } {
  checkCommittees(genesis.scheme.shards)
  const states = genesis.scheme.shards.map(({ vShard }) => genesisState(genesis, vShard))
  const shards = genesis.scheme.shards.map(({ vShard, engine, certificates, validators }, i): ShardDescriptor => {
    const state = states[i] as ShardState
    const key = wholeShard(vShard)
    const genesisHead = headCodec.encode(firstHead(genesis, genesisHash, key, state))
    return {
      key,
      engine,
      certificates,
      validators,
      committee: schemeCommittee({ engine, certificates, validators }),
      genesisHead,
      genesisHeadHash: headHash(genesisHead),
      genesisMotes: state.accounts.totalBalance,
    }
  })
  return { layout: { genesisHash, schemaVersion: genesis.scheme.version, shards }, states }
}

/** The shard that holds an account under a vShard; undefined if the chain has no such vShard. */
export function resolveShard(layout: Layout, vShard: number, account: Uint8Array): ShardKey | undefined {
  return layout.shards.find(({ key }) => key.vShard === vShard && ownsAccount(key, account))?.key
}

export function findShard(layout: Layout, key: ShardKey): ShardDescriptor | undefined {
  return layout.shards.find((shard) => sameShard(shard.key, key))
}

export function isMain(key: ShardKey): boolean {
  return key.vShard === MAIN_VSHARD
}

/** True if the account's path begins with the shard's prefix. */
export function ownsAccount({ prefix }: ShardKey, account: Uint8Array): boolean {
  if (prefix === EMPTY_PREFIX) return true
  const path = new DataView(accountPath(account).buffer).getBigUint64(0)
  const sentinel = prefix & -prefix
  return (path ^ prefix) / (sentinel * 2n) === 0n
}

const ZERO = new Uint8Array(32)

function firstHead(genesis: Genesis, genesisHash: Uint8Array, shard: ShardKey, state: ShardState): Head {
  return {
    genesis: genesisHash,
    shard,
    epoch: 0,
    view: 0,
    height: 0,
    timeMs: genesis.timeMs,
    stateRoot: state.root(),
    outboxRoot: ZERO,
    shardTopsRoot: ZERO,
    workerTopsRoot: ZERO,
    committeesRoot: ZERO,
    nextCommittee: ZERO,
    bodyHash: ZERO,
  }
}
