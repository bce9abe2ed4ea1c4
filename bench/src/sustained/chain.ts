import { createHash } from 'node:crypto'
import {
  type Allocation,
  bank,
  carve,
  createRuntime,
  defaultScheme,
  ed25519Validators,
  fees,
  type Genesis,
  genesisHash,
  type KeyPair,
  keyPairFromSecret,
  type Runtime,
  tokenAllocations,
  vesting,
} from '@armchain/core'

/** The chain of a sustained run, which server and load derive alike from nothing but these figures. */
export type Setting = {
  /** Accounts in all, over all vShards, senders included. */
  readonly accounts: number
  readonly senders: number
  readonly shards: number
}

export type Sender = { readonly key: KeyPair; readonly vShard: number }

/** Enough for ten million transfers and their fees at any base fee that the load may bring about. */
const SENDER_MOTES = 10_000_000_000_000n
/** One mote for each other account of a vShard, and what an account costs nobody. */
const TREASURY_MOTES = 1_000_000_000n

export const VALIDATOR: KeyPair = keyPairFromSecret(digest('validator'))
export const TREASURY: KeyPair = keyPairFromSecret(digest('treasury'))

export function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

export function sendersOf({ senders, shards }: Setting): readonly Sender[] {
  return Array.from({ length: senders }, (_, i) => ({
    key: keyPairFromSecret(digest(`sender ${i}`)),
    vShard: 1 + (i % shards),
  }))
}

/** Accounts of a vShard that are not senders. */
export function othersOf({ accounts, senders, shards }: Setting): number {
  return Math.max(1, Math.floor((accounts - senders) / shards))
}

/** The id of such an account. */
export function otherAccount(vShard: number, index: number): Uint8Array {
  return digest(`account ${vShard} ${index}`)
}

export function genesisOf(setting: Setting): Genesis {
  const vShards = Array.from({ length: setting.shards + 1 }, (_, i) => i)
  const shards = vShards.map((vShard) => ({ vShard, engine: 'solo', ...ed25519Validators([VALIDATOR.publicKey]) }))
  const fund = (vShard: number, account: Uint8Array, motes: bigint): Allocation => ({
    purpose: 'bench',
    vShard,
    account,
    motes,
    lock: 'free',
  })
  const funded = [
    ...vShards.map((vShard) => fund(vShard, TREASURY.account, TREASURY_MOTES)),
    ...sendersOf(setting).map(({ key, vShard }) => fund(vShard, key.account, SENDER_MOTES)),
  ]
  return {
    scheme: defaultScheme({ chainId: 1337, networkId: 'bench', shards, modules: ['bank', 'vesting', 'fees'] }),
    timeMs: 1_800_000_000_000,
    allocations: carve(tokenAllocations(), 'pre-mainnet-rewards', funded),
  }
}

export function runtimeOf(genesis: Genesis): Runtime {
  return createRuntime(genesis.scheme, [bank, vesting, fees], genesisHash(genesis))
}
