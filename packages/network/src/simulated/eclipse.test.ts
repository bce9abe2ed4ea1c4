import { sha256, utf8 } from '@armchain/core'
import { expect, test } from 'vitest'
import { addressGroup } from '../membership/address-group.ts'
import { honestPeersChance } from '../membership/honest-chance.ts'
import { OUTBOUND_PEERS, OUTBOUND_VOUCHED } from '../membership/limits.ts'
import { type BookContact, type OutboundPeer, PeerBook } from '../membership/peer-book.ts'
import type { Network, TopicSpec } from '../network.ts'
import { topicName } from '../topic-name.ts'
import { INBOUND_MAX } from './limits.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedWorld } from './simulated-world.ts'

const HEADS: TopicSpec = {
  name: topicName({ network: 'siege', epoch: 0, shard: 1, kind: 'head' }),
  messageBytesMax: 1024,
  queue: { messagesMax: 64, bytesMax: 1 << 16, drop: 'oldest', urgency: 'headers' },
}
const HONEST = 40
const HOSTILE = 360
/** Without a head for so long, a node takes its news for stale. */
const STALE_MS = 5000

/** A node whose outbound peers are those that its book plans. */
class Victim {
  readonly network: Network
  readonly book: PeerBook
  readonly #world: SimulatedWorld
  readonly #outbound: Map<string, OutboundPeer> = new Map()
  readonly #dialing: Map<string, BookContact> = new Map()
  readonly #inbound: Set<string> = new Set()
  lastHeadMs = 0
  heads = 0

  constructor(world: SimulatedWorld, seed: number) {
    this.#world = world
    this.network = world.open({ ip: '10.200.0.1' })
    const random = new SeededRandom(seed)
    this.book = new PeerBook({
      self: this.network.self,
      secret: sha256(utf8(`secret ${seed}`)),
      random: { bytes: (count) => Uint8Array.from({ length: count }, () => random.below(256)) },
      groupOf: addressGroup,
    })
    this.network.listen(() => {
      this.lastHeadMs = world.nowMs
      this.heads++
      return 'accept'
    })
    this.network.watch((peer, state) => {
      if (state === 'gone') {
        this.#outbound.delete(peer)
        this.#inbound.delete(peer)
      } else if (!this.#dialing.has(peer)) this.#inbound.add(peer)
    })
    this.network.join(HEADS)
  }

  get outbound(): readonly string[] {
    return [...this.#outbound.keys()]
  }

  get inboundCount(): number {
    return this.#inbound.size
  }

  tick(): void {
    const { nowMs } = this.#world
    const news = nowMs - this.lastHeadMs > STALE_MS ? 'stale' : 'fresh'
    const outbound = [...this.#outbound.values()]
    const plan = this.book.plan({
      nowMs,
      outbound,
      dialing: [...this.#dialing.values()],
      inbound: [...this.#inbound],
      news,
    })
    for (const peer of plan.hangUp) this.network.hangUp(peer)
    for (const { peer, address, why } of plan.dials) {
      this.#dialing.set(peer, { peer, address })
      this.network.dial(`${address}/p2p/${peer}`).then(
        () => {
          this.#dialing.delete(peer)
          this.book.connected({ peer, address }, this.#world.nowMs)
          if (why === 'feeler') this.network.hangUp(peer)
          else this.#outbound.set(peer, { peer, address, sinceMs: this.#world.nowMs })
        },
        () => {
          this.#dialing.delete(peer)
          this.book.failed(peer, this.#world.nowMs)
        },
      )
    }
  }
}

/** Honest nodes that are connected among themselves, and hostile ones that take all and give nothing. */
async function siege(
  seed: number,
  vouched: 'vouchers' | 'none',
): Promise<{ world: SimulatedWorld; victim: Victim; honest: Network[] }> {
  const world = new SimulatedWorld({ seed })
  const contactOf = ({ self, addresses }: Network): BookContact => ({
    peer: self,
    address: (addresses[0] as string).split('/p2p/')[0] as string,
  })
  const honest = Array.from({ length: HONEST }, (_, i) => world.open({ ip: `10.${i}.0.1` }))
  // Each of the attacker's addresses is in a group of its own: the most expensive attack, and the worst to meet.
  const hostile = Array.from({ length: HOSTILE }, (_, i) => world.open({ ip: `${20 + (i >> 8)}.${i & 255}.0.1` }))
  for (const network of honest) network.listen(() => 'accept')
  for (const network of hostile) network.listen(() => 'ignore')
  for (const network of [...honest, ...hostile]) network.join(HEADS)
  honest.forEach((network, i) => {
    for (const step of [1, 5, 13]) network.dial(honest[(i + step) % HONEST]?.addresses[0] as string).catch(() => {})
  })
  const victim = new Victim(world, seed)
  for (const network of hostile) network.dial(victim.network.addresses[0] as string).catch(() => {})
  await world.pass(2000)
  // The attacker names its addresses first, and again and again.
  for (const network of [...hostile, ...honest, ...hostile])
    victim.book.hear(contactOf(network), 'anybody', world.nowMs)
  if (vouched === 'vouchers') {
    // Thirty peers of validators, a third of them the attacker's.
    victim.book.vouch([...honest.slice(0, 20), ...hostile.slice(0, 10)].map(contactOf), world.nowMs)
  }
  return { world, victim, honest }
}

test('all inbound places and nine tenths of the known addresses are hostile: two honest outbound peers, and all heads', async () => {
  const computed = honestPeersChance(
    [
      { count: OUTBOUND_VOUCHED, honest: 2 / 3 },
      { count: OUTBOUND_PEERS - OUTBOUND_VOUCHED, honest: HONEST / (HONEST + HOSTILE) },
    ],
    2,
  )
  expect(computed).toBeGreaterThan(0.998)
  const runs = 20
  let held = 0
  for (let seed = 0; seed < runs; seed++) {
    const { world, victim, honest } = await siege(seed, 'vouchers')
    expect(victim.inboundCount).toBe(INBOUND_MAX)
    const names = new Set(honest.map(({ self }) => self))
    for (let second = 0; second < 15; second++) {
      victim.tick()
      await world.pass(1000)
    }
    if (victim.outbound.filter((peer) => names.has(peer)).length >= 2) held++
    const before = victim.heads
    for (let i = 0; i < 10; i++) {
      void honest[i * 3]?.publish(HEADS.name, utf8(`head ${seed} ${i}`))
      await world.pass(1000)
      victim.tick()
    }
    await world.pass(3000)
    expect(victim.heads - before).toBe(10)
  }
  expect(held / runs).toBeGreaterThanOrEqual(0.95)
}, 60_000)

test('without any vouched peer it takes longer, but an honest one is found while no news come', async () => {
  for (let seed = 100; seed < 106; seed++) {
    const { world, victim, honest } = await siege(seed, 'none')
    let published = 0
    for (let second = 0; second < 600 && victim.heads === 0; second++) {
      victim.tick()
      void honest[second % HONEST]?.publish(HEADS.name, utf8(`head ${published++}`))
      await world.pass(1000)
    }
    expect(victim.heads).toBeGreaterThan(0)
  }
}, 60_000)
