import { verifyCertificate } from '@armchain/consensus'
import {
  type Account,
  ArmError,
  equalBytes,
  fromHex,
  type Genesis,
  genesisHash,
  type Head,
  parseAddress,
  verifyAccountProof,
} from '@armchain/core'
import type { RpcClient } from './rpc-client.ts'

/** A light client believes the genesis, and no node: every answer is checked against certified heads. */
export interface LightClient {
  /** The latest head of a vShard, its certificate checked. Throws `ARM_BLOCK_CERTIFICATE` or `ARM_PROOF`. */
  head(vShard: number): Promise<Head>
  /** An account as of a certified head; undefined if it is proven not to exist. Throws `ARM_PROOF`. */
  account(address: string): Promise<{ readonly account: Account | undefined; readonly head: Head }>
}

/** What has to be known beforehand: the genesis, or just what of it certifies heads. */
export type TrustedRoot = {
  readonly genesisHash: Uint8Array
  readonly schemaVersion: number
  readonly addressPrefix: string
  /** ed25519 keys of each vShard's validators. */
  readonly validators: ReadonlyMap<number, readonly Uint8Array[]>
}

export function trustedRoot(genesis: Genesis): TrustedRoot {
  const { scheme } = genesis
  return {
    genesisHash: genesisHash(genesis),
    schemaVersion: scheme.version,
    addressPrefix: scheme.addressPrefix,
    validators: new Map(scheme.shards.map(({ vShard, validators }) => [vShard, validators])),
  }
}

/** Takes what a node says of itself as the root: for a testnet of one's own, where node and client trust each other once. */
export async function trustOnFirstUse(rpc: RpcClient): Promise<TrustedRoot> {
  const network = await rpc.call('arm_network')
  return {
    genesisHash: fromHex(network.genesisHash),
    schemaVersion: network.schemaVersion,
    addressPrefix: network.addressPrefix,
    validators: new Map(network.shards.map(({ vShard, publicKey }) => [vShard, [fromHex(publicKey)]])),
  }
}

export function createLightClient(rpc: RpcClient, root: TrustedRoot): LightClient {
  /** Checks heads of a vShard; one that the genesis has not is refused before anyone is asked. */
  function checkerOf(vShard: number): (head: unknown, certificate: unknown) => Head {
    const validators = root.validators.get(vShard)
    if (validators === undefined) throw new ArmError('ARM_TX_SHARD', 'the genesis has no such vShard', { vShard })
    return (headHex, certificateHex) => {
      const outcome = verifyCertificate(hexOf(headHex), hexOf(certificateHex), { ...root, validators })
      if (!outcome.ok)
        throw new ArmError(outcome.reason.code, outcome.reason.message, {
          ...outcome.reason.data,
          hint: 'do not trust this node',
        })
      const head = outcome.value
      if (!equalBytes(head.genesis, root.genesisHash) || head.shard.vShard !== vShard) {
        throw new ArmError('ARM_PROOF', 'the head is of another chain or vShard', {
          vShard,
          hint: 'do not trust this node',
        })
      }
      return head
    }
  }
  return {
    async head(vShard) {
      const check = checkerOf(vShard)
      const answer = fieldsOf(await rpc.call('arm_getHead', { vShard }))
      return check(answer.head, answer.certificate)
    },
    async account(address) {
      const { account, vShard } = parseAddress(address, root.addressPrefix)
      const check = checkerOf(vShard)
      const answer = fieldsOf(await rpc.call('arm_getAccountProof', { address }))
      const head = check(answer.head, answer.certificate)
      return { account: verifyAccountProof(head.stateRoot, account, hexOf(answer.proof)), head }
    },
  }
}

/** What a node says is typed, but not yet what it says it is. */
function fieldsOf(answer: unknown): Readonly<Record<string, unknown>> {
  return typeof answer === 'object' && answer !== null ? { ...answer } : {}
}

function hexOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return fromHex(value)
  throw new ArmError('ARM_RPC_RESPONSE', 'the answer lacks a head, certificate or proof', {
    hint: 'do not trust this node',
  })
}
