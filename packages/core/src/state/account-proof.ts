import { equalBytes } from '../bytes.ts'
import { type Codec, compile } from '../codec/codec.ts'
import { bytes32, list, option, struct } from '../codec/schema.ts'
import { ArmError } from '../errors.ts'
import type { Account } from './account-table.ts'
import { type AccountProof, accountPath } from './shard-state.ts'
import { hashTwo, treeProofRoot } from './sparse-tree.ts'

/** A proof with the record that it shows, as it travels. */
export type ProvenAccount = AccountProof & { readonly record?: Uint8Array | undefined }

type Wire = {
  readonly record?: Uint8Array | undefined
  readonly storageRoot: Uint8Array
  readonly shardRoot: Uint8Array
  readonly siblings: readonly Uint8Array[]
  readonly other?: { readonly key: Uint8Array; readonly value: Uint8Array } | undefined
}

const wireCodec: Codec<Wire> = compile(
  struct(
    ['record', option(bytes32)],
    ['storageRoot', bytes32],
    ['shardRoot', bytes32],
    ['siblings', list(bytes32, 256)],
    ['other', option(struct(['key', bytes32], ['value', bytes32]))],
  ),
)

export function encodeAccountProof({ record, storageRoot, shardRoot, path }: ProvenAccount): Uint8Array {
  return wireCodec.encode({ record, storageRoot, shardRoot, siblings: path.siblings, other: path.other })
}

/**
 * What an encoded proof shows of an account under a state root: the account, or `undefined` when it shows that there
 * is none. Throws `ARM_PROOF` when it shows neither, `ARM_CODEC_INPUT` when it is no proof at all.
 */
export function verifyAccountProof(stateRoot: Uint8Array, id: Uint8Array, encoded: Uint8Array): Account | undefined {
  const { record, storageRoot, shardRoot, siblings, other } = wireCodec.decode(encoded)
  // Without an account there is nothing below it: a proof of absence has one form too.
  if (record === undefined && storageRoot.some((byte) => byte !== 0))
    throw new ArmError('ARM_PROOF', 'the proof shows entries of no account', { hint: 'do not trust this node' })
  const value = record === undefined ? undefined : hashTwo(record, storageRoot)
  const accountsRoot = treeProofRoot(accountPath(id), value, { siblings, other })
  if (accountsRoot === undefined || !equalBytes(hashTwo(accountsRoot, shardRoot), stateRoot)) {
    throw new ArmError('ARM_PROOF', 'the proof does not lead to the state root', { hint: 'do not trust this node' })
  }
  return record === undefined ? undefined : decodeAccountRecord(record)
}

/** Reads the 32-byte record that the tree commits to. */
export function decodeAccountRecord(record: Uint8Array): Account {
  const view = new DataView(record.buffer, record.byteOffset, 32)
  return {
    balance: view.getBigUint64(0),
    nonce: view.getUint32(8) * 0x1_0000_0000 + view.getUint32(12),
    keyType: view.getUint8(16),
  }
}
