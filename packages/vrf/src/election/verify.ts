import {
  type ArmError,
  type Codec,
  concatBytes,
  type Details,
  equalBytes,
  type Head,
  headCodec,
  headHash,
  isArmError,
  type Outcome,
  refuse,
  type ShardKey,
  sameShard,
  sha256,
  toHex,
  utf8,
  verifyTreeProof,
} from '@armchain/core'
import { epochSeed, mixOutput } from '../beacon/mixing-beacon.ts'
import { type DealingRules, dealPools, noPools, type Pools } from '../dealing/pools.ts'
import { deriveSeed } from '../dealing/seed-stream.ts'
import { beaconAlpha, type ChainDomain } from '../ecvrf/alpha.ts'
import { ecvrf } from '../ecvrf/ecvrf.ts'
import {
  type Candidate,
  ELECTION_ENTRY,
  type ElectionInputs,
  type ElectionRecord,
  electionInputsCodec,
} from './record.ts'

/**
 * Computes an election again from public data, trusting nobody but the committee that certified the last block of the mixing
 * window.
 *
 * Rules, for the pools of epoch e, mixed in epoch e - 2:
 * 1. The blocks of the window follow one another by parent hash, from the last head of epoch e - 3 on (genesis, if there is
 *    none). Their last head is certified; so all are.
 * 2. The inputs are an entry of the state that the head before the window commits to: stake, keys and shards were
 *    frozen before the first proof.
 * 3. Each block's proposer, by its details, is a candidate of epoch e - 2 whose key the proof holds for. An output is unique
 *    to key and view, so it needs no place in the head.
 * 4. The seed follows from the mix, and the pools from the seed, the inputs and the pools of epoch e - 1.
 *
 * Elections form a chain like the blocks: each result is what the next is verified against, `firstElection` begins it.
 */
export type ElectionRules = {
  readonly domain: ChainDomain
  readonly mainShard: ShardKey
  readonly mixingBlocks: number
  readonly dealing: DealingRules
  /** Details of the chain's scheme, which may have more fields than these. */
  readonly details: Pick<Codec<Pick<Details, 'previous' | 'proposer'>>, 'decode'>
  /**
   * Whether the certificate makes the head final for the main committee of its epoch: consensus lies above this package, and
   * light clients have it at hand.
   */
  readonly isCertified: (head: Uint8Array, certificate: Uint8Array) => boolean
}

/** What the election of the next epoch is verified against. */
export type TrustedElection = {
  readonly pools: Pools
  readonly mix: Uint8Array
  /** Candidates of the epoch before that of the pools, and of the pools' own: the next two windows are proven with their keys. */
  readonly candidates: readonly [before: readonly Candidate[], own: readonly Candidate[]]
}

export type ElectionResult = TrustedElection & { readonly seed: Uint8Array; readonly inputs: ElectionInputs }

/**
 * The elections that no block decides, of epochs 0 and 1, out of genesis: both deal the same inputs, with seeds that
 * follow from the genesis hash. Throws `ARM_ELECTION` where they cannot be dealt.
 */
export function firstElection(
  { domain, dealing }: Pick<ElectionRules, 'domain' | 'dealing'>,
  { shards, candidates, removed }: Pick<ElectionInputs, 'shards' | 'candidates' | 'removed'>,
): TrustedElection {
  const mix = domain.genesisHash
  let pools = noPools(0)
  for (const epoch of [0, 1]) {
    const seed = poolSeed(domain, epochSeed(domain, mix, epoch))
    pools = dealPools(pools, { shards, stakes: candidates, removed, seed }, dealing)
  }
  return { pools, mix, candidates: [candidates, candidates] }
}

/** The seed that pools are dealt with in an epoch. */
export function poolSeed(domain: ChainDomain, seed: Uint8Array): Uint8Array {
  return deriveSeed(domain, 'pools', seed)
}

/** Refuses with `ARM_ELECTION` and a reason; never throws for what stands in the record. */
export function verifyElection(
  record: ElectionRecord,
  trusted: TrustedElection,
  rules: ElectionRules,
): Outcome<ElectionResult> {
  const epoch = trusted.pools.epoch + 1
  try {
    const inputs = frozenInputs(record, epoch, rules)
    if (typeof inputs === 'string') return refuse('ARM_ELECTION', inputs, { epoch })
    const mix = mixOf(record, trusted, rules)
    if (typeof mix === 'string') return refuse('ARM_ELECTION', mix, { epoch })
    const seed = epochSeed(rules.domain, mix, epoch)
    const { shards, candidates, removed } = inputs
    const dealt = { shards, stakes: candidates, removed, seed: poolSeed(rules.domain, seed) }
    const pools = dealPools(trusted.pools, dealt, rules.dealing)
    return { ok: true, value: { pools, mix, candidates: [trusted.candidates[1], candidates], seed, inputs } }
  } catch (error) {
    if (!isArmError(error)) throw error
    return refuse('ARM_ELECTION', (error as ArmError).message, { epoch, cause: (error as ArmError).code })
  }
}

/** The inputs, or why they are not proven. */
function frozenInputs(
  { inputs, inputsProof, frozenHead }: ElectionRecord,
  epoch: number,
  rules: ElectionRules,
): ElectionInputs | string {
  const { path, accountsRoot, shardRoot } = inputsProof
  const head = headCodec.decode(frozenHead)
  const misplaced = placeOf(head, rules)
  if (misplaced !== undefined) return misplaced
  if (epoch > 2 ? head.epoch !== epoch - 3 : head.height !== 0)
    return 'the inputs are not of the last head before the window'
  if (!equalBytes(sha256(concatBytes(accountsRoot, shardRoot)), head.stateRoot))
    return 'the proof of the inputs does not lead to the state root'
  if (!verifyTreeProof(shardRoot, sha256(utf8(ELECTION_ENTRY)), sha256(inputs), path))
    return 'the proof does not show the inputs'
  const decoded = electionInputsCodec.decode(inputs)
  return decoded.epoch === epoch ? decoded : 'the inputs are of another epoch'
}

/** The mix at the end of the window, or why a block of it does not hold. */
function mixOf(record: ElectionRecord, trusted: TrustedElection, rules: ElectionRules): Uint8Array | string {
  const { blocks, frozenHead, certificate } = record
  const epoch = trusted.pools.epoch - 1
  if (blocks.length !== rules.mixingBlocks) return 'the record has not all blocks of the window'
  const keys = new Map(trusted.candidates[0].map(({ owner, vrfKey }) => [toHex(owner), vrfKey]))
  const vrf = ecvrf('ECVRF-EDWARDS25519-SHA512-ELL2')
  let { mix } = trusted
  let parent = { hash: headHash(frozenHead), height: headCodec.decode(frozenHead).height }
  for (const { head: encoded, details: encodedDetails, proof } of blocks) {
    const head = headCodec.decode(encoded)
    const misplaced = placeOf(head, rules)
    if (misplaced !== undefined) return misplaced
    if (head.epoch !== epoch || head.height !== parent.height + 1) return 'a block is not of the window'
    if (!equalBytes(sha256(encodedDetails), head.bodyHash)) return 'details are not those of their head'
    const { previous, proposer } = rules.details.decode(encodedDetails)
    if (previous.length !== 1 || !equalBytes(previous[0] as Uint8Array, parent.hash))
      return 'a block has another parent'
    const key = keys.get(toHex(proposer))
    if (key === undefined) return 'a proposer is no candidate'
    const output = vrf.verify(key, beaconAlpha(rules.domain, { epoch, view: head.view }), proof)
    if (output === false) return 'a proof does not hold'
    mix = mixOutput(mix, output)
    parent = { hash: headHash(encoded), height: head.height }
  }
  const last = blocks.at(-1)
  if (last === undefined || !rules.isCertified(last.head, certificate)) return 'the last block is not certified'
  return mix
}

function placeOf(head: Head, { domain, mainShard }: ElectionRules): string | undefined {
  if (!equalBytes(head.genesis, domain.genesisHash)) return 'a head is of another chain'
  if (!sameShard(head.shard, mainShard)) return 'a head is not of the main shard'
  return undefined
}
