import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PeerNumbers } from './peer-numbers.ts'

const SEATS = ['v0', undefined, 'v2'] as const

test('validators have their seats, and others numbers above, which they keep while they are known', () => {
  const numbers = new PeerNumbers(SEATS, 10)
  expect(['v2', 'a', 'b', 'v0', 'a'].map((peer) => numbers.of(peer))).toEqual([2, 3, 4, 0, 3])
  expect([0, 1, 2, 3, 4, 5].map((number) => numbers.peer(number))).toEqual(['v0', undefined, 'v2', 'a', 'b', undefined])
})

test('whoever speaks, no number is of two peers, and no more are remembered than may be', () => {
  const words = fc.array(fc.oneof(fc.constantFrom('v0', 'v2'), fc.nat(20).map(String)), { maxLength: 200 })
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 8 }), (peers, othersMax) => {
      const numbers = new PeerNumbers(SEATS, othersMax)
      const owners = new Map<number, string>()
      for (const peer of peers) {
        const number = numbers.of(peer)
        expect(owners.get(number) ?? peer).toBe(peer)
        owners.set(number, peer)
        expect(numbers.peer(number)).toBe(peer)
        const known = [...owners.keys()].filter((each) => each >= SEATS.length && numbers.peer(each) !== undefined)
        expect(known.length).toBeLessThanOrEqual(othersMax)
      }
      expect(peers.includes('v0') ? numbers.of('v0') : 0).toBe(0)
    }),
  )
})
