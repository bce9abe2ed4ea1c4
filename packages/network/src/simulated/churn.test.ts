import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CONNECTIVITY, OverlayTown, type Resident } from './overlay-town.fixture.ts'

const VSHARDS = [1, 2]
/** A newcomer counts as a member after so long. */
const SETTLED_MS = 6000
/** Seconds for which a vShard may be split: time to notice a loss, and to dial others. */
const SPLIT_SECONDS_MAX = 4
/** A header must be everywhere in so long. */
const DELIVERY_MS = 5000

type Published = {
  readonly header: string
  readonly vShard: number
  readonly atMs: number
  readonly members: readonly Resident[]
}

/** Publishes a header in each vShard, by a settled member of it. */
function publishAll(town: OverlayTown, log: Published[]): void {
  for (const vShard of VSHARDS) {
    const members = town.members(vShard).filter(({ sinceMs }) => town.world.nowMs - sinceMs >= SETTLED_MS)
    const from = members[town.random.below(members.length)]
    if (from === undefined) continue
    const header = `${vShard}/${log.length}`
    town.publish(from, vShard, header)
    log.push({ header, vShard, atMs: town.world.nowMs, members })
  }
}

/** Headers that a member who stayed did not get in time; the latest have not had their time yet. */
function undelivered(town: OverlayTown, log: readonly Published[], withinMs: number): string[] {
  return log
    .filter(({ atMs }) => town.world.nowMs - atMs >= withinMs)
    .flatMap(({ header, atMs, members }) =>
      members
        .filter(({ isGone, heard }) => !isGone && !((heard.get(header) ?? Number.POSITIVE_INFINITY) <= atMs + withinMs))
        .map(({ network }) => `${header} at ${network.self.slice(-6)}`),
    )
}

function vShardsFor(town: OverlayTown): number[] {
  return town.random.chance(0.3) ? VSHARDS : [VSHARDS[town.random.below(VSHARDS.length)] as number]
}

test('members join, leave and fail at random, and super nodes too: no vShard splits for long, no header is missed', async () => {
  const plans = fc.record({
    seed: fc.nat(2 ** 31),
    members: fc.integer({ min: 12, max: 50 }),
    superNodes: fc.integer({ min: 6, max: 12 }),
    churn: fc.double({ min: 0, max: 0.8, noNaN: true }),
    lost: fc.integer({ min: 0, max: CONNECTIVITY - 1 }),
  })
  await fc.assert(
    fc.asyncProperty(plans, async ({ seed, members, superNodes, churn, lost }) => {
      const town = new OverlayTown(seed)
      await town.build(superNodes, () => VSHARDS)
      for (let i = 0; i < members; i++) town.add(vShardsFor(town))
      await town.pass(10)
      const log: Published[] = []
      const split = new Map(VSHARDS.map((vShard) => [vShard, 0]))
      let toLose = lost
      await town.pass(60, () => {
        if (town.random.chance(churn)) town.add(vShardsFor(town))
        const ordinary = town.residents.filter(({ isGone, isSuper }) => !isGone && !isSuper)
        const victim = ordinary[town.random.below(ordinary.length)]
        if (victim !== undefined && ordinary.length > 6 && town.random.chance(churn))
          town.random.chance(0.5) ? town.leave(victim) : town.kill(victim)
        if (toLose > 0 && town.random.chance(0.1)) {
          const [superNode] = town.random.sample(
            town.superNodes.filter(({ isGone }) => !isGone),
            1,
          )
          if (superNode !== undefined) town.kill(superNode)
          toLose--
        }
        for (const vShard of VSHARDS) {
          const seconds = town.parts(vShard, SETTLED_MS) > 1 ? (split.get(vShard) as number) + 1 : 0
          split.set(vShard, seconds)
          expect(seconds, `vShard ${vShard} is split`).toBeLessThanOrEqual(SPLIT_SECONDS_MAX)
        }
        publishAll(town, log)
      })
      await town.pass(6)
      expect(log.length).toBeGreaterThan(100)
      expect(undelivered(town, log, DELIVERY_MS)).toEqual([])
    }),
    { numRuns: 8 },
  )
}, 120_000)

test('a third of the super nodes lost at once: within 5 s all headers are delivered again, those of the meantime too', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const town = new OverlayTown(seed)
    await town.build(12, () => VSHARDS)
    for (let i = 0; i < 60; i++) town.add(vShardsFor(town))
    await town.pass(15)
    const log: Published[] = []
    for (const superNode of town.random.sample(town.superNodes, 4)) town.kill(superNode)
    await town.pass(15, () => publishAll(town, log))
    expect(log.length).toBe(30)
    expect(undelivered(town, log, 5000)).toEqual([])
  }
}, 60_000)

test('an epoch that moves every member to another vShard loses no header of either', async () => {
  const town = new OverlayTown(21)
  await town.build(6, () => VSHARDS)
  for (let i = 0; i < 40; i++) town.add([VSHARDS[i % 2] as number])
  await town.pass(15)
  const log: Published[] = []
  await town.pass(5, () => publishAll(town, log))
  town.beginEpoch(1, ({ isSuper, vShards }) => (isSuper ? VSHARDS : [3 - (vShards[0] as number)]))
  await town.pass(10)
  for (const vShard of VSHARDS) expect(town.parts(vShard, 0)).toBe(1)
  await town.pass(40, () => publishAll(town, log))
  await town.pass(6)
  expect(undelivered(town, log, DELIVERY_MS)).toEqual([])
  for (const { planner } of town.residents) expect(planner.memberships.every(({ epoch }) => epoch === 1)).toBe(true)
}, 60_000)
