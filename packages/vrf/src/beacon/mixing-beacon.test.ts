import { equalBytes, sha256, toHex } from '@armchain/core'
import { ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { domain, seedOf } from '../dealing/dealing.fixture.ts'
import { SeedStream } from '../dealing/seed-stream.ts'
import { expectedChoices } from '../risk/yearly.ts'
import { type BeaconState, type Folded, seedFor } from './beacon.ts'
import {
  beaconStateCodec,
  defaultMixingBlocks,
  epochSeed,
  mixingBeacon,
  mixOutput,
  type VrfContribution,
} from './mixing-beacon.ts'
import { proveBeacon, vrfKeyPair } from './prover.ts'

const rules = { epochBlocks: 6, mixingBlocks: 4 }
const beacon = mixingBeacon(domain, rules)
const keys = Array.from({ length: 3 }, (_, i) => vrfKeyPair(seedOf(`validator ${i}`), domain))

function contribute(epoch: number, view: number, who = view): VrfContribution {
  const { publicKey, secretKey } = keys[who % keys.length] as (typeof keys)[number]
  return { vrfKey: publicKey, proof: proveBeacon(secretKey, domain, { epoch, view }) }
}

/** Folds whole epochs, a block in each of the views. */
function run(views: readonly (readonly number[])[]): { states: BeaconState[]; folded: Folded[] } {
  let state = beacon.start()
  const folded: Folded[] = []
  for (const [epoch, each] of views.entries())
    for (const [index, view] of each.entries()) {
      const outcome = beacon.fold(state, { epoch, index, view, contribution: contribute(epoch, view) })
      if (!outcome.ok) throw new Error(outcome.reason.code)
      folded.push(outcome.value)
      state = outcome.value.state
    }
  return { states: [beacon.start(), ...folded.map((each) => each.state)], folded }
}

describe('the mixing beacon', () => {
  const views = [
    [1, 2, 3, 4, 5, 6],
    [2, 3, 7, 8, 9, 10],
    [1, 2, 3, 4, 5, 6],
  ]
  const { states, folded } = run(views)

  test('the seed of an epoch is known once the window two epochs before has ended, and not sooner', () => {
    expect([0, 1, 2].map((epoch) => seedFor(states[0] as BeaconState, epoch) !== undefined)).toEqual([
      true,
      true,
      false,
    ])
    for (let epoch = 0; epoch < 3; epoch++) {
      const at = (blocks: number): BeaconState => states[6 * epoch + blocks] as BeaconState
      expect(seedFor(at(rules.mixingBlocks - 1), epoch + 2)).toBeUndefined()
      const seed = seedFor(at(rules.mixingBlocks), epoch + 2) as Uint8Array
      expect(seed).toEqual(epochSeed(domain, at(rules.mixingBlocks).mix, epoch + 2))
      expect(seedFor(at(6), epoch + 2)).toEqual(seed)
    }
    const seeds = [0, 1, 2, 3, 4].map((epoch) => seedFor(states[Math.max(0, 6 * epoch - 6)] as BeaconState, epoch))
    expect(new Set(seeds.map((seed) => toHex(seed as Uint8Array))).size).toBe(5)
  })

  test('blocks behind the window change nothing but the place', () => {
    const after = states.slice(4, 7).map(({ mix }) => toHex(mix))
    expect(new Set(after).size).toBe(1)
    expect(new Set(folded.map(({ entropy }) => toHex(entropy))).size).toBe(18)
  })

  test('seeds of past epochs are dropped, and a state has one encoding', () => {
    for (const state of states) {
      expect(state.seeds.length).toBeLessThanOrEqual(4)
      expect(state.seeds.every(({ epoch }) => epoch >= state.epoch)).toBe(true)
      expect(beaconStateCodec.decode(beaconStateCodec.encode(state))).toEqual(state)
    }
  })

  test('skipped views are counted from block to block, and from the first view of an epoch', () => {
    expect(folded.map(({ skippedViews }) => skippedViews)).toEqual([
      0, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ])
  })

  test('a skipped block gives another seed', () => {
    const other = run([[1, 2, 3, 5, 6, 7]])
    const seed = (of: readonly BeaconState[]): Uint8Array => seedFor(of[4] as BeaconState, 2) as Uint8Array
    expect(equalBytes(seed(other.states), seed(states))).toBe(false)
  })

  test('what is out of order or does not hold is refused', () => {
    const state = states[2] as BeaconState
    const good = { epoch: 0, index: 2, view: 3, contribution: contribute(0, 3) }
    expect(beacon.fold(state, good).ok).toBe(true)
    const { proof, vrfKey } = good.contribution
    const bad = [
      { ...good, epoch: 1 },
      { ...good, index: 3 },
      { ...good, index: 1 },
      { ...good, view: 2, contribution: contribute(0, 2) },
      { ...good, view: 4 },
      { ...good, contribution: { vrfKey: keys[1]?.publicKey as Uint8Array, proof } },
      { ...good, contribution: { vrfKey, proof: proof.with(79, (proof[79] as number) ^ 1) } },
      { ...good, contribution: { vrfKey, proof: new Uint8Array(0) } },
      { ...good, contribution: { vrfKey: new Uint8Array(32), proof } },
    ]
    for (const block of bad)
      expect(beacon.fold(state, block)).toMatchObject({ ok: false, reason: { code: 'ARM_ELECTION' } })
    const early = { epoch: 1, index: 0, view: 1, contribution: contribute(1, 1) }
    expect(beacon.fold(states[5] as BeaconState, early).ok).toBe(false)
    expect(beacon.fold(states[6] as BeaconState, early).ok).toBe(true)
  })

  test('a window that is no part of an epoch is refused', () => {
    expect(defaultMixingBlocks(900)).toBe(600)
    expect(defaultMixingBlocks(1)).toBe(1)
    for (const change of [{ mixingBlocks: 0 }, { mixingBlocks: 7 }, { epochBlocks: 6.5 }, { mixingBlocks: 1.5 }])
      expect(() => mixingBeacon(domain, { ...rules, ...change })).toThrow(
        expect.objectContaining({ code: 'ARM_ARGUMENT' }),
      )
  })

  test('the key is another than the one that signs, and another on each chain', () => {
    const secret = seedOf('validator 0')
    expect(vrfKeyPair(secret, domain).publicKey).not.toEqual(ed25519.getPublicKey(secret))
    expect(vrfKeyPair(secret, { ...domain, schemaVersion: 2 }).publicKey).not.toEqual(keys[0]?.publicKey)
  })
})

describe('bias of the last revealer, measured', () => {
  const WINDOW = 10
  const TRIALS = 60_000

  /** The slots at the end of the window that the adversary leads. */
  function lastSlots(share: number, chance: SeedStream): number {
    let held = 0
    while (held < WINDOW && chance.below(1_000_000) < share * 1_000_000) held++
    return held
  }

  /** Every mix that the holder of the last slots can bring about, by publishing or skipping in each. */
  function reachable(mix: Uint8Array, outputs: readonly Uint8Array[]): Uint8Array[] {
    const [first, ...rest] = outputs
    if (first === undefined) return [mix]
    return [...reachable(mix, rest), ...reachable(mixOutput(mix, first), rest)]
  }

  test.each([0.1, 0.25, 1 / 3])('share %d: seeds to choose from, and what the best of them is worth', (share) => {
    const chance = new SeedStream(seedOf(`bias ${share}`))
    const expected = expectedChoices(share, WINDOW)
    let choices = 0
    let squares = 0
    let wins = 0
    for (let trial = 0; trial < TRIALS; trial++) {
      const held = lastSlots(share, chance)
      const outputs = Array.from({ length: held }, (_, i) => sha256(Uint8Array.of(i, trial >> 16, trial >> 8, trial)))
      const seeds = reachable(seedOf(`window ${trial}`), outputs)
      choices += seeds.length
      squares += seeds.length ** 2
      // An event that a fair seed has once in 1024.
      if (seeds.some((seed) => ((seed[0] as number) << 8) + (seed[1] as number) < 64)) wins++
    }
    const mean = choices / TRIALS
    const deviation = Math.sqrt((squares / TRIALS - mean * mean) / TRIALS)
    expect(Math.abs(mean - expected)).toBeLessThan(4 * deviation)
    const fair = TRIALS / 1024
    // The union bound holds, and is nearly reached: bad luck of one in a thousand becomes one in a thousand times choices.
    expect(wins).toBeLessThan(fair * expected + 4 * Math.sqrt(fair * expected))
    expect(wins).toBeGreaterThan(fair * expected * 0.85 - 4 * Math.sqrt(fair * expected))
  })
})
