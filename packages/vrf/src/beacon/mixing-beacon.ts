import {
  ArmError,
  bytes32,
  type Codec,
  compile,
  concatBytes,
  list,
  type Outcome,
  refuse,
  sha256,
  struct,
  u53,
} from '@armchain/core'
import { deriveSeed } from '../dealing/seed-stream.ts'
import { beaconAlpha, type ChainDomain } from '../ecvrf/alpha.ts'
import { ecvrf } from '../ecvrf/ecvrf.ts'
import { MIXING_SLOTS_MAX } from '../limits.ts'
import type { Beacon, BeaconBlock, BeaconState, EpochSeed, Folded } from './beacon.ts'

/**
 * The beacon out of proofs in main-shard blocks.
 *
 * Rules:
 * 1. The leader of each view puts its proof for (epoch, view) in its block. It has no say in the output, only in whether there
 *    is a block. A block whose proof does not hold is invalid.
 * 2. Outputs of the first `mixingBlocks` of an epoch are mixed in finalised order: mix = SHA-256(mix || output). The mix
 *    goes on from epoch to epoch.
 * 3. When the last of them is in, the seed of the epoch after the next follows from the mix. The rest of the epoch and all of the
 *    next are for making ready: what is dealt from the seed is announced one epoch ahead.
 * 4. Keys that prove in epoch e, and stake that is dealt with the seed of e + 2, are frozen before epoch e begins: nobody can
 *    choose them to suit the mix.
 *
 * What is left is the last revealer's: who leads the last k slots of the window may publish or skip in each, so choose among
 * 2^k mixes. `expectedChoices` says how many that are on average; each skip costs the slot's reward and shows.
 *
 * Deviations: none from the design notes.
 */
export type MixingRules = {
  /** Blocks of an epoch. */
  readonly epochBlocks: number
  /** How many of them are mixed: two thirds, unless there is a reason. */
  readonly mixingBlocks: number
}

export type VrfContribution = {
  /** The proposer's VRF key, as frozen for the epoch: the caller knows whose it is. */
  readonly vrfKey: Uint8Array
  readonly proof: Uint8Array
}

export const beaconStateCodec: Codec<BeaconState> = compile(
  struct(
    ['epoch', u53],
    ['next', u53],
    ['view', u53],
    ['mix', bytes32],
    ['seeds', list(struct(['epoch', u53], ['seed', bytes32]), 4)],
  ),
)

const vrf = ecvrf('ECVRF-EDWARDS25519-SHA512-ELL2')
const epochCodec: Codec<{ readonly mix: Uint8Array; readonly epoch: number }> = compile(
  struct(['mix', bytes32], ['epoch', u53]),
)

/** Two thirds of an epoch. */
export function defaultMixingBlocks(epochBlocks: number): number {
  return Math.max(1, Math.floor((2 * epochBlocks) / 3))
}

/** @throws {ArmError} `ARM_ARGUMENT` for a window that is no part of an epoch. */
export function mixingBeacon(domain: ChainDomain, rules: MixingRules): Beacon<VrfContribution> {
  const { epochBlocks, mixingBlocks } = rules
  const fits = Number.isInteger(epochBlocks) && Number.isInteger(mixingBlocks)
  if (!fits || mixingBlocks < 1 || mixingBlocks > epochBlocks || mixingBlocks > MIXING_SLOTS_MAX)
    throw new ArmError('ARM_ARGUMENT', 'the mixing window is no part of an epoch', { epochBlocks, mixingBlocks })
  return {
    start: () => startState(domain),
    fold: (state, block) => foldBeacon(domain, rules, state, block),
  }
}

/** The seed of `epoch` out of a mix. */
export function epochSeed(domain: ChainDomain, mix: Uint8Array, epoch: number): Uint8Array {
  return deriveSeed(domain, 'epoch', epochCodec.encode({ mix, epoch }))
}

/** One step of the mix. */
export function mixOutput(mix: Uint8Array, output: Uint8Array): Uint8Array {
  return sha256(concatBytes(mix, output))
}

/** The first two epochs have seeds that follow from genesis: who is in it is no chance anyway. */
function startState(domain: ChainDomain): BeaconState {
  const mix = domain.genesisHash
  const seeds = [0, 1].map((epoch) => ({ epoch, seed: epochSeed(domain, mix, epoch) }))
  return { epoch: 0, next: 0, view: 0, mix, seeds }
}

function foldBeacon(
  domain: ChainDomain,
  { epochBlocks, mixingBlocks }: MixingRules,
  before: BeaconState,
  { epoch, index, view, contribution }: BeaconBlock<VrfContribution>,
): Outcome<Folded> {
  const state = before.next === epochBlocks ? nextEpoch(before) : before
  if (epoch !== state.epoch || index !== state.next)
    return refuse('ARM_ELECTION', 'a block is not the next for the beacon', { epoch, index, next: state.next })
  if (view <= state.view)
    return refuse('ARM_ELECTION', 'a block is of no later view than the one before', { view, before: state.view })
  const output = vrf.verify(contribution.vrfKey, beaconAlpha(domain, { epoch, view }), contribution.proof)
  if (output === false) return refuse('ARM_ELECTION', 'the proof for the beacon does not hold', { epoch, view })
  const mix = index < mixingBlocks ? mixOutput(state.mix, output) : state.mix
  const known: EpochSeed[] = state.seeds.filter((each) => each.epoch >= epoch)
  if (index === mixingBlocks - 1) known.push({ epoch: epoch + 2, seed: epochSeed(domain, mix, epoch + 2) })
  return {
    ok: true,
    value: {
      state: { epoch, next: index + 1, view, mix, seeds: known },
      entropy: sha256(output),
      skippedViews: view - state.view - 1,
    },
  }
}

function nextEpoch({ epoch, mix, seeds }: BeaconState): BeaconState {
  return { epoch: epoch + 1, next: 0, view: 0, mix, seeds }
}
