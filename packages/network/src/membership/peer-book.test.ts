import { type Rng, sha256, utf8 } from '@armchain/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressGroup } from './address-group.ts'
import { honestPeersChance } from './honest-chance.ts'
import {
  FEELER_INTERVAL_MS,
  NEW_BUCKET_PLACES,
  NEW_BUCKETS,
  NEW_BUCKETS_PER_SOURCE,
  OUTBOUND_EXTRA,
  OUTBOUND_PEERS,
  OUTBOUND_VOUCHED,
  ROTATION_MS,
  TRIED_BUCKET_PLACES,
  TRIED_BUCKETS,
  TRIED_BUCKETS_PER_GROUP,
} from './limits.ts'
import { type BookContact, type BookView, type OutboundPeer, PeerBook, type SavedBook } from './peer-book.ts'

const START_MS = 1_800_000_000_000

function chance(seed: number): Rng {
  let next = 0
  return { bytes: (count) => sha256(utf8(`${seed}/${next++}`)).subarray(0, count) }
}

function bookOf(seed: number, saved?: SavedBook): PeerBook {
  const secret = sha256(utf8(`secret ${seed}`))
  return new PeerBook({ self: 'self', secret, random: chance(seed), groupOf: addressGroup, ...(saved && { saved }) })
}

function contact(name: string, high: number, low: number): BookContact {
  return {
    peer: `${name}-${high}-${low}`,
    address: `/ip4/${high >> 8}.${high & 255}.${low >> 8}.${low & 255}/tcp/4001`,
  }
}

function view(change: Partial<BookView> = {}): BookView {
  return { nowMs: START_MS, outbound: [], dialing: [], inbound: [], news: 'fresh', ...change }
}

/** A node that dials what its book plans; `reachable` says who answers. */
class Dialer {
  readonly book: PeerBook
  nowMs = START_MS
  outbound: OutboundPeer[] = []

  constructor(book: PeerBook) {
    this.book = book
  }

  step(reachable: (peer: string) => boolean, news: BookView['news'] = 'fresh'): void {
    this.nowMs += 1000
    const { dials, hangUp } = this.book.plan(view({ nowMs: this.nowMs, outbound: this.outbound, news }))
    this.outbound = this.outbound.filter(({ peer }) => !hangUp.includes(peer))
    for (const { peer, address, why } of dials) {
      if (!reachable(peer)) {
        this.book.failed(peer, this.nowMs)
        continue
      }
      this.book.connected({ peer, address }, this.nowMs)
      if (why !== 'feeler') this.outbound.push({ peer, address, sinceMs: this.nowMs })
    }
  }

  run(steps: number, reachable: (peer: string) => boolean, news: BookView['news'] = 'fresh'): void {
    for (let i = 0; i < steps; i++) this.step(reachable, news)
  }
}

test('outbound peers are as many as there should be, each of another group', () => {
  const node = new Dialer(bookOf(1))
  for (let i = 0; i < 400; i++) node.book.hear(contact('p', i % 40, i), `source ${i % 7}`, START_MS)
  node.run(20, () => true)
  expect(node.outbound).toHaveLength(OUTBOUND_PEERS)
  expect(new Set(node.outbound.map(({ address }) => addressGroup(address))).size).toBe(OUTBOUND_PEERS)
})

test('with fewer groups than places, some places stay empty', () => {
  const node = new Dialer(bookOf(1))
  for (let i = 0; i < 400; i++) node.book.hear(contact('p', i % 3, i), 'source', START_MS)
  node.run(20, () => true)
  expect(node.outbound).toHaveLength(3)
})

test('one source, and one group, fill no more than their share of the book', () => {
  const book = bookOf(2)
  for (let i = 0; i < 60_000; i++) book.hear(contact('p', i % 5000, i >> 4), 'one source', START_MS)
  expect(NEW_BUCKETS_PER_SOURCE / NEW_BUCKETS).toBe(1 / 8)
  const share = (NEW_BUCKETS * NEW_BUCKET_PLACES) / 8
  expect(book.sizes.heard).toBeGreaterThan(share / 2)
  expect(book.sizes.heard).toBeLessThanOrEqual(share)
  for (let i = 0; i < 5000; i++) book.connected(contact('q', 7, i), START_MS)
  expect(TRIED_BUCKETS_PER_GROUP / TRIED_BUCKETS).toBe(1 / 16)
  expect(book.sizes.tried).toBeLessThanOrEqual((TRIED_BUCKETS * TRIED_BUCKET_PLACES) / 16)
  expect(book.sizes.tried).toBeGreaterThan(0)
})

test('the book is bounded, whatever it is told', () => {
  const book = bookOf(3)
  for (let i = 0; i < 30_000; i++) {
    book.hear(contact('p', i, i), `source ${i}`, START_MS)
    book.connected(contact('q', i, i), START_MS)
  }
  expect(book.sizes.heard).toBeLessThanOrEqual(NEW_BUCKETS * NEW_BUCKET_PLACES)
  expect(book.sizes.tried).toBeLessThanOrEqual(TRIED_BUCKETS * TRIED_BUCKET_PLACES)
})

test('what was connected to is displaced only when it does not answer a dial any more', () => {
  const book = bookOf(4)
  const peers = Array.from({ length: 600 }, (_, i) => contact('p', 1, i))
  for (const peer of peers) book.connected(peer, START_MS)
  const before = new Set(book.save([]).tried.map(({ peer }) => peer))
  expect(before.size).toBeLessThan(600)
  const asked = book.plan(view({ nowMs: START_MS + FEELER_INTERVAL_MS })).dials.find(({ why }) => why === 'feeler')
  expect(asked && before.has(asked.peer)).toBe(true)
  expect(new Set(book.save([]).tried.map(({ peer }) => peer))).toEqual(before)
  book.failed(asked!.peer, START_MS)
  const after = new Set(book.save([]).tried.map(({ peer }) => peer))
  expect(after.has(asked!.peer)).toBe(false)
  expect(after.size).toBe(before.size)
  expect([...after].filter((peer) => !before.has(peer))).toHaveLength(1)
})

test('after a restart the longest connected are dialled first, and the book is what it was', () => {
  const node = new Dialer(bookOf(5))
  for (let i = 0; i < 300; i++) node.book.hear(contact('p', i, i), 'source', START_MS)
  node.run(30, () => true)
  const saved: SavedBook = JSON.parse(JSON.stringify(node.book.save(node.outbound)))
  const again = bookOf(5, saved)
  expect(again.sizes).toEqual(node.book.sizes)
  const longest = [...node.outbound].sort((a, b) => a.sinceMs - b.sinceMs).slice(0, 2)
  const dials = again.plan(view()).dials.filter(({ why }) => why === 'anchor')
  expect(dials.map(({ peer }) => peer)).toEqual(longest.map(({ peer }) => peer))
  again.failed(dials[0]!.peer, START_MS)
  expect(again.plan(view()).dials.filter(({ why }) => why === 'anchor')).toHaveLength(1)
})

test('a dial that fails is not repeated at once, and waits grow', () => {
  const book = bookOf(6)
  book.hear(contact('p', 1, 1), 'source', START_MS)
  const waits: number[] = []
  let nowMs = START_MS
  for (let failure = 0; failure < 6; failure++) {
    const sinceMs = nowMs
    while (book.plan(view({ nowMs })).dials.length === 0) nowMs += 1000
    waits.push(nowMs - sinceMs)
    book.failed(contact('p', 1, 1).peer, nowMs)
  }
  expect(waits[0]).toBe(0)
  for (let i = 2; i < waits.length; i++) expect(waits[i]).toBeGreaterThan((waits[i - 1] as number) / 2)
  expect(waits.at(-1)).toBeGreaterThan(60_000)
})

test('no place goes to itself, to who is connected, or twice', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(30), fc.nat(5))), fc.nat(1000), (heard, seed) => {
      const book = bookOf(seed)
      for (const [high, low] of heard) book.hear(contact('p', high, low), 'source', START_MS)
      book.hear({ peer: 'self', address: '/ip4/9.9.9.9/tcp/1' }, 'source', START_MS)
      const outbound = heard.slice(0, 2).map(([high, low]) => ({ ...contact('p', high, low), sinceMs: 0 }))
      const inbound = heard.slice(2, 4).map(([high, low]) => contact('p', high, low).peer)
      const dials = book.plan(view({ outbound, inbound })).dials.filter(({ why }) => why === 'drawn')
      const peers = dials.map(({ peer }) => peer)
      expect(new Set(peers).size).toBe(peers.length)
      for (const peer of ['self', ...inbound, ...outbound.map(({ peer }) => peer)]) expect(peers).not.toContain(peer)
    }),
    { numRuns: 50 },
  )
})

test('the chance of honest peers is that of binomials', () => {
  expect(honestPeersChance([{ count: 2, honest: 0.5 }], 1)).toBeCloseTo(0.75, 12)
  expect(honestPeersChance([{ count: 3, honest: 0.5 }], 2)).toBeCloseTo(0.5, 12)
  expect(
    honestPeersChance(
      [
        { count: 1, honest: 0.5 },
        { count: 1, honest: 0.1 },
      ],
      2,
    ),
  ).toBeCloseTo(0.05, 12)
  expect(honestPeersChance([{ count: 4, honest: 0.9 }], 0)).toBe(1)
  expect(honestPeersChance([{ count: 1, honest: 1 }], 2)).toBe(0)
})

describe('an attacker that holds all inbound connections and nine tenths of the known addresses', () => {
  const isHonest = (peer: string): boolean => !peer.startsWith('evil')
  const honestOf = ({ outbound }: Dialer): number => outbound.filter(({ peer }) => isHonest(peer)).length

  /** Nine of ten addresses are the attacker's, of as many groups as the honest ones have, each told by its own source. */
  function attacked(seed: number, vouchers: number): Dialer {
    const node = new Dialer(bookOf(seed))
    for (let i = 0; i < 3000; i++) {
      const [name, high] = i % 10 === 0 ? ['good', i] : ['evil', 10_000 + i]
      node.book.hear(contact(name, high, i), `source ${i % 50}`, START_MS)
    }
    // A third of the validators is the attacker's too.
    const vouched = Array.from({ length: vouchers }, (_, i) => contact(i % 3 === 0 ? 'evil' : 'good', 30_000 + i, i))
    node.book.vouch(vouched, START_MS)
    return node
  }

  function share(runs: number, vouchers: number, steps: number, news: BookView['news']): number {
    let held = 0
    for (let seed = 0; seed < runs; seed++) {
      const node = attacked(seed, vouchers)
      node.run(steps, () => true, news)
      if (honestOf(node) >= 2) held++
    }
    return held / runs
  }

  test('vouched peers keep two honest ones as often as computed', () => {
    const drawn = OUTBOUND_PEERS - OUTBOUND_VOUCHED
    const computed = honestPeersChance(
      [
        { count: OUTBOUND_VOUCHED, honest: 2 / 3 },
        { count: drawn, honest: 0.1 },
      ],
      2,
    )
    expect(computed).toBeGreaterThan(0.998)
    const runs = 80
    expect(share(runs, 60, 5, 'fresh')).toBeGreaterThan(computed - 3 * Math.sqrt((computed * (1 - computed)) / runs))
  })

  test('without any vouchers too, by drawing alone', () => {
    const computed = honestPeersChance([{ count: OUTBOUND_PEERS, honest: 0.1 }], 2)
    expect(computed).toBeGreaterThan(0.3)
    const runs = 80
    const seen = share(runs, 0, 5, 'fresh')
    expect(Math.abs(seen - computed)).toBeLessThan(3.5 * Math.sqrt((computed * (1 - computed)) / runs))
  })

  test('while no news come, drawn peers make way until an honest one is found', () => {
    const minutes = 10
    // The places at first, and one more draw for each rotation.
    const draws = OUTBOUND_PEERS + OUTBOUND_EXTRA + (minutes * 60_000) / ROTATION_MS
    expect(honestPeersChance([{ count: draws, honest: 0.1 }], 1)).toBeGreaterThan(0.97)
    let found = 0
    for (let seed = 0; seed < 20; seed++) {
      const node = attacked(seed, 0)
      for (let i = 0; i < minutes * 60 && honestOf(node) === 0; i++) node.step(() => true, 'stale')
      if (honestOf(node) > 0) found++
    }
    expect(found).toBe(20)
  })

  test('peers of before the attack are kept over a restart', () => {
    const node = new Dialer(bookOf(77))
    for (let i = 0; i < 200; i++) node.book.hear(contact('good', i, i), 'source', START_MS)
    node.run(10, () => true)
    const restarted = new Dialer(bookOf(77, node.book.save(node.outbound)))
    for (let i = 0; i < 20_000; i++)
      restarted.book.hear(contact('evil', 10_000 + (i % 3000), i), `source ${i % 50}`, START_MS)
    restarted.run(5, () => true)
    expect(honestOf(restarted)).toBeGreaterThanOrEqual(2)
  })
})

test('groups of addresses', () => {
  expect(addressGroup('/ip4/10.20.30.40/tcp/1')).toBe('ip4/10.20')
  expect(addressGroup('/ip6/2001:0db8:1::1/tcp/1')).toBe('ip6/2001:db8')
  expect(addressGroup('/ip6/::1/tcp/1')).toBe('ip6/0:0')
  expect(addressGroup('/dns4/a.b.Example.com/tcp/1')).toBe('dns/example.com')
  expect(addressGroup('/memory/7')).toBe('memory')
  expect(addressGroup('')).toBe('')
})
