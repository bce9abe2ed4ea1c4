import { connect, type Socket } from 'node:net'
import { utf8 } from '@armchain/core'
import { RPC } from '@libp2p/gossipsub/message'
import type { Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, expect, test } from 'vitest'
import type { ChannelSpec, ExchangeSpec, TopicSpec } from '../network.ts'
import { CHANNEL_STREAMS_MAX, GOSSIP_OUTBOUND_BYTES_MAX, WATCHDOG_EVERY_MS } from './limits.ts'
import type { NetworkLimits } from './options.ts'
import { realTime } from './real-time.fixture.ts'
import { closeAll, type HostileNode, type OpenedNetwork, openHostile, openOne } from './rig.fixture.ts'

const { until, pass } = realTime
const QUEUE = { messagesMax: 32, bytesMax: 1 << 20, drop: 'newest', urgency: 'headers' } as const
const TOPIC: TopicSpec = { name: '/armchain/rig/0/shard/1/head', messageBytesMax: 64 * 1024, queue: QUEUE }
const CHANNEL: ChannelSpec = {
  name: '/armchain/rig/votes/1',
  messageBytesMax: 64 * 1024,
  queue: QUEUE,
  outbound: QUEUE,
}
const EXCHANGE: ExchangeSpec = {
  name: '/armchain/rig/blocks/1',
  queryBytesMax: 64,
  answerBytesMax: 1 << 20,
  perPeerMax: 2,
  timeoutMs: 1_000,
}
const GOSSIP = '/meshsub/1.2.0'

afterEach(closeAll)

/** A node that others depend on, one of those, and one that means harm, all connected to the first. */
async function scene(limits: Partial<NetworkLimits> = {}) {
  const victim = await openOne({ limits })
  const honest = await openOne()
  const hostile = await openHostile()
  for (const { network } of [victim, honest]) {
    network.join(TOPIC)
    network.open(CHANNEL)
    network.serve(EXCHANGE, async (query) => query)
  }
  await honest.network.dial(victim.address)
  await hostile.dial(multiaddr(victim.address))
  await until(() => victim.gossip.getMeshPeers(TOPIC.name).includes(honest.network.self), 'the mesh')
  return { victim, honest, hostile }
}

/** Until the victim's watchdog has seen the hostile node in gossip: it is patient with who has just connected. */
async function settle({ victim, hostile }: Awaited<ReturnType<typeof scene>>): Promise<void> {
  const self = hostile.peerId.toString()
  await until(() => victim.gossip.streamsInbound.has(self) && victim.gossip.streamsOutbound.has(self), 'gossip')
  await pass(WATCHDOG_EVERY_MS)
}

async function openStream(hostile: HostileNode, protocol: string): Promise<Stream> {
  const [connection] = hostile.getConnections()
  if (connection === undefined) throw new Error('the hostile node is not connected')
  return connection.newStream(protocol, { maxOutboundStreams: 10_000 })
}

async function sendGossip(hostile: HostileNode, messages: readonly Uint8Array[]): Promise<void> {
  const frames = lpStream(await openStream(hostile, GOSSIP))
  for (const data of messages) {
    const rpc = RPC.encode({ subscriptions: [], messages: [{ topic: TOPIC.name, data }] } as unknown as RPC)
    await frames.write(rpc).catch(() => {}) // It is cut off at some point.
  }
}

/** The hostile node is out and stays out; what the honest one does goes on. */
async function isCutOff({ victim, honest, hostile }: Awaited<ReturnType<typeof scene>>): Promise<void> {
  await until(() => hostile.getConnections().length === 0, 'the end of the connection')
  await hostile.dial(multiaddr(victim.address)).catch(() => {})
  await until(async () => (await victim.network.stats()).peers.length === 1, 'nobody but the honest one')
  await goesOn({ victim, honest })
}

async function goesOn({ victim, honest }: { victim: OpenedNetwork; honest: OpenedNetwork }): Promise<void> {
  const text = `still here ${Math.random()}`
  await honest.network.publish(TOPIC.name, utf8(text))
  honest.network.send(CHANNEL.name, victim.network.self, utf8(text))
  await until(
    () => victim.heard.filter(({ bytes }) => new TextDecoder().decode(bytes) === text).length === 2,
    'the honest one in topic and channel',
  )
  const answer = await honest.network.request(EXCHANGE, victim.network.self, utf8('q'))
  expect(answer).toEqual(utf8('q'))
}

test('oversized: messages larger than their topic allows are not heard, and cut their sender off', async () => {
  const all = await scene()
  await sendGossip(
    all.hostile,
    Array.from({ length: 5 }, (_, i) => new Uint8Array(TOPIC.messageBytesMax + 1 + i)),
  )
  await isCutOff(all)
  expect(all.victim.heard.every(({ from }) => from === all.honest.network.self)).toBe(true)
})

test('malformed: noise on a stream of gossip ends the connection', async () => {
  const all = await scene()
  await settle(all)
  const stream = await openStream(all.hostile, GOSSIP)
  stream.send(new Uint8Array(10_000).fill(0xff))
  await until(() => all.hostile.getConnections().length === 0, 'the end of the connection')
  await goesOn(all)
})

test('malformed: frames of a channel that say they are huge cut their sender off, and nothing is kept for them', async () => {
  const all = await scene()
  for (let i = 0; i < 8 && all.hostile.getConnections().length > 0; i++) {
    const stream = await openStream(all.hostile, CHANNEL.name).catch(() => undefined)
    stream?.send(new Uint8Array([0xff, 0xff, 0xff, 0xff, 1, 2, 3]))
    await pass(50)
  }
  await isCutOff(all)
})

test('forged: messages that carry an author, a number or a signature are refused, and cut their sender off', async () => {
  const all = await scene()
  const frames = lpStream(await openStream(all.hostile, GOSSIP))
  for (let i = 0; i < 10; i++) {
    const message = { topic: TOPIC.name, data: utf8(`forged ${i}`), from: new Uint8Array(38), seqno: new Uint8Array(8) }
    const forged = { ...message, signature: new Uint8Array(64), key: new Uint8Array(36) }
    await frames.write(RPC.encode({ subscriptions: [], messages: [forged] } as unknown as RPC)).catch(() => {})
  }
  await isCutOff(all)
  expect(all.victim.heard.filter(({ bytes }) => new TextDecoder().decode(bytes).startsWith('forged'))).toEqual([])
})

test('rejected: what the listener rejects is not passed on, and cuts its sender off', async () => {
  const all = await scene()
  all.victim.judge = ({ from }) => (from === all.honest.network.self ? 'accept' : 'reject')
  await sendGossip(
    all.hostile,
    Array.from({ length: 8 }, (_, i) => utf8(`wrong ${i}`)),
  )
  await isCutOff(all)
  expect(all.honest.heard).toEqual([])
})

test('flood: of more than a peer may send, little comes in; its sender is cut off', async () => {
  const all = await scene({ gossipMessagesPerSecond: 200 })
  await sendGossip(
    all.hostile,
    Array.from({ length: 5_000 }, (_, i) => utf8(`flood ${i}`)),
  )
  await isCutOff(all)
  const flooded = all.victim.heard.filter(({ from }) => from !== all.honest.network.self).length
  expect(flooded).toBeLessThan(1_500)
})

test('replay: what was heard is not heard again, and who repeats it without end is cut off', async () => {
  const all = await scene({ gossipMessagesPerSecond: 200 })
  const same = utf8('again and again')
  await sendGossip(
    all.hostile,
    Array.from({ length: 5_000 }, () => same),
  )
  await isCutOff(all)
  expect(all.victim.heard.filter(({ bytes }) => bytes.length === same.length)).toHaveLength(1)
})

test('flood of a channel: who sends more than is taken waits at its own end, and loses nothing of others', async () => {
  const all = await scene({ inFlightMax: 8 })
  const done = Promise.withResolvers<void>()
  all.victim.judge = () => done.promise.then(() => 'accept')
  const stream = await openStream(all.hostile, CHANNEL.name)
  const message = new Uint8Array(4 + 1_000)
  new DataView(message.buffer).setUint32(0, 1_000)
  for (let i = 0; i < 20_000; i++) stream.send(message)
  for (let i = 0; i < 3; i++) all.honest.network.send(CHANNEL.name, all.victim.network.self, utf8(`vote ${i}`))
  const stats = async () => (await all.victim.network.stats()).channels.find(({ name }) => name === CHANNEL.name)
  await until(async () => ((await stats())?.waiting ?? 0) >= 3, 'messages to wait')
  await pass(300)
  // The window of the stream, and no more, is in the victim's memory.
  expect((await stats())?.received).toBeLessThan(2_500)
  expect((await stats())?.dropped).toBe(0)
  done.resolve()
  await until(() => all.victim.heard.filter(({ from }) => from === all.honest.network.self).length === 3, 'the votes')
})

test('slow reader of gossip: what waits for it is bounded, then it is cut off', async () => {
  const all = await scene()
  all.hostile.services.gossip.subscribe(TOPIC.name)
  await until(() => all.victim.node.services.gossip.getSubscribers(TOPIC.name).length === 2, 'the subscription')
  await settle(all)
  for (const each of all.hostile.getConnections()[0]?.streams ?? []) if (each.protocol === GOSSIP) each.pause()
  const self = all.hostile.peerId.toString()
  let most = 0
  for (let i = 0; i < 400 && all.victim.gossip.streamsOutbound.has(self); i++) {
    await all.victim.network.publish(TOPIC.name, new Uint8Array(TOPIC.messageBytesMax).fill(i))
    const stream = all.victim.gossip.streamsOutbound.get(self) as { rawStream: Stream } | undefined
    most = Math.max(most, stream?.rawStream.writeBufferLength ?? 0)
    await pass(1)
  }
  expect(most).toBeLessThanOrEqual(GOSSIP_OUTBOUND_BYTES_MAX + TOPIC.messageBytesMax + 1_000)
  await until(() => all.hostile.getConnections().length === 0, 'the end of the connection')
  await goesOn(all)
})

test('slow reader of a channel: its own queue overflows, and others do not wait for it', async () => {
  const all = await scene()
  await all.hostile.handle(CHANNEL.name, (stream) => stream.pause())
  const self = all.hostile.peerId.toString()
  for (let i = 0; i < 2_000; i++) {
    all.victim.network.send(CHANNEL.name, self, new Uint8Array(10_000))
    if (i % 20 === 0) await pass(1)
  }
  await until(async () => {
    const stats = (await all.victim.network.stats()).channels.find(({ name }) => name === CHANNEL.name)
    return (stats?.unsent ?? 0) > 1_500
  }, 'its queue to overflow')
  const written = all.victim.node
    .getConnections()
    .flatMap(({ streams }) => streams.map(({ writeBufferLength }) => writeBufferLength))
  expect(Math.max(...written)).toBeLessThan(200_000)
  await goesOn(all)
})

test('half-open streams: so many are held, they end in time, and others are answered', async () => {
  const all = await scene()
  const opened = await Promise.allSettled(Array.from({ length: 300 }, () => openStream(all.hostile, EXCHANGE.name)))
  await Promise.allSettled(Array.from({ length: 50 }, () => openStream(all.hostile, CHANNEL.name)))
  expect(opened.some(({ status }) => status === 'fulfilled')).toBe(true)
  const held = (protocol: string): number =>
    all.victim.node
      .getConnections(all.hostile.peerId)
      .flatMap(({ streams }) => streams.filter((each) => each.protocol === protocol && each.status === 'open')).length
  expect(held(EXCHANGE.name)).toBeLessThanOrEqual(2 * EXCHANGE.perPeerMax + 4)
  expect(held(CHANNEL.name)).toBeLessThanOrEqual(CHANNEL_STREAMS_MAX)
  await goesOn(all)
  await until(() => held(EXCHANGE.name) === 0, 'streams without a query to end')
})

test('500 inbound connections: few are let in, those of this node and of who is in already go on', async () => {
  const all = await scene({ inboundMax: 20 })
  const port = Number(all.victim.address.split('/')[4])
  const sockets: Socket[] = []
  for (let i = 0; i < 500; i++) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    sockets.push(socket)
  }
  await pass(500)
  const open = sockets.filter(({ readyState }) => readyState === 'open').length
  expect(open).toBeLessThanOrEqual(64)
  await goesOn(all)
  const other = await openOne()
  expect(await all.victim.network.dial(other.address)).toBe(other.network.self)
  for (const socket of sockets) socket.destroy()
})

test('more peers than there are places: inbound ones stop at their limit, and outbound ones find room', async () => {
  const victim = await openOne({ limits: { inboundMax: 6, outboundReserved: 4 } })
  const hostile = await Promise.all(Array.from({ length: 12 }, () => openHostile()))
  await Promise.allSettled(hostile.map((each) => each.dial(multiaddr(victim.address))))
  await pass(300)
  const inbound = victim.node.getConnections().filter(({ direction }) => direction === 'inbound').length
  expect(inbound).toBeLessThanOrEqual(6)
  expect(inbound).toBeGreaterThan(0)
  const friend = await openOne()
  await victim.network.dial(friend.address)
  await until(
    async () => (await victim.network.stats()).peers.some(({ peer }) => peer === friend.network.self),
    'a friend',
  )
})
