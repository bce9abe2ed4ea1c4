import { expect, test } from 'vitest'
import type { GossipInternals } from './gossip-internals.ts'
import { GossipWatchdog } from './gossip-watchdog.ts'
import { WATCHDOG_FIRST_LOOKS, WATCHDOG_LOOKS } from './limits.ts'

function watched() {
  const peers = new Map<string, unknown>()
  const streamsInbound = new Map<string, unknown>()
  const streamsOutbound = new Map<string, unknown>()
  const watchdog = new GossipWatchdog({
    peers,
    streamsInbound,
    streamsOutbound,
  } as Partial<GossipInternals> as GossipInternals)
  const enter = (peer: string): void => {
    for (const map of [peers, streamsInbound, streamsOutbound]) map.set(peer, true)
  }
  return { watchdog, enter, streamsInbound, streamsOutbound }
}

test('who falls out of gossip is found after some looks, and once', () => {
  const { watchdog, enter, streamsInbound } = watched()
  const connected = new Set(['a', 'b'])
  for (const peer of connected) enter(peer)
  expect(watchdog.look(connected)).toEqual([])
  streamsInbound.delete('a')
  for (let i = 1; i < WATCHDOG_LOOKS; i++) expect(watchdog.look(connected)).toEqual([])
  expect(watchdog.look(connected)).toEqual(['a'])
  expect(watchdog.look(connected)).toEqual([])
})

test('who comes back in between is left alone', () => {
  const { watchdog, enter, streamsOutbound } = watched()
  enter('a')
  for (let i = 0; i < 10; i++) {
    expect(watchdog.look(new Set(['a']))).toEqual([])
    if (i % 2 === 0) streamsOutbound.delete('a')
    else streamsOutbound.set('a', true)
  }
})

test('who has just connected has longer, and longer again after a new connection', () => {
  const { watchdog } = watched()
  for (let i = 1; i < WATCHDOG_FIRST_LOOKS; i++) expect(watchdog.look(new Set(['a']))).toEqual([])
  expect(watchdog.look(new Set(['a']))).toEqual(['a'])
  for (let i = 1; i < WATCHDOG_FIRST_LOOKS; i++) expect(watchdog.look(new Set(['a']))).toEqual([])
  expect(watchdog.look(new Set([]))).toEqual([])
  expect(watchdog.look(new Set(['a']))).toEqual([])
})
