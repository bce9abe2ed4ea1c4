import {
  activeEd25519,
  type Head,
  headCodec,
  headHash,
  keyPairFromSecret,
  sha256,
  utf8,
  wholeShard,
} from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verifyCertificate } from './certificate.ts'
import { equalWeights } from './committee.ts'
import type { ConsensusEngine, EngineEffect, EngineInput, Epoch, Pace } from './engine.ts'
import { ed25519List } from './schemes/ed25519-list.ts'
import { createSoloEngine } from './solo.ts'

const validator = keyPairFromSecret(sha256(utf8('validator')))
const genesisHash = sha256(utf8('genesis'))
const zero = new Uint8Array(32)
const committee = equalWeights([validator.publicKey], { scheme: ed25519List, faults: 'byzantine' })
const EPOCH: Epoch = { number: 0, startHeight: 0, startHash: zero, seed: zero }
const STEADY: Pace = { blockTimeMs: 100, idleMs: 100, mode: 'timed' }
const EAGER: Pace = { blockTimeMs: 100, idleMs: 1_000, mode: 'timed' }
const MANUAL: Pace = { blockTimeMs: 100, idleMs: 100, mode: 'manual' }
const START_MS = 5_000

function create(pace: Pace, role: 'validator' | 'observer' = 'validator'): ConsensusEngine {
  const sign = (message: Uint8Array) => activeEd25519().sign(message, validator.secretKey)
  return createSoloEngine({
    genesisHash,
    shard: wholeShard(1),
    schemaVersion: 1,
    epoch: EPOCH,
    committee,
    commits: () => true,
    pace,
    ...(role === 'validator' && { self: { index: 0, sign } }),
  })
}

function started(pace: Pace, role: 'validator' | 'observer' = 'validator') {
  const engine = create(pace, role)
  const effects = engine.step(START_MS, { type: 'start', height: 0, headHash: zero, records: [] })
  return { engine, effects }
}

function headAt(height: number, view = height): Uint8Array {
  const roots = { stateRoot: zero, outboxRoot: zero, shardTopsRoot: zero, workerTopsRoot: zero, committeesRoot: zero }
  const place = { genesis: genesisHash, shard: wholeShard(1), epoch: 0, view, height, timeMs: 0 }
  const head: Head = { ...place, ...roots, nextCommittee: zero, bodyHash: zero }
  return headCodec.encode(head)
}

const proposed = (height: number, head: Uint8Array | undefined = headAt(height)): EngineInput => ({
  type: 'proposed',
  view: height,
  height,
  ...(head && { head, payload: zero }),
})
const timer: EngineInput = { type: 'timer', id: 1 }
const kinds = (effects: readonly EngineEffect[]) => effects.map(({ type }) => type)

test('a steady beat: proposes when the time is due, finalises what it is given, and sets the next timer', () => {
  const { engine, effects } = started(STEADY)
  expect(effects).toEqual([{ type: 'timer', id: 1, atMs: START_MS + 100 }])
  expect(engine.step(START_MS + 99, timer)).toEqual([{ type: 'timer', id: 1, atMs: START_MS + 100 }])
  expect(engine.step(START_MS + 100, timer)).toEqual([{ type: 'propose', view: 1, epoch: 0, height: 1, parent: zero }])
  const [final, next] = engine.step(START_MS + 130, proposed(1)) as [EngineEffect & { type: 'finalized' }, EngineEffect]
  expect(final).toMatchObject({ type: 'finalized', height: 1, headHash: headHash(headAt(1)) })
  const rules = { genesisHash, schemaVersion: 1, committee }
  expect(verifyCertificate(headAt(1), final.certificate, rules).ok).toBe(true)
  expect(next).toEqual({ type: 'timer', id: 1, atMs: START_MS + 230 })
  expect(engine.step(START_MS + 230, timer)).toMatchObject([
    { type: 'propose', height: 2, parent: headHash(headAt(1)) },
  ])
})

test('with work it makes a block as soon as the block time allows, without it after the idle time', () => {
  const { engine } = started(EAGER)
  expect(engine.step(START_MS + 50, { type: 'work' })).toEqual([{ type: 'timer', id: 1, atMs: START_MS + 100 }])
  expect(kinds(engine.step(START_MS + 100, timer))).toEqual(['propose'])
  expect(engine.step(START_MS + 100, proposed(1))[1]).toEqual({ type: 'timer', id: 1, atMs: START_MS + 1_100 })
  expect(kinds(engine.step(START_MS + 1_099, timer))).toEqual(['timer'])
  expect(kinds(engine.step(START_MS + 1_100, timer))).toEqual(['propose'])
  engine.step(START_MS + 1_100, proposed(2))
  expect(kinds(engine.step(START_MS + 1_300, { type: 'work' }))).toEqual(['propose'])
})

test('work that comes while a block is made waits for the next block', () => {
  const { engine } = started(EAGER)
  engine.step(START_MS + 1_000, timer)
  expect(engine.step(START_MS + 1_001, { type: 'work' })).not.toContainEqual(
    expect.objectContaining({ type: 'propose' }),
  )
  expect(engine.step(START_MS + 1_010, proposed(1))[1]).toEqual({ type: 'timer', id: 1, atMs: START_MS + 1_110 })
})

test('manual: no timer, and a block for each seal alone', () => {
  const { engine, effects } = started(MANUAL)
  expect(effects).toEqual([])
  expect(engine.step(START_MS + 900, { type: 'work' })).toEqual([])
  expect(engine.step(START_MS + 900, timer)).toEqual([])
  expect(kinds(engine.step(START_MS + 900, { type: 'seal' }))).toEqual(['propose'])
  expect(engine.step(START_MS + 900, { type: 'seal' })).toEqual([])
  expect(kinds(engine.step(START_MS + 900, proposed(1)))).toEqual(['finalized'])
  expect(kinds(engine.step(START_MS + 900, { type: 'seal' }))).toEqual(['propose'])
})

test('an observer makes no blocks and sets no timers', () => {
  const { engine, effects } = started(STEADY, 'observer')
  expect(effects).toEqual([])
  for (const input of [timer, { type: 'work' }, { type: 'seal' }, proposed(1)] as const)
    expect(engine.step(START_MS + 5_000, input)).toEqual([])
})

test('a block that could not be built is tried again, with the work that it was for', () => {
  const { engine } = started(EAGER)
  engine.step(START_MS + 50, { type: 'work' })
  expect(kinds(engine.step(START_MS + 100, timer))).toEqual(['propose'])
  const failed: EngineInput = { type: 'proposed', view: 1, height: 1 }
  expect(engine.step(START_MS + 110, failed)).toEqual([{ type: 'timer', id: 1, atMs: START_MS + 210 }])
  expect(engine.step(START_MS + 210, timer)).toMatchObject([{ type: 'propose', height: 1 }])
})

test('what was fetched moves it on; an answer to an older question finalises nothing', () => {
  const { engine } = started(STEADY)
  expect(kinds(engine.step(START_MS + 100, timer))).toEqual(['propose'])
  const synced: EngineInput = { type: 'synced', height: 4, headHash: headHash(headAt(4)), certificate: zero }
  engine.step(START_MS + 110, synced)
  expect(kinds(engine.step(START_MS + 120, proposed(1)))).toEqual(['timer'])
  expect(engine.step(START_MS + 220, timer)).toMatchObject([
    { type: 'propose', height: 5, parent: headHash(headAt(4)) },
  ])
  engine.step(START_MS + 225, { type: 'synced', height: 2, headHash: zero, certificate: zero })
  expect(engine.step(START_MS + 230, proposed(5))[0]).toMatchObject({ type: 'finalized', height: 5 })
  expect(engine.step(START_MS + 231, proposed(6))).toEqual([])
})

test('messages, verdicts and timers of others are nothing to it', () => {
  const { engine } = started(STEADY)
  const others: readonly EngineInput[] = [
    { type: 'message', from: 3, bytes: zero },
    { type: 'verified', view: 1, headHash: zero, valid: true },
    { type: 'timer', id: 9 },
  ]
  for (const input of others) expect(engine.step(START_MS + 5_000, input)).toEqual([])
})

test('two validators are none of its kind', () => {
  const config = {
    genesisHash,
    shard: wholeShard(1),
    schemaVersion: 1,
    epoch: EPOCH,
    pace: STEADY,
    commits: () => true,
  }
  const two = equalWeights([zero, sha256(zero)], { scheme: ed25519List, faults: 'byzantine' })
  expect(() => createSoloEngine({ ...config, committee: two })).toThrow('exactly one validator')
})

const anyInput: fc.Arbitrary<EngineInput> = fc.oneof(
  fc.constant(timer),
  fc.constant<EngineInput>({ type: 'work' }),
  fc.constant<EngineInput>({ type: 'seal' }),
  fc.nat(8).map((height) => proposed(height)),
  fc.constant<EngineInput>({ type: 'proposed', view: 1, height: 1 }),
  fc
    .nat(8)
    .map((height): EngineInput => ({ type: 'synced', height, headHash: headHash(headAt(height)), certificate: zero })),
)

test('whatever comes in: same inputs, same effects; heights rise; no block sooner than the block time', () => {
  const pace = fc.constantFrom(STEADY, EAGER)
  fc.assert(
    fc.property(pace, fc.array(fc.tuple(anyInput, fc.nat(150)), { maxLength: 40 }), (chosen, inputs) => {
      const [a, b] = [started(chosen).engine, started(chosen).engine]
      let nowMs = START_MS
      let finalHeight = 0
      let answeredMs = START_MS
      for (const [input, waitMs] of inputs) {
        nowMs += waitMs
        const effects = a.step(nowMs, input)
        expect(b.step(nowMs, input)).toEqual(effects)
        for (const effect of effects) {
          if (effect.type === 'finalized') {
            expect(effect.height).toBeGreaterThan(finalHeight)
            finalHeight = effect.height
            answeredMs = nowMs
          }
          if (effect.type === 'propose' && input.type !== 'seal') expect(nowMs - answeredMs).toBeGreaterThanOrEqual(100)
          if (effect.type === 'timer') expect(effect.atMs).toBeGreaterThanOrEqual(nowMs)
        }
        if (input.type === 'synced') finalHeight = Math.max(finalHeight, input.height)
      }
    }),
    { numRuns: 500 },
  )
})
