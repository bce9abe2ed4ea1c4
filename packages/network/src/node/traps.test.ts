import { utf8 } from '@armchain/core'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, test } from 'vitest'
import type { TopicSpec } from '../network.ts'
import { splitFrames } from './gossip-guard.ts'
import { messageId } from './libp2p-node.ts'
import { GOSSIP_FRAME_BYTES_MAX, GOSSIP_MESSAGE_BYTES_MAX, WATCHDOG_EVERY_MS } from './limits.ts'
import { realTime } from './real-time.fixture.ts'
import { closeAll, type OpenedNetwork, openHostile, openLink, openMany, openOne } from './rig.fixture.ts'

const { until, pass } = realTime
const TOPIC: TopicSpec = {
  name: '/armchain/rig/0/shard/1/head',
  messageBytesMax: GOSSIP_MESSAGE_BYTES_MAX,
  queue: { messagesMax: 64, bytesMax: 8 * 1024 * 1024, drop: 'newest', urgency: 'headers' },
}

afterEach(closeAll)

const meshOf = ({ gossip }: OpenedNetwork): number => gossip.getMeshPeers(TOPIC.name).length
const textsOf = ({ heard }: OpenedNetwork): string[] => heard.map(({ bytes }) => new TextDecoder().decode(bytes))

async function connected(count: number): Promise<OpenedNetwork[]> {
  const [hub, ...others] = await openMany(count)
  if (hub === undefined) return []
  for (const each of others) await each.network.dial(hub.address)
  for (const each of [hub, ...others]) each.network.join(TOPIC)
  await until(() => others.every((each) => meshOf(each) > 0) && meshOf(hub) > 0, 'a mesh')
  return [hub, ...others]
}

test('localhost scoring: more than ten peers of one address keep their score and their mesh', async () => {
  const [hub, ...others] = await openMany(14)
  for (const [i, each] of others.entries()) {
    await each.network.dial(hub?.address ?? '')
    await each.network.dial(others[(i + 1) % others.length]?.address ?? '')
  }
  for (const each of [hub, ...others]) each?.network.join(TOPIC)
  await pass(2_500) // Several heartbeats: the default weight would have emptied the mesh.
  for (const each of others) {
    expect(hub?.gossip.getScore(each.network.self)).toBeGreaterThanOrEqual(0)
    expect(each.gossip.getScore(hub?.network.self ?? '')).toBeGreaterThanOrEqual(0)
    expect(meshOf(each)).toBeGreaterThan(0)
  }
  await others[0]?.network.publish(TOPIC.name, utf8('to all'))
  await until(() => others.slice(1).every((each) => textsOf(each).includes('to all')), 'all to hear it')
})

test('oversized message: a frame that ends gossip between two peers ends their connection too, and it heals', async () => {
  const [a, b] = (await connected(2)) as [OpenedNetwork, OpenedNetwork]
  await pass(WATCHDOG_EVERY_MS) // It is patient with who has just connected.
  // Past the check of our own adapter. The receiver forgets its sender, who does not know it.
  await b.node.services.gossip.publish(TOPIC.name, new Uint8Array(GOSSIP_FRAME_BYTES_MAX + 1))
  await until(() => !a.gossip.peers.has(b.network.self), 'the end of gossip')
  let sent = 0
  await until(async () => {
    await b.network.publish(TOPIC.name, utf8(`message ${sent++}`))
    return a.heard.length > 0
  }, 'gossip to go on')
  expect([...a.log, ...b.log].some((line) => line.includes('not in gossip'))).toBe(true)
})

test('oversized message: one that a hostile peer sends costs it its connection, and others go on', async () => {
  const [a, b] = (await connected(2)) as [OpenedNetwork, OpenedNetwork]
  const hostile = await openHostile()
  await hostile.dial(multiaddr(a.address))
  hostile.services.gossip.subscribe(TOPIC.name)
  await until(() => hostile.services.gossip.getSubscribers(TOPIC.name).length > 0, 'the subscription')
  await pass(WATCHDOG_EVERY_MS) // It is patient with who has just connected.
  await hostile.services.gossip.publish(TOPIC.name, new Uint8Array(GOSSIP_FRAME_BYTES_MAX + 1))
  await until(() => hostile.getConnections().length === 0, 'the end of the connection')
  await b.network.publish(TOPIC.name, utf8('after'))
  await until(() => textsOf(a).includes('after'), 'the other')
})

test('oversized message: an answer with many messages is sent in frames that are taken', () => {
  const messages = Array.from({ length: 40 }, () => ({ topic: TOPIC.name, data: new Uint8Array(100_000) }))
  const frames = splitFrames({ subscriptions: ['s'], messages, control: 'c' })
  expect(frames.flatMap((frame) => frame.messages)).toEqual(messages)
  for (const frame of frames) {
    const sizeBytes = frame.messages.reduce((sum, { data }) => sum + (data?.length ?? 0), 0)
    expect(sizeBytes).toBeLessThan(GOSSIP_FRAME_BYTES_MAX - 64 * 1024)
  }
  expect(frames.map(({ control }) => control)).toEqual(['c', ...frames.slice(1).map(() => undefined)])
})

test('outbound buffer: a stream of gossip that was aborted is replaced', async () => {
  const [a, b] = (await connected(2)) as [OpenedNetwork, OpenedNetwork]
  const stream = b.gossip.streamsOutbound.get(a.network.self) as { rawStream: { abort(error: Error): void } }
  stream.rawStream.abort(new Error('its buffer ran over'))
  let sent = 0
  await until(async () => {
    await b.network.publish(TOPIC.name, utf8(`message ${sent++}`))
    return a.heard.length > 0
  }, 'gossip to go on')
})

test('inbound back-pressure: what a slow listener does not take is bounded, and none of it is forwarded', async () => {
  const [a, b, c] = (await connected(3)) as [OpenedNetwork, OpenedNetwork, OpenedNetwork]
  const done = Promise.withResolvers<void>()
  a.judge = () => done.promise.then(() => 'accept')
  for (let i = 0; i < 1_000; i++) await b.network.publish(TOPIC.name, utf8(String(i).padEnd(1_000)))
  const stats = async () => (await a.network.stats()).topics[0]
  await until(async () => (await stats())?.received === 1_000, 'all to arrive')
  expect((await stats())?.waiting).toBeLessThanOrEqual(TOPIC.queue.messagesMax)
  expect(a.heard.length + ((await stats())?.waiting ?? 0) + ((await stats())?.dropped ?? 0)).toBe(1_000)
  done.resolve()
  await pass(300)
  expect(c.heard.length).toBeLessThanOrEqual(a.heard.length)
})

test('message-id poisoning: an id is a hash of all of a message, so that none can be claimed for another', async () => {
  const [a, b] = (await connected(2)) as [OpenedNetwork, OpenedNetwork]
  const genuine = utf8('head 7: genuine')
  const forged = utf8('head 7: forged!')
  expect(messageId({ topic: TOPIC.name, data: genuine })).toHaveLength(20)
  expect(messageId({ topic: TOPIC.name, data: genuine })).not.toEqual(messageId({ topic: TOPIC.name, data: forged }))
  expect(messageId({ topic: 'ab', data: utf8('c') })).not.toEqual(messageId({ topic: 'a', data: utf8('bc') }))
  a.judge = ({ bytes }) => (bytes.at(-1) === forged.at(-1) ? 'reject' : 'accept')
  await b.network.publish(TOPIC.name, forged)
  await b.network.publish(TOPIC.name, genuine)
  await until(() => a.heard.length === 2, 'both')
})

test('monitor against ping: pings of the application do not make the monitor end a connection', async () => {
  const [a, b] = (await connected(2)) as [OpenedNetwork, OpenedNetwork]
  const [connection] = a.node.getConnections()
  const pings = Array.from({ length: 12 }, () => a.node.services.ping.ping(b.node.peerId))
  expect(await Promise.all(pings)).toHaveLength(12)
  expect(connection?.status).toBe('open')
  expect(a.node.getConnections()).toEqual([connection])
})

test('connections a second: a testnet on loopback may all come at once', async () => {
  const [hub, ...others] = await openMany(20)
  await Promise.all(others.map((each) => each.network.dial(hub?.address ?? '')))
  await until(async () => (await hub?.network.stats())?.peers.length === 19, 'all')
})

test('connections a second: on a public node one address has few', async () => {
  const limits = { inboundPerHostMax: 3, inboundPerHostPerSecond: 5 }
  const hub = await openOne({ limits })
  const others = await openMany(10)
  await Promise.allSettled(others.map((each) => each.network.dial(hub.address)))
  await pass(200)
  expect((await hub.network.stats()).peers.length).toBeLessThanOrEqual(3)
})

test('cut link: a connection over which nothing passes is ended, and begun again when it can be', async () => {
  const [a, b] = (await openMany(2)) as [OpenedNetwork, OpenedNetwork]
  const link = await openLink(Number(b.address.split('/')[4]))
  const seen: string[] = []
  a.network.watch((_, state) => seen.push(state))
  await a.network.dial(`/ip4/127.0.0.1/tcp/${link.port}/p2p/${b.network.self}`)
  await until(() => seen.length === 1, 'the connection')
  link.cut()
  await until(() => seen.includes('gone'), 'the end of the connection')
  link.heal()
  await until(() => seen.at(-1) === 'connected', 'a new connection')
})

test('validator throw: a listener that throws has ignored the message, nobody is to blame, and the next one comes', async () => {
  const [a, b] = (await connected(2)) as [OpenedNetwork, OpenedNetwork]
  a.judge = () => {
    throw new Error('a bug')
  }
  await b.network.publish(TOPIC.name, utf8('one'))
  await until(() => a.heard.length === 1, 'a message')
  a.judge = () => 'accept'
  await b.network.publish(TOPIC.name, utf8('two'))
  await until(() => a.heard.length === 2, 'the next')
  expect(a.gossip.getScore(b.network.self)).toBeGreaterThanOrEqual(0)
})
