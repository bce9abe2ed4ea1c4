import { isArmError, utf8 } from '@armchain/core'
import { expect, test } from 'vitest'
import type { ChannelSpec, Network, TopicSpec, Verdict } from '../network.ts'
import type { QueueSpec } from '../queue-spec.ts'
import { topicName } from '../topic-name.ts'
import { DIAL_MS, INBOUND_MAX, REJECTED_MAX, SILENCE_MS, WINDOW_BYTES } from './limits.ts'
import type { LinkModel } from './link-model.ts'
import { SimulatedWorld } from './simulated-world.ts'

const QUEUE: QueueSpec = { messagesMax: 64, bytesMax: 1 << 20, drop: 'newest', urgency: 'headers' }
const TOPIC: TopicSpec = {
  name: topicName({ network: 'sim', epoch: 0, shard: 1, kind: 'head' }),
  messageBytesMax: 4096,
  queue: QUEUE,
}
const CHANNEL: ChannelSpec = { name: '/armchain/sim/votes/1', messageBytesMax: 4096, queue: QUEUE, outbound: QUEUE }
const TWO_REGIONS: LinkModel = {
  delayMs: [
    [2, 50],
    [50, 2],
  ],
  jitterMs: 10,
  loss: 0,
  uplinkBytesPerMs: undefined,
}

type Node = {
  readonly network: Network
  readonly heard: { readonly text: string; readonly atMs: number }[]
  watched: string[]
}

function nodeIn(world: SimulatedWorld, region = 0, judge: () => Verdict | Promise<Verdict> = () => 'accept'): Node {
  const network = world.open({ region })
  const node: Node = { network, heard: [], watched: [] }
  network.listen(({ bytes }) => {
    node.heard.push({ text: new TextDecoder().decode(bytes), atMs: world.nowMs })
    return judge()
  })
  network.watch((_, state) => node.watched.push(state))
  network.open(CHANNEL)
  return node
}

async function connect(world: SimulatedWorld, from: Node, to: Node): Promise<void> {
  const dialled = from.network.dial(to.network.addresses[0] as string)
  await world.pass(500)
  expect(await dialled).toBe(to.network.self)
}

/** A ring with chords that all hear, and messages of some of them. */
async function town(seed: number, links: LinkModel, count: number): Promise<{ world: SimulatedWorld; nodes: Node[] }> {
  const world = new SimulatedWorld({ seed, links })
  const nodes = Array.from({ length: count }, (_, i) => nodeIn(world, i % links.delayMs.length))
  for (const [i, { network }] of nodes.entries()) {
    network.join(TOPIC)
    for (const step of [1, 3, 7]) {
      const { addresses } = (nodes[(i + step) % count] as Node).network
      network.dial(addresses[0] as string).catch(() => {})
    }
  }
  await world.pass(3000)
  return { world, nodes }
}

test('the same seed gives the same trace, another seed another', async () => {
  const run = async (seed: number): Promise<[number, number]> => {
    const { world, nodes } = await town(seed, { ...TWO_REGIONS, loss: 0.05 }, 40)
    for (const i of [0, 10, 20]) await nodes[i]?.network.publish(TOPIC.name, utf8(`from ${i}`))
    await world.pass(5000)
    for (const { heard } of nodes) expect(heard.length).toBeGreaterThanOrEqual(2)
    return [world.traceHash, world.counts.frames]
  }
  const first = await run(1)
  expect(await run(1)).toEqual(first)
  expect((await run(2))[0]).not.toBe(first[0])
})

test('delay is that between the regions, and loss makes late and never out of order', async () => {
  const links: LinkModel = { ...TWO_REGIONS, loss: 0.2 }
  const world = new SimulatedWorld({ seed: 3, links })
  const [a, b] = [nodeIn(world, 0), nodeIn(world, 1)]
  await connect(world, a, b)
  const sentMs = world.nowMs
  for (let i = 0; i < 60; i++) a.network.send(CHANNEL.name, b.network.self, utf8(`${i}`))
  await world.pass(10_000)
  expect(b.heard.map(({ text }) => Number(text))).toEqual(Array.from({ length: 60 }, (_, i) => i))
  expect(b.heard[0]!.atMs - sentMs).toBeGreaterThanOrEqual(50)
  expect(b.heard.at(-1)!.atMs - sentMs).toBeGreaterThanOrEqual(250)
})

test('a shared uplink takes its time', async () => {
  const world = new SimulatedWorld({ seed: 3, links: { ...TWO_REGIONS, jitterMs: 0, uplinkBytesPerMs: 10 } })
  const [a, b, c] = [nodeIn(world), nodeIn(world), nodeIn(world)]
  await connect(world, a, b)
  await connect(world, a, c)
  const sentMs = world.nowMs
  for (const { network } of [b, c]) a.network.send(CHANNEL.name, network.self, new Uint8Array(1000))
  await world.pass(1000)
  expect(b.heard[0]!.atMs - sentMs).toBeGreaterThan(100)
  expect(c.heard[0]!.atMs - b.heard[0]!.atMs).toBeGreaterThanOrEqual(100)
})

test('what is sent into a short cut arrives after it, and a long one ends connections that come back', async () => {
  const world = new SimulatedWorld({ seed: 4 })
  const [a, b] = [nodeIn(world), nodeIn(world)]
  await connect(world, a, b)
  world.partition([b.network.self])
  a.network.send(CHANNEL.name, b.network.self, utf8('held'))
  await world.pass(SILENCE_MS / 2)
  expect(b.heard).toEqual([])
  world.heal()
  await world.pass(100)
  expect(b.heard.map(({ text }) => text)).toEqual(['held'])
  world.partition([b.network.self])
  a.network.send(CHANNEL.name, b.network.self, utf8('lost'))
  await world.pass(SILENCE_MS + 10)
  expect([a.watched, b.watched]).toEqual([
    ['connected', 'gone'],
    ['connected', 'gone'],
  ])
  await world.pass(20_000)
  world.heal()
  await world.pass(40_000)
  expect(a.watched).toEqual(['connected', 'gone', 'connected'])
  expect(b.heard.map(({ text }) => text)).toEqual(['held'])
})

test('a closed node is missed at once, a lost host after a while, and is not reached', async () => {
  const world = new SimulatedWorld({ seed: 5 })
  const [a, b, c] = [nodeIn(world), nodeIn(world), nodeIn(world)]
  await connect(world, b, a)
  await connect(world, c, a)
  await b.network.close()
  await world.pass(10)
  expect(a.watched.filter((state) => state === 'gone')).toHaveLength(1)
  world.vanish(c.network.self)
  await world.pass(SILENCE_MS - 10)
  expect(a.watched.filter((state) => state === 'gone')).toHaveLength(1)
  await world.pass(20)
  expect(a.watched.filter((state) => state === 'gone')).toHaveLength(2)
  let failure: unknown
  a.network.dial(c.network.addresses[0] as string).catch((error) => {
    failure = error
  })
  await world.pass(DIAL_MS + 10)
  expect(isArmError(failure) && failure.code).toBe('ARM_NETWORK')
})

test('a slow reader holds back its senders, within bounds', async () => {
  const world = new SimulatedWorld({ seed: 6 })
  const never = Promise.withResolvers<Verdict>()
  const [a, b] = [nodeIn(world), nodeIn(world, 0, () => never.promise)]
  await connect(world, a, b)
  const large = new Uint8Array(4096)
  for (let i = 0; i < 1000; i++) a.network.send(CHANNEL.name, b.network.self, large)
  await world.pass(1000)
  const [sent] = (await a.network.stats()).channels
  const [got] = (await b.network.stats()).channels
  // A window's worth left at once, as much waited for what was read of it; nothing else was kept.
  expect(sent!.unsent).toBe(1000 - WINDOW_BYTES / 4096 - QUEUE.messagesMax)
  expect(sent!.sent).toBe(WINDOW_BYTES / 4096 + QUEUE.messagesMax)
  expect(got!.dropped).toBe(0)
  expect(got!.waiting).toBeLessThanOrEqual(QUEUE.messagesMax)
})

test('whoever passes on what is rejected is cut off in the end', async () => {
  const world = new SimulatedWorld({ seed: 7 })
  const [a, b] = [nodeIn(world), nodeIn(world, 0, () => 'reject')]
  for (const { network } of [a, b]) network.join(TOPIC)
  await connect(world, a, b)
  for (let i = 0; i < REJECTED_MAX; i++) {
    await a.network.publish(TOPIC.name, utf8(`bad ${i}`))
    expect(b.watched).toEqual(['connected'])
    await world.pass(100)
  }
  expect(b.watched).toEqual(['connected', 'gone'])
  await world.pass(60_000)
  expect(b.watched).toEqual(['connected', 'gone'])
})

test('a node takes so many connections and no more, and still makes its own', async () => {
  const world = new SimulatedWorld({ seed: 8 })
  const victim = nodeIn(world)
  const address = victim.network.addresses[0] as string
  let refused = 0
  for (let i = 0; i < INBOUND_MAX + 50; i++)
    nodeIn(world)
      .network.dial(address)
      .catch(() => void refused++)
  await world.pass(100)
  expect((await victim.network.stats()).peers).toHaveLength(INBOUND_MAX)
  expect(refused).toBe(50)
  await connect(world, victim, nodeIn(world))
})

test('a member behind a lossy, cut and changing mesh hears of all through ids that are offered', async () => {
  const { world, nodes } = await town(9, { ...TWO_REGIONS, loss: 0.1 }, 30)
  const away = nodes[5] as Node
  world.partition([away.network.self])
  await nodes[0]?.network.publish(TOPIC.name, utf8('while it was away'))
  await world.pass(SILENCE_MS / 2)
  world.heal()
  await world.pass(6000)
  expect(away.heard.map(({ text }) => text)).toEqual(['while it was away'])
})
