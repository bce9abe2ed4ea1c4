import fc from 'fast-check'
import { expect, test } from 'vitest'
import { meshSplitRisk } from '../overlay/bounds.ts'
import { componentsOf, type Edge, graphOf } from '../overlay/graph.ts'
import { CHOSEN_MAX, CHOSEN_MIN, FIND_MS, HOLD_MS, MESH_SPLIT_RISK, UNSAFE_MS } from './limits.ts'
import { type MeshEffect, type MeshId, type MeshInput, MeshPlanner, wantedPeers } from './mesh-planner.ts'

/** Planners that a directory and dials join, in rounds of a second. */
class Town {
  readonly planners: Map<string, MeshPlanner> = new Map()
  readonly directory: Map<string, Set<string>> = new Map()
  readonly links: Set<string> = new Set()
  readonly joined: Map<string, Set<string>> = new Map()
  readonly log: { at: string; effect: MeshEffect }[] = []
  readonly #draw: (limit: number) => number
  nowMs = 0

  constructor(seed: number) {
    let state = seed
    this.#draw = (limit) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * limit)
    }
  }

  add(name: string): void {
    this.planners.set(name, new MeshPlanner(name, this.#draw))
    this.joined.set(name, new Set())
  }

  kill(name: string): void {
    this.planners.delete(name)
    this.joined.delete(name)
    for (const link of [...this.links]) if (link.split(' ').includes(name)) this.links.delete(link)
  }

  tell(name: string, input: MeshInput): void {
    for (const effect of this.planners.get(name)?.step(this.nowMs, input) ?? []) this.#carryOut(name, effect)
  }

  tellAll(input: MeshInput): void {
    for (const name of this.planners.keys()) this.tell(name, input)
  }

  run(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.nowMs += 1000
      for (const [name, planner] of this.planners)
        for (const { epoch, vShard } of planner.memberships) {
          const mesh = { epoch, vShard }
          this.tell(name, { type: 'peers', mesh, peers: this.peersOf(name, mesh) })
        }
      this.tellAll({ type: 'tick' })
    }
  }

  peersOf(name: string, mesh: MeshId): string[] {
    return [...this.planners.keys()].filter(
      (other) => this.joined.get(other)?.has(key(mesh)) && this.links.has([name, other].sort().join(' ')),
    )
  }

  parts(mesh: MeshId): number {
    const members = [...this.planners.keys()].filter((name) => this.joined.get(name)?.has(key(mesh)))
    const edges = members.flatMap((name, a) =>
      this.peersOf(name, mesh).map((other): Edge => [a, members.indexOf(other)]),
    )
    return componentsOf(graphOf(members.length, edges)).length
  }

  #carryOut(name: string, effect: MeshEffect): void {
    this.log.push({ at: name, effect })
    switch (effect.type) {
      case 'join':
        this.joined.get(name)?.add(key(effect.mesh))
        break
      case 'leave':
        this.joined.get(name)?.delete(key(effect.mesh))
        break
      case 'announce':
        this.directory.set(key(effect.mesh), (this.directory.get(key(effect.mesh)) ?? new Set()).add(name))
        break
      case 'find': {
        const known = [...(this.directory.get(key(effect.mesh)) ?? [])]
        const contacts = Array.from({ length: 20 }, () => known[this.#draw(known.length)])
          .filter((peer) => peer !== undefined)
          .map((peer) => ({ peer, addresses: [] }))
        this.tell(name, { type: 'found', mesh: effect.mesh, contacts })
        break
      }
      case 'dial': {
        const { peer } = effect.contact
        const isThere = this.planners.has(peer)
        if (isThere) this.links.add([name, peer].sort().join(' '))
        this.tell(name, { type: 'dialled', peer, outcome: isThere ? 'connected' : 'failed' })
        break
      }
      case 'warn':
    }
  }
}

function key({ epoch, vShard }: MeshId): string {
  return `${epoch}/${vShard}`
}

function townOf(members: number, seed: number, vShards: readonly number[] = [1]): Town {
  const town = new Town(seed)
  for (let i = 0; i < members; i++) town.add(`n${i}`)
  town.tellAll({ type: 'assigned', epoch: 0, vShards })
  town.run(30)
  return town
}

test('how many peers a member chooses follows from the bound', () => {
  for (const members of [20, 50, 100, 300, 1000]) {
    const chosen = wantedPeers(members)
    expect(meshSplitRisk({ members, chosen, failed: Math.floor(members / 3) })).toBeLessThanOrEqual(MESH_SPLIT_RISK)
  }
  expect(wantedPeers(1)).toBe(CHOSEN_MIN)
  expect([20, 100, 1000].map(wantedPeers).every((chosen) => chosen <= CHOSEN_MAX)).toBe(true)
})

test('a mesh of members that come one after the other is whole, and survives a third of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(10_000), (members, seed) => {
      const town = townOf(members, seed)
      expect(town.parts({ epoch: 0, vShard: 1 })).toBe(1)
      for (let i = 0; i < Math.floor(members / 3); i++) town.kill(`n${i}`)
      expect(town.parts({ epoch: 0, vShard: 1 })).toBe(1)
    }),
    { numRuns: 15 },
  )
})

test('who is lost is replaced', () => {
  const town = townOf(40, 7)
  for (let i = 0; i < 13; i++) town.kill(`n${i}`)
  town.run(60)
  for (const planner of town.planners.values())
    for (const { peers, wanted } of planner.memberships) expect(peers).toBeGreaterThanOrEqual(wanted)
})

test('several vShards at once, each with peers of its own', () => {
  const town = new Town(3)
  for (let i = 0; i < 30; i++) town.add(`n${i}`)
  for (let i = 0; i < 30; i++) town.tell(`n${i}`, { type: 'assigned', epoch: 0, vShards: [i % 3, 3 + (i % 2)] })
  town.run(30)
  for (let vShard = 0; vShard < 5; vShard++) expect(town.parts({ epoch: 0, vShard })).toBe(1)
})

test('a new epoch is joined before the old one is left, and others are given time', () => {
  const town = townOf(20, 11)
  town.tellAll({ type: 'assigned', epoch: 1, vShards: [2] })
  expect(town.joined.get('n0')).toEqual(new Set(['0/1', '1/2']))
  town.run(10)
  town.tellAll({ type: 'epoch', epoch: 1 })
  expect(town.joined.get('n0')).toEqual(new Set(['0/1', '1/2']))
  town.run(HOLD_MS / 1000 - 1)
  expect(town.joined.get('n0')).toEqual(new Set(['0/1', '1/2']))
  town.run(1)
  expect(town.joined.get('n0')).toEqual(new Set(['1/2']))
  expect(town.parts({ epoch: 1, vShard: 2 })).toBe(1)
})

test('without peers in the new mesh the old one is kept, but not for ever', () => {
  const town = townOf(20, 12)
  town.tell('n0', { type: 'assigned', epoch: 1, vShards: [9] })
  town.tellAll({ type: 'epoch', epoch: 1 })
  town.run(300)
  expect(town.joined.get('n0')).toEqual(new Set(['0/1', '1/9']))
  town.tellAll({ type: 'epoch', epoch: 2 })
  expect(town.joined.get('n0')).toEqual(new Set(['1/9']))
})

test('alone it searches all the time, in a full mesh rarely', () => {
  const finds = (town: Town) => town.log.filter(({ at, effect }) => at === 'n0' && effect.type === 'find').length
  const alone = townOf(1, 1)
  const before = finds(alone)
  alone.run(100)
  expect(finds(alone) - before).toBeGreaterThan(100_000 / (1.5 * FIND_MS) - 5)
  const full = townOf(12, 1)
  const then = finds(full)
  full.run(120)
  expect(finds(full) - then).toBeLessThanOrEqual(4)
})

test('one that does not answer is not dialled at once again', () => {
  const town = new Town(5)
  town.add('n0')
  town.directory.set('0/1', new Set(['ghost']))
  town.tell('n0', { type: 'assigned', epoch: 0, vShards: [1] })
  town.run(100)
  const dials = town.log.filter(({ effect }) => effect.type === 'dial').length
  expect(dials).toBeGreaterThan(1)
  expect(dials).toBeLessThan(8)
})

test('the operator hears of a mesh that may split for long, once', () => {
  const planner = new MeshPlanner('me', () => 0)
  const mesh = { epoch: 0, vShard: 1 }
  planner.step(0, { type: 'assigned', epoch: 0, vShards: [1] })
  const contacts = Array.from({ length: 50 }, (_, i) => ({ peer: `p${i}`, addresses: [] }))
  planner.step(0, { type: 'found', mesh, contacts })
  for (const { peer } of contacts) planner.step(0, { type: 'dialled', peer, outcome: 'failed' })
  const warnings = [0, 1000, UNSAFE_MS - 1, UNSAFE_MS, 2 * UNSAFE_MS].map((nowMs) =>
    planner.step(nowMs, { type: 'tick' }).filter(({ type }) => type === 'warn'),
  )
  expect(warnings.map(({ length }) => length)).toEqual([0, 0, 0, 1, 0])
  expect(warnings[3]).toEqual([{ type: 'warn', mesh, members: 51, chosen: 0, risk: expect.any(Number) }])
})

test('who knows how large a vShard is chooses as many as that takes, at once', () => {
  const planner = new MeshPlanner('me', () => 0)
  planner.step(0, { type: 'assigned', epoch: 0, vShards: [1, 2], sizes: new Map([[1, 300]]) })
  expect(planner.memberships.map(({ wanted }) => wanted)).toEqual([wantedPeers(300), CHOSEN_MIN])
})

test('too many vShards are refused', () => {
  const vShards = Array.from({ length: 65 }, (_, i) => i)
  expect(() => new MeshPlanner('me', () => 0).step(0, { type: 'assigned', epoch: 0, vShards })).toThrow('ARM_ARGUMENT')
})
