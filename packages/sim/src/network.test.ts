import { expect, test } from 'vitest'
import { generateScenario } from './generate.ts'
import { Network } from './network.ts'
import type { Fault, Scenario } from './scenario.ts'

const base: Scenario = {
  ...generateScenario({ seed: 5, engine: 'simplex', nodes: 3, model: 'byzantine', whole: false }),
  link: { minMs: 10, maxMs: 50 },
  faults: [],
}

/** Arrivals of 200 messages on each link, sent one a millisecond. */
function arrivals(faults: readonly Fault[], from = 0, to = 1): number[][] {
  const network = new Network({ ...base, faults }, 3, (host) => host)
  return Array.from({ length: 200 }, (_, i) => {
    network.refresh(i)
    return network.arrivals.slice(0, network.route(i, from, to))
  })
}

test('a healthy link loses nothing and keeps its bounds', () => {
  arrivals([]).forEach((times, i) => {
    expect(times).toHaveLength(1)
    expect(times[0]! - i).toBeGreaterThanOrEqual(10)
    expect(times[0]! - i).toBeLessThanOrEqual(50)
  })
})

test('taking a fault out changes nothing but what it touched', () => {
  const loss: Fault = { type: 'loss', fromMs: 50, untilMs: 100, ratio: 0.5 }
  const duplicate: Fault = { type: 'duplicate', fromMs: 0, untilMs: 200, ratio: 0.3 }
  const both = arrivals([loss, duplicate])
  const without = arrivals([duplicate])
  const lost = both.filter((times) => times.length === 0).length
  expect(lost).toBeGreaterThan(10)
  both.forEach((times, i) => {
    if (times.length > 0) expect(times).toEqual(without[i])
  })
  expect(both.slice(0, 50)).toEqual(without.slice(0, 50))
  expect(without.filter((times) => times.length === 2).length).toBeGreaterThan(30)
})

test('a partition cuts in the direction that it names', () => {
  const cut = (direction: 'both' | 'into' | 'out-of'): Fault => ({
    type: 'partition',
    fromMs: 0,
    untilMs: 200,
    side: [0],
    cut: direction,
  })
  const heard = (fault: Fault) =>
    [arrivals([fault], 0, 1), arrivals([fault], 1, 0), arrivals([fault], 1, 2)].map((all) => all.flat().length)
  expect(heard(cut('both'))).toEqual([0, 0, 200])
  expect(heard(cut('into'))).toEqual([200, 0, 200])
  expect(heard(cut('out-of'))).toEqual([0, 200, 200])
})

test('a clogged link gives all at its end, and reordering makes messages overtake', () => {
  const clogged = arrivals([{ type: 'clog', fromMs: 0, untilMs: 200, from: 0, to: 1 }])
  expect(Math.min(...clogged.flat())).toBeGreaterThanOrEqual(200)
  expect(arrivals([{ type: 'clog', fromMs: 0, untilMs: 200, from: 0, to: 1 }], 1, 0)).toEqual(arrivals([], 1, 0))
  const late = arrivals([{ type: 'reorder', fromMs: 0, untilMs: 200, ratio: 0.5, maxMs: 500 }]).flat()
  expect(late.some((atMs, i) => i > 0 && atMs < late[i - 1]! - 50)).toBe(true)
})
