import { sha256, utf8 } from '@armchain/core'
import { expect, test } from 'vitest'
import { encodeEnvelope } from '../envelope/envelope.ts'
import { createPacker, type MessageType, type Packer, type PackerSealing } from '../envelope/packer.ts'
import { ReplayGuard } from '../envelope/replay-guard.ts'
import { type SealingKey, sealingDomain, sealingKey } from '../envelope/sealed.ts'
import type { PeerId } from '../network.ts'
import { createRouter, type OverlayView, type Router, type RouterEffect } from '../overlay/router.ts'
import { CONNECTIVITY, directTopic, GENESIS, OverlayTown, type Resident, ROUTES } from './overlay-town.fixture.ts'

const NOTE: MessageType = { id: 7, name: 'note', forms: ['sealed'], bytesMax: 1000 }

/** Routers on the nodes of a town: what is sent goes over channels, what is delivered over the vShard's topic. */
class Post {
  readonly town: OverlayTown
  readonly #routers: Map<PeerId, Router> = new Map()

  constructor(town: OverlayTown) {
    this.town = town
    for (const resident of town.superNodes) {
      this.#routers.set(resident.network.self, createRouter(resident.network.self, this.#view(resident)))
      resident.onMessage = ({ on, from, bytes }) => {
        if (on === ROUTES.name)
          this.#carryOut(resident, this.#router(resident).receive(bytes, from, this.#nowMs).effects)
      }
    }
  }

  get #nowMs(): number {
    return this.town.world.nowMs
  }

  send(from: Resident, vShard: number, envelope: Uint8Array, name: string): void {
    const router = createRouter(from.network.self, this.#view(from))
    const id = sha256(utf8(name)).subarray(0, 16)
    this.#carryOut(from, router.originate({ id, vShard, envelope }, this.#nowMs))
  }

  /** Who serves what by their records, which outlive them; who is gone, each sees by its own connections. */
  #view(resident: Resident): OverlayView {
    const { town } = this
    const serves = new Map(town.superNodes.map(({ network, vShards }) => [network.self, new Set(vShards)]))
    return { backbone: town.backbone, serves, gone: new Set(), home: town.homeOf(resident) }
  }

  #router(resident: Resident): Router {
    return this.#routers.get(resident.network.self) as Router
  }

  #carryOut(at: Resident, effects: readonly RouterEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'deliver') {
        const { name } = directTopic({ epoch: this.town.epoch, vShard: effect.vShard })
        void at.network.publish(name, effect.envelope)
      } else if (this.town.peersOf(at.network).has(effect.to)) at.network.send(ROUTES.name, effect.to, effect.bytes)
      // Not connected: as if it had come back.
      else if (at.isSuper) this.#carryOut(at, this.#router(at).receive(effect.bytes, effect.to, this.#nowMs).effects)
    }
  }
}

function packerOf(town: OverlayTown, key: SealingKey): Packer {
  let next = 0
  const random = { bytes: (count: number) => sha256(utf8(`${key.publicKey[0]} ${next++}`)).subarray(0, count) }
  const guard = new ReplayGuard(START_MS + town.world.nowMs)
  const sealing: PackerSealing = { domain: sealingDomain(GENESIS), keys: [key], guard, random, knows: () => true }
  return createPacker({ types: [NOTE], compressor: undefined, sealing })
}

/** Of the world's time 0. */
const START_MS = 1_800_000_000_000

/** Two super nodes serve vShard 2 and all others vShard 1, so that what goes from one to the other needs the backbone. */
async function townOf(seed: number): Promise<OverlayTown> {
  const town = new OverlayTown(seed)
  await town.build(20, (index) => [index < 2 ? 2 : 1])
  for (let i = 0; i < 24; i++) town.add([1 + (i % 2)])
  await town.pass(12)
  return town
}

test('a sealed note from one vShard to a member of another arrives, is opened by it alone, and once', async () => {
  const town = await townOf(1)
  const post = new Post(town)
  const [alice, bob, carol] = [town.members(1), town.members(2), town.members(2)].map(
    (members, i) => members.filter(({ isSuper }) => !isSuper)[i] as Resident,
  ) as [Resident, Resident, Resident]
  const keys = [1, 2, 3].map((fill) => sealingKey(new Uint8Array(32).fill(fill))) as [
    SealingKey,
    SealingKey,
    SealingKey,
  ]
  const opened: string[] = []
  for (const [resident, key] of [
    [bob, keys[1]],
    [carol, keys[2]],
  ] as const) {
    const packer = packerOf(town, key)
    resident.onMessage = ({ bytes }) => {
      const unpacked = packer.unpack(bytes, START_MS + town.world.nowMs)
      opened.push(unpacked.verdict === 'accept' ? new TextDecoder().decode(unpacked.body) : unpacked.code)
    }
  }
  const nowMs = START_MS + town.world.nowMs
  const note = packerOf(town, keys[0]).pack(NOTE, utf8('for bob'), {
    form: 'sealed',
    to: keys[1].publicKey,
    nowMs: nowMs + 1,
  })
  post.send(alice, 2, note, 'first')
  await town.pass(2)
  expect(opened.sort()).toEqual(['for bob', 'other-recipient'])
  // Recorded and sent again by somebody on the way.
  const replayed = note.slice()
  void town.superNodes[0]?.network.publish(directTopic({ epoch: 0, vShard: 2 }).name, replayed)
  post.send(alice, 2, note, 'second')
  await town.pass(2)
  expect(opened.filter((text) => text === 'for bob')).toHaveLength(1)
})

test('an envelope of a later version goes all the way byte for byte', async () => {
  const town = await townOf(2)
  const post = new Post(town)
  const received: Uint8Array[] = []
  for (const resident of town.members(2))
    if (!resident.isSuper) resident.onMessage = ({ bytes }) => received.push(bytes)
  const extensions = [Uint8Array.of(1, 2, 3), new Uint8Array(0)]
  const later = encodeEnvelope({ version: 9, encoding: 8, type: 7, flags: 0xffff, body: Uint8Array.of(6), extensions })
  const [alice] = town.members(1).filter(({ isSuper }) => !isSuper)
  post.send(alice as Resident, 2, later, 'later')
  await town.pass(2)
  expect(received).toHaveLength(12)
  for (const bytes of received) expect(bytes).toEqual(later)
})

test('with any connectivity - 1 super nodes lost, notes arrive again within 5 s', async () => {
  for (let seed = 10; seed < 16; seed++) {
    const town = await townOf(seed)
    const post = new Post(town)
    const heard = new Set<string>()
    const bob = town.members(2).find(({ isSuper }) => !isSuper) as Resident
    bob.onMessage = ({ bytes }) => heard.add(`${bytes[16]}`)
    const [alice] = town.members(1).filter(({ isSuper }) => !isSuper)
    // One of the two that serve vShard 2, towards which all routers still point, and others on the way.
    const [near, ...others] = town.superNodes
    for (const lost of [near, ...town.random.sample(others.slice(1), CONNECTIVITY - 2)]) town.kill(lost as Resident)
    const sent: { readonly name: string; readonly afterMs: number }[] = []
    const killedMs = town.world.nowMs
    let next = 0
    const sendOne = (): void => {
      const body = Uint8Array.of(next)
      const envelope = encodeEnvelope({ version: 1, encoding: 0, type: 1, flags: 0, body, extensions: [] })
      post.send(alice as Resident, 2, envelope, `${seed} ${next}`)
      sent.push({ name: `${next++}`, afterMs: town.world.nowMs - killedMs })
    }
    sendOne()
    await town.pass(20, sendOne)
    await town.pass(2)
    const missed = sent.filter(({ name }) => !heard.has(name))
    expect(sent.length).toBeGreaterThan(20)
    expect(Math.max(0, ...missed.map(({ afterMs }) => afterMs))).toBeLessThan(5000)
  }
}, 60_000)
