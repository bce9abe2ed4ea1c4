import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeEnvelope } from '../envelope/envelope.ts'
import { type Backbone, backboneOf } from './backbone.ts'
import { distancesFrom, type Edge, graphOf } from './graph.ts'
import { HOPS_MAX } from './limits.ts'
import { afterHop, decodeRouted, encodeRouted } from './routed-message.ts'
import { createRouter, type OverlayView, type Router, type RouterEffect } from './router.ts'

const SEED = new Uint8Array(32).fill(5)
/** Of a version that no router knows: they pass on what is inside byte for byte. */
const envelope = encodeEnvelope({
  version: 77,
  encoding: 9,
  type: 12_345,
  flags: 0xabcd,
  body: Uint8Array.of(1, 2, 3),
  extensions: [Uint8Array.of(9), new Uint8Array(0)],
})

/** A backbone of routers joined by links that either work or do not, and who got what in the end. */
class Overlay {
  readonly routers: Map<string, Router> = new Map()
  readonly dead: Set<string>
  readonly delivered: { at: string; effect: Extract<RouterEffect, { type: 'deliver' }> }[] = []
  links = 0

  /** `dead` are super nodes, or links such as `s1-s2`, that do not work, and of which no router knows. */
  constructor(
    peers: readonly string[],
    serves: ReadonlyMap<string, ReadonlySet<number>>,
    dead: readonly string[],
    backbone: Backbone = backboneOf({ peers, seed: SEED, connectivity: 4 }),
  ) {
    this.dead = new Set(dead)
    const view: OverlayView = { backbone, serves, gone: new Set(), home: [] }
    for (const peer of peers) this.routers.set(peer, createRouter(peer, view))
  }

  run(at: string, effects: readonly RouterEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'deliver') {
        this.delivered.push({ at, effect })
        continue
      }
      this.links++
      const isLost =
        this.dead.has(effect.to) || this.dead.has(`${at}-${effect.to}`) || this.dead.has(`${effect.to}-${at}`)
      const [to, from] = isLost ? [at, effect.to] : [effect.to, at]
      const router = this.routers.get(to) as Router
      this.run(to, router.receive(effect.bytes, from, 0).effects)
    }
  }
}

const peersOf = (count: number) => Array.from({ length: count }, (_, i) => `s${i}`)
const outgoing = (vShard: number, id = new Uint8Array(16)) => ({ id, vShard, envelope })

test('an envelope that no router understands arrives byte for byte, once, on a short way', () => {
  const peers = peersOf(60)
  const overlay = new Overlay(peers, new Map([['s40', new Set([7])]]), [])
  overlay.run('s0', (overlay.routers.get('s0') as Router).originate(outgoing(7), 0))
  expect(overlay.delivered).toEqual([{ at: 's40', effect: { type: 'deliver', vShard: 7, peer: undefined, envelope } }])
  expect(overlay.links).toBeLessThanOrEqual(5)
})

test('whoever is gone, unknown to all routers: it still arrives, if enough links are left for the search', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 6, max: 30 }),
      fc.uniqueArray(fc.nat(29), { maxLength: 3 }),
      fc.nat(29),
      fc.nat(29),
      (count, lost, start, end) => {
        const peers = peersOf(count)
        const from = `s${start % count}`
        const to = `s${end % count}`
        const dead = lost.map((i) => `s${i % count}`).filter((peer) => peer !== from && peer !== to)
        const overlay = new Overlay(peers, new Map([[to, new Set([1])]]), dead)
        overlay.run(from, (overlay.routers.get(from) as Router).originate(outgoing(1), 0))
        expect(overlay.delivered).toHaveLength(1)
        expect(overlay.links).toBeLessThanOrEqual(HOPS_MAX)
      },
    ),
  )
})

test('any graph, and any links lost: it arrives wherever there is a way, unless its links run out in the search', () => {
  const links = fc.uniqueArray(fc.tuple(fc.nat(5), fc.nat(5), fc.boolean()), { minLength: 5, maxLength: 14 })
  let arrived = 0
  let ranOut = 0
  fc.assert(
    fc.property(links, (list) => {
      const names = (edges: typeof list): Edge[] => edges.map(([a, b]): Edge => [a, b])
      const peers = peersOf(6)
      const works = graphOf(6, names(list.filter(([, , isThere]) => isThere)))
      const isDead = ([a, b]: (typeof list)[number]): boolean => !works[a]?.includes(b)
      const dead = list.filter(isDead).map(([a, b]) => `s${a}-s${b}`)
      const backbone = { peers, graph: graphOf(6, names(list)) }
      const overlay = new Overlay(peers, new Map([['s5', new Set([1])]]), dead, backbone)
      overlay.run('s0', (overlay.routers.get('s0') as Router).originate(outgoing(1), 0))
      const isReachable = distancesFrom(works, 0)[5] !== -1
      if (overlay.delivered.length === 1) arrived++
      else if (isReachable) {
        expect(overlay.links).toBe(HOPS_MAX)
        ranOut++
      }
      if (!isReachable) expect(overlay.delivered).toEqual([])
    }),
    { numRuns: 3000 },
  )
  expect(arrived).toBeGreaterThan(500)
  expect(ranOut).toBeLessThan(arrived / 20)
})

test('a search that cannot succeed ends, within the links that it may take', () => {
  const overlay = new Overlay(peersOf(30), new Map([['s9', new Set([1])]]), ['s9'])
  overlay.run('s0', (overlay.routers.get('s0') as Router).originate(outgoing(1), 0))
  expect(overlay.delivered).toEqual([])
  expect(overlay.links).toBeLessThanOrEqual(HOPS_MAX)
})

test('a message that comes a second time is delivered once', () => {
  const overlay = new Overlay(peersOf(5), new Map([['s1', new Set([1])]]), [])
  const router = overlay.routers.get('s1') as Router
  const message = encodeRouted({ version: 1, hopsLeft: 4, peer: 'me', ...outgoing(1) })
  expect(router.receive(message, 's0', 0).effects).toEqual([{ type: 'deliver', vShard: 1, peer: 'me', envelope }])
  for (const from of ['s0', 's2']) expect(router.receive(message, from, 0)).toEqual({ verdict: 'ignore', effects: [] })
})

test('with the loss known to all, the way leads around it at once', () => {
  const peers = peersOf(40)
  const backbone = backboneOf({ peers, seed: SEED, connectivity: 4 })
  const serves = new Map([['s30', new Set([2])]])
  const first = createRouter('s0', { backbone, serves, gone: new Set(), home: [] })
  const [effect] = first.originate(outgoing(2), 0)
  const through = effect?.type === 'send' ? effect.to : ''
  first.update({ backbone, serves, gone: new Set([through]), home: [] })
  const [again] = first.originate(outgoing(2, new Uint8Array(16).fill(1)), 0)
  expect(again).toMatchObject({ type: 'send' })
  expect(again?.type === 'send' && again.to).not.toBe(through)
})

test('a node that is no super node hands over to the first of its own that is not gone', () => {
  const backbone = backboneOf({ peers: peersOf(5), seed: SEED, connectivity: 4 })
  const serves = new Map([['s1', new Set([1])]])
  const view = { backbone, serves, gone: new Set(['s3']), home: ['s3', 's4'] }
  const node = createRouter('me', view)
  expect(node.originate(outgoing(1), 0)).toMatchObject([{ type: 'send', to: 's4' }])
  const message = encodeRouted({ version: 1, hopsLeft: 4, peer: '', ...outgoing(1) })
  expect(node.receive(message, 's4', 0)).toEqual({ verdict: 'ignore', effects: [] })
  node.update({ ...view, gone: new Set(['s3', 's4']) })
  expect(node.originate(outgoing(1), 0)).toEqual([])
})

test('a hop changes one byte, malformed messages are refused, and the last link is not passed', () => {
  const message = encodeRouted({ version: 1, hopsLeft: 3, peer: 'p', ...outgoing(9) })
  expect(decodeRouted(afterHop(message))).toEqual({ version: 1, hopsLeft: 2, peer: 'p', ...outgoing(9) })
  const router = new Overlay(peersOf(5), new Map([['s1', new Set([9])]]), []).routers.get('s0') as Router
  const last = encodeRouted({ version: 1, hopsLeft: 0, peer: '', ...outgoing(9) })
  expect(router.receive(last, 's2', 0)).toEqual({ verdict: 'ignore', effects: [] })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      expect(router.receive(bytes, 's2', 0)).toEqual({ verdict: 'reject', effects: [] })
    }),
  )
  expect(() => encodeRouted({ version: 1, hopsLeft: HOPS_MAX + 1, peer: '', ...outgoing(9) })).toThrow('ARM_ARGUMENT')
})
