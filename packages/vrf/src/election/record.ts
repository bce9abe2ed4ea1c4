import {
  blob,
  bytes,
  bytes32,
  type Codec,
  compile,
  list,
  option,
  SHARD_KEY_SCHEMA,
  type ShardKey,
  struct,
  type TreeProof,
  u53,
  u64,
} from '@armchain/core'
import type { Stake } from '../dealing/mandates.ts'
import { PROOF_BYTES } from '../ecvrf/suite.ts'
import { ELECTION_SHARDS_MAX, RECORD_BLOCKS_MAX, STAKES_MAX } from '../limits.ts'

/** Who may be dealt a seat, and with which key it proves to the beacon. */
export type Candidate = Stake & {
  /** ECVRF key; fit by `validateKey`. */
  readonly vrfKey: Uint8Array
}

/** What the main shard freezes for an epoch, two epochs and a bit ahead: all that an election follows from but chance. */
export type ElectionInputs = {
  readonly epoch: number
  /** In ascending order. */
  readonly shards: readonly ShardKey[]
  /** In ascending order of owners. */
  readonly candidates: readonly Candidate[]
  /** Owners that lose their seats at once, in ascending order. */
  readonly removed: readonly Uint8Array[]
}

/** Entry of the main shard's own state tree that holds the encoded inputs in the last block before the mixing. */
export const ELECTION_ENTRY = 'election/inputs'

/** A block of the mixing window: its head, the details behind its body hash, and the proof in it. */
export type ElectionBlock = { readonly head: Uint8Array; readonly details: Uint8Array; readonly proof: Uint8Array }

/**
 * The public record of an election: with the result of the one before, all that anyone needs to compute it again. Grows with the
 * mixing window: about 600 bytes a block.
 */
export type ElectionRecord = {
  readonly inputs: Uint8Array
  /** Shows the inputs under the state root of `frozenHead`. */
  readonly inputsProof: { readonly path: TreeProof; readonly accountsRoot: Uint8Array; readonly shardRoot: Uint8Array }
  /** The last main-shard head before the epoch that is mixed; genesis for the first. */
  readonly frozenHead: Uint8Array
  /** In order, none left out: the first has `frozenHead` for its parent. */
  readonly blocks: readonly ElectionBlock[]
  /** Certificate of the last of them, which certifies all before it. */
  readonly certificate: Uint8Array
}

export const electionInputsCodec: Codec<ElectionInputs> = compile(
  struct(
    ['epoch', u53],
    ['shards', list(SHARD_KEY_SCHEMA, ELECTION_SHARDS_MAX)],
    ['candidates', list(struct(['owner', bytes32], ['stakeMotes', u64], ['vrfKey', bytes32]), STAKES_MAX)],
    ['removed', list(bytes32, STAKES_MAX)],
  ),
)

const HEAD_BYTES_MAX = 512
const DETAILS_BYTES_MAX = 8_192
const INPUTS_BYTES_MAX = 16 * 1024 * 1024

const wireCodec: Codec<
  Omit<ElectionRecord, 'inputsProof'> & {
    readonly accountsRoot: Uint8Array
    readonly shardRoot: Uint8Array
    readonly siblings: readonly Uint8Array[]
    readonly other?: { readonly key: Uint8Array; readonly value: Uint8Array } | undefined
  }
> = compile(
  struct(
    ['inputs', blob(INPUTS_BYTES_MAX)],
    ['accountsRoot', bytes32],
    ['shardRoot', bytes32],
    ['siblings', list(bytes32, 256)],
    ['other', option(struct(['key', bytes32], ['value', bytes32]))],
    ['frozenHead', blob(HEAD_BYTES_MAX)],
    [
      'blocks',
      list(
        struct(['head', blob(HEAD_BYTES_MAX)], ['details', blob(DETAILS_BYTES_MAX)], ['proof', bytes(PROOF_BYTES)]),
        RECORD_BLOCKS_MAX,
      ),
    ],
    ['certificate', blob(65_535)],
  ),
)

/** The one encoding of a record. `decode` throws `ARM_CODEC_INPUT` for everything else. */
export const electionRecordCodec: {
  encode(record: ElectionRecord): Uint8Array
  decode(bytes: Uint8Array): ElectionRecord
} = {
  encode({ inputsProof: { path, accountsRoot, shardRoot }, ...rest }) {
    return wireCodec.encode({ ...rest, accountsRoot, shardRoot, siblings: path.siblings, other: path.other })
  },
  decode(encoded) {
    const { accountsRoot, shardRoot, siblings, other, ...rest } = wireCodec.decode(encoded)
    return { ...rest, inputsProof: { path: { siblings, other }, accountsRoot, shardRoot } }
  },
}
