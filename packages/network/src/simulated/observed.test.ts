import { utf8 } from '@armchain/core'
import { expect, test } from 'vitest'
import { MeshObserver } from '../membership/mesh-digest.ts'
import { keyOfPeer } from '../membership/peer-id.ts'
import { Probe, type ProbeReport } from '../membership/probe.ts'
import type { PeerId } from '../network.ts'
import { directTopic, OverlayTown, type Resident } from './overlay-town.fixture.ts'

const MESH = { epoch: 0, vShard: 1 }
const NOTHING = new Uint8Array(64)

function keyOf(peer: PeerId): Uint8Array {
  return keyOfPeer(peer) as Uint8Array
}

/** What an observer sees if every member says whom it is connected to. */
function observe(town: OverlayTown): MeshObserver {
  const observer = new MeshObserver(MESH)
  for (const { network } of town.members(MESH.vShard)) {
    const neighbours = [...town.peersOf(network)].map(keyOf)
    observer.offer(
      { version: 1, ...MESH, key: keyOf(network.self), sequence: 1, neighbours, signature: NOTHING },
      town.world.nowMs,
    )
  }
  return observer
}

async function townOf(members: number): Promise<OverlayTown> {
  const town = new OverlayTown(members)
  await town.build(6, () => [MESH.vShard])
  for (let i = 0; i < members; i++) town.add([MESH.vShard])
  await town.pass(12)
  return town
}

test('a mesh that its members describe is whole, and so is what is left of it when one in three is lost', async () => {
  const town = await townOf(30)
  expect(observe(town).metrics(town.world.nowMs)).toEqual({ members: 36, components: 1, minCut: 8, oneSided: 0 })
  for (const resident of town.random.sample(town.members(MESH.vShard), 12)) town.kill(resident)
  await town.pass(1)
  // Links to who is lost are named by one end only, as nobody has noticed yet.
  const { members, components } = observe(town).metrics(town.world.nowMs)
  expect([members, components]).toEqual([24, 1])
})

test('a partition is seen', async () => {
  const town = await townOf(30)
  const side = town.members(MESH.vShard).slice(0, 12)
  town.world.partition(side.map(({ network }) => network.self))
  await town.pass(5)
  expect(observe(town).metrics(town.world.nowMs)).toMatchObject({ members: 36, components: 2, minCut: 0 })
  town.world.heal()
  await town.pass(40)
  expect(observe(town).metrics(town.world.nowMs)).toMatchObject({ components: 1 })
})

test('a probe reaches all members, and misses who is cut off', async () => {
  const town = await townOf(30)
  const [asks, ...others] = town.members(MESH.vShard) as [Resident, ...Resident[]]
  const peers = others.map(({ network }) => network.self)
  const topic = directTopic(MESH).name
  const probe = async (name: string): Promise<ProbeReport> => {
    const round = new Probe(peers, town.world.nowMs)
    // Each acknowledges in the topic, as few are connected with the one that asks; by the name of the probe.
    for (const resident of others) {
      const { network } = resident
      resident.onMessage = ({ bytes }) => {
        if (asText(bytes) === name) void network.publish(topic, utf8(`${name} ${network.self}`))
      }
    }
    asks.onMessage = ({ bytes }) => round.acknowledge(asText(bytes).split(' ')[1] ?? '', town.world.nowMs)
    void asks.network.publish(topic, utf8(name))
    await town.pass(4)
    return round.report()
  }
  const first = await probe('first')
  expect(first).toMatchObject({ coverage: 1, missing: [] })
  expect(first.lastMs).toBeLessThan(1000)
  const away = peers.slice(-3)
  town.world.partition(away)
  await town.pass(3)
  const { coverage, missing } = await probe('second')
  expect(missing.toSorted()).toEqual(away.toSorted())
  expect(coverage).toBeCloseTo(32 / 35, 10)
})

function asText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
