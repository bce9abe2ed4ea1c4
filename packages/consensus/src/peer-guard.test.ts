import { expect, test } from 'vitest'
import { GUARDED_PEERS_MAX } from './limits.ts'
import { PeerGuard, type PeerLimits } from './peer-guard.ts'

const limits: PeerLimits = {
  messagesPerSecond: 10,
  messagesBurst: 20,
  bytesPerSecond: 1_000,
  bytesBurst: 5_000,
  faultsMax: 3,
  faultWindowMs: 1_000,
  cutOffMs: 500,
}

test('a peer within its rate is heard for ever, and a burst of the limit too', () => {
  const guard = new PeerGuard(limits)
  for (let i = 0; i < 20; i++) expect(guard.admit(0, 1, 10)).toBe('heard')
  for (let nowMs = 100; nowMs < 60_000; nowMs += 100) expect(guard.admit(nowMs, 1, 100)).toBe('heard')
})

test('who sends more messages, or more bytes, is cut off, others are not, and is heard anew afterwards', () => {
  for (const sizeBytes of [1, 1_000]) {
    const guard = new PeerGuard(limits)
    const answers = Array.from({ length: 40 }, () => guard.admit(0, 1, sizeBytes))
    const heard = sizeBytes === 1 ? 20 : 5
    expect(answers.slice(0, heard + 2)).toEqual([...Array(heard).fill('heard'), 'cut-off-now', 'ignored'])
    expect(guard.isCutOff(499, 1)).toBe(true)
    expect(guard.admit(499, 2, 1)).toBe('heard')
    expect(guard.admit(500, 1, 1)).toBe('heard')
  }
})

test('faults add up within a window only, and one cut-off is told once', () => {
  const guard = new PeerGuard(limits)
  expect([0, 1, 1_000, 1_001].map((nowMs) => guard.blame(nowMs, 1))).toEqual([false, false, false, false])
  expect(guard.blame(1_002, 1)).toBe(true)
  expect(guard.blame(1_003, 1)).toBe(false)
  expect(guard.admit(1_003, 1, 1)).toBe('ignored')
})

test('a clock that is put back earns nothing, and cuts nobody off', () => {
  const guard = new PeerGuard(limits)
  for (let i = 0; i < 15; i++) expect(guard.admit(10_000 - 100 * i, 1, 1)).toBe('heard')
})

test('the accounts are bounded, and those that are cut off are forgotten last', () => {
  const guard = new PeerGuard(limits)
  for (let i = 0; i < 3; i++) guard.blame(0, 0)
  for (let peer = 1; peer <= 2 * GUARDED_PEERS_MAX; peer++) guard.admit(1, peer, 1)
  expect(guard.isCutOff(1, 0)).toBe(true)
})
