import {
  accountIdOf,
  BASE_DETAILS_SCHEMA,
  type Codec,
  compareBytes,
  compile,
  type Details,
  type Head,
  headCodec,
  headHash,
  MAIN_VSHARD,
  SHARD_OWNER,
  type ShardKey,
  ShardState,
  sha256,
  utf8,
  wholeShard,
} from '@armchain/core'
import { seedFor } from '../beacon/beacon.ts'
import { mixingBeacon } from '../beacon/mixing-beacon.ts'
import { proveBeacon, vrfKeyPair } from '../beacon/prover.ts'
import { domain, seedOf } from '../dealing/dealing.fixture.ts'
import {
  type Candidate,
  ELECTION_ENTRY,
  type ElectionBlock,
  type ElectionRecord,
  electionInputsCodec,
} from './record.ts'
import type { ElectionRules } from './verify.ts'

const EPOCH_BLOCKS = 6
const zero = new Uint8Array(32)
const detailsCodec: Codec<Details> = compile(BASE_DETAILS_SCHEMA)

export const rules: ElectionRules = {
  domain,
  mainShard: wholeShard(MAIN_VSHARD),
  mixingBlocks: 4,
  dealing: { poolSeats: 8, mandates: 24, ownerMax: 6 },
  details: detailsCodec,
  isCertified: (head, certificate) => compareBytes(certificate, certify(head)) === 0,
}

/** Stands for the committee's signatures, which consensus checks. */
export function certify(head: Uint8Array): Uint8Array {
  return sha256(head)
}

export const validators: readonly { readonly owner: Uint8Array; readonly secretKey: Uint8Array }[] = Array.from(
  { length: 12 },
  (_, i) => {
    const secretKey = seedOf(`validator ${i}`)
    return { owner: accountIdOf(secretKey), secretKey: vrfKeyPair(secretKey, domain).secretKey }
  },
).toSorted((a, b) => compareBytes(a.owner, b.owner))

/** Stakes of an epoch, of which one grows. */
export function candidatesOf(epoch: number): Candidate[] {
  return validators.map(({ owner }, i) => ({
    owner,
    stakeMotes: BigInt(1_000 + 100 * i + (i === 3 ? 200 * epoch : 0)),
    vrfKey: vrfKeyOf(i),
  }))
}

function vrfKeyOf(index: number): Uint8Array {
  for (let i = 0; i < validators.length; i++) {
    const pair = vrfKeyPair(seedOf(`validator ${i}`), domain)
    if (compareBytes(pair.secretKey, validators[index]?.secretKey as Uint8Array) === 0) return pair.publicKey
  }
  throw new Error('no such validator')
}

export const shards: readonly ShardKey[] = [1, 2, 3].map((vShard) => wholeShard(vShard))

/** A chain of main-shard heads, with the record of each election from epoch 2 on, and the seeds of the beacon on the way. */
export function growChain(epochs: number): { records: ElectionRecord[]; seeds: Map<number, Uint8Array> } {
  const beacon = mixingBeacon(domain, { epochBlocks: EPOCH_BLOCKS, mixingBlocks: rules.mixingBlocks })
  const records: ElectionRecord[] = []
  const seeds = new Map<number, Uint8Array>()
  let state = beacon.start()
  let frozen = freeze(2)
  let frozenHead = headOf({ epoch: 0, view: 0, height: 0, stateRoot: frozen.stateRoot, bodyHash: zero })
  let parent = headHash(frozenHead)
  let height = 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    const blocks: ElectionBlock[] = []
    const next = freeze(epoch + 3)
    let view = 0
    for (let index = 0; index < EPOCH_BLOCKS; index++) {
      // Some views are skipped.
      view += (epoch + index) % 3 === 2 ? 2 : 1
      height++
      const leader = validators[view % validators.length] as (typeof validators)[number]
      const details = detailsCodec.encode(detailsOf([parent], leader.owner))
      const { stateRoot } = next
      const head = headOf({ epoch, view, height, stateRoot, bodyHash: sha256(details) })
      const proof = proveBeacon(leader.secretKey, domain, { epoch, view })
      const vrfKey = candidatesOf(epoch).find(({ owner }) => owner === leader.owner)?.vrfKey as Uint8Array
      const outcome = beacon.fold(state, { epoch, index, view, contribution: { vrfKey, proof } })
      if (!outcome.ok) throw new Error(outcome.reason.message)
      state = outcome.value.state
      parent = headHash(head)
      blocks.push({ head, details, proof })
    }
    const window = blocks.slice(0, rules.mixingBlocks)
    const last = window.at(-1) as ElectionBlock
    records.push({ ...frozen.proven, frozenHead, blocks: window, certificate: certify(last.head) })
    seeds.set(epoch + 2, seedFor(state, epoch + 2) as Uint8Array)
    frozen = next
    frozenHead = blocks.at(-1)?.head as Uint8Array
  }
  return { records, seeds }
}

function freeze(epoch: number): { stateRoot: Uint8Array; proven: Pick<ElectionRecord, 'inputs' | 'inputsProof'> } {
  const inputs = electionInputsCodec.encode({ epoch, shards, candidates: candidatesOf(epoch), removed: [] })
  const state = new ShardState()
  const other = { owner: SHARD_OWNER, key: 'kernel', value: utf8('other entries of the shard') }
  state.apply({ accounts: [], entries: [{ owner: SHARD_OWNER, key: ELECTION_ENTRY, value: inputs }, other] })
  const { path, accountsRoot } = state.proveShardEntry(ELECTION_ENTRY)
  const { shardRoot } = state.proveAccount(zero)
  return { stateRoot: state.root(), proven: { inputs, inputsProof: { path, accountsRoot, shardRoot } } }
}

function headOf(parts: Pick<Head, 'epoch' | 'view' | 'height' | 'stateRoot' | 'bodyHash'>): Uint8Array {
  const none = {
    outboxRoot: zero,
    shardTopsRoot: zero,
    workerTopsRoot: zero,
    committeesRoot: zero,
    nextCommittee: zero,
  }
  return headCodec.encode({ genesis: domain.genesisHash, shard: rules.mainShard, timeMs: 0, ...none, ...parts })
}

function detailsOf(previous: readonly Uint8Array[], proposer: Uint8Array): Details {
  const roots = { mainHash: zero, txRoot: zero, receiptsRoot: zero, importsRoot: zero, dataRoot: zero }
  const counts = {
    mainHeight: 0,
    execHeight: 0,
    congestion: 0,
    txCount: 0,
    gasUsed: 0,
    sizeBytes: 0,
    sizeLimitBytes: 0,
  }
  const supply = { balances: 0n, burnt: 0n, sent: 0n, received: 0n }
  return { previous, ...roots, ...counts, baseFee: 0n, supply, proposer }
}
