import fc from 'fast-check'
import { expect, test } from 'vitest'
import { REPLAY_SENDERS_MAX, REPLAY_WINDOW, SEALED_AGE_MS_MAX, SEALED_SKEW_MS_MAX } from './limits.ts'
import { ReplayGuard, SEQUENCES_PER_MS } from './replay-guard.ts'

const START_MS = 1_800_000_000_000

function sender(index: number): Uint8Array {
  const key = new Uint8Array(32)
  new DataView(key.buffer).setUint32(0, index)
  return key
}

function sequence(afterStartMs: number): number {
  return (START_MS + afterStartMs) * SEQUENCES_PER_MS
}

test('each number is taken once, in the order of sending or out of it', () => {
  const guard = new ReplayGuard(START_MS)
  const nowMs = START_MS + 1000
  for (const afterMs of [10, 30, 20, 40]) expect(guard.take(sender(1), sequence(afterMs), nowMs)).toBe('fresh')
  for (const afterMs of [10, 20, 30, 40]) expect(guard.take(sender(1), sequence(afterMs), nowMs)).toBe('replayed')
  expect(guard.take(sender(2), sequence(10), nowMs)).toBe('fresh')
})

test('what is too old, from before the start, or from the future is not taken', () => {
  const guard = new ReplayGuard(START_MS)
  const nowMs = START_MS + 2 * SEALED_AGE_MS_MAX
  expect(guard.judge(sender(1), sequence(nowMs - START_MS - SEALED_AGE_MS_MAX - 1), nowMs)).toBe('old')
  expect(guard.judge(sender(1), sequence(nowMs - START_MS - SEALED_AGE_MS_MAX), nowMs)).toBe('fresh')
  expect(guard.judge(sender(1), sequence(nowMs - START_MS + SEALED_SKEW_MS_MAX), nowMs)).toBe('fresh')
  expect(guard.judge(sender(1), sequence(nowMs - START_MS + SEALED_SKEW_MS_MAX + 1), nowMs)).toBe('early')
  expect(guard.judge(sender(1), sequence(0), START_MS)).toBe('old')
  guard.take(sender(1), sequence(5), START_MS)
  expect(guard.take(sender(1), sequence(-1), START_MS)).toBe('old')
})

test('below a full window nothing is taken', () => {
  const guard = new ReplayGuard(START_MS)
  const nowMs = START_MS + 1000
  for (let i = 1; i <= REPLAY_WINDOW; i++) guard.take(sender(1), sequence(2 * i), nowMs)
  expect(guard.judge(sender(1), sequence(1), nowMs)).toBe('old')
  expect(guard.judge(sender(1), sequence(5), nowMs)).toBe('fresh')
})

test('a sender that is forgotten for others cannot be replayed, and others are still heard', () => {
  const guard = new ReplayGuard(START_MS)
  const nowMs = START_MS + SEALED_AGE_MS_MAX
  for (let i = 0; i <= REPLAY_SENDERS_MAX; i++) expect(guard.take(sender(i), sequence(i + 1), nowMs)).toBe('fresh')
  expect(guard.senders).toBe(REPLAY_SENDERS_MAX)
  expect(guard.take(sender(0), sequence(1), nowMs)).toBe('old')
  expect(guard.take(sender(0), sequence(REPLAY_SENDERS_MAX + 2), nowMs)).toBe('fresh')
  expect(guard.take(sender(9_999_999), sequence(SEALED_AGE_MS_MAX), nowMs)).toBe('fresh')
})

test('whatever comes in whatever order, no number of a sender is taken twice', () => {
  const messages = fc.array(fc.tuple(fc.nat(3), fc.nat(200)), { maxLength: 400 })
  fc.assert(
    fc.property(messages, (list) => {
      const guard = new ReplayGuard(START_MS)
      const taken = new Set<string>()
      for (const [from, afterMs] of list) {
        if (guard.take(sender(from), sequence(afterMs), START_MS + 200) !== 'fresh') continue
        const name = `${from}/${afterMs}`
        expect(taken.has(name)).toBe(false)
        taken.add(name)
      }
    }),
  )
})
