import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { utf8 } from '@armchain/core'
import { generateKey } from '@libp2p/pnet'
import { afterEach, expect, test } from 'vitest'
import type { ChannelSpec, TopicSpec } from '../network.ts'
import { realTime } from './real-time.fixture.ts'
import { closeAll, type OpenedNetwork, openMany, openOne } from './rig.fixture.ts'

const { until } = realTime
const QUEUE = { messagesMax: 64, bytesMax: 8 * 1024 * 1024, drop: 'newest', urgency: 'headers' } as const
const TOPIC: TopicSpec = { name: '/armchain/rig/0/main/head', messageBytesMax: 1_000, queue: QUEUE }
const CHANNEL: ChannelSpec = {
  name: '/armchain/rig/bodies/1',
  messageBytesMax: 4 * 1024 * 1024,
  queue: QUEUE,
  outbound: { ...QUEUE, bytesMax: 64 * 1024 * 1024 },
}

afterEach(closeAll)

test('a peer is named after its key, and speaks TLS over TCP', async () => {
  const secretKey = randomBytes(32)
  const [a, b] = (await openMany(2)) as [OpenedNetwork, OpenedNetwork]
  const first = await openOne({ secretKey })
  await first.network.close()
  const again = await openOne({ secretKey })
  expect(again.network.self).toBe(first.network.self)
  await a.network.dial(b.address)
  const [connection] = a.node.getConnections()
  expect([connection?.encryption, connection?.multiplexer]).toEqual(['/tls/1.0.0', '/yamux/1.0.0'])
})

test('a private network lets in who has its key, and nobody else', async () => {
  const preSharedKey = new Uint8Array(95)
  generateKey(preSharedKey)
  const [a, b] = (await openMany(2, { preSharedKey })) as [OpenedNetwork, OpenedNetwork]
  const outsider = await openOne()
  expect(await a.network.dial(b.address)).toBe(b.network.self)
  await expect(outsider.network.dial(a.address)).rejects.toThrow('ARM_NETWORK')
})

test('one that cannot be reached is reached through a super node, in topics and channels', async () => {
  const relay = await openOne({ role: 'super' })
  const hidden = await openOne({ listen: [`${relay.address}/p2p-circuit`] })
  await until(() => hidden.network.addresses.length > 0, 'a place at the super node')
  const [address = ''] = hidden.network.addresses
  expect(address).toContain('/p2p-circuit/')
  const other = await openOne()
  for (const { network } of [hidden, other]) {
    network.join(TOPIC)
    network.open(CHANNEL)
  }
  expect(await other.network.dial(address)).toBe(hidden.network.self)
  await until(async () => (await other.network.publish(TOPIC.name, utf8('gossip'))) > 0, 'a mesh over the super node')
  other.network.send(CHANNEL.name, hidden.network.self, utf8('direct'))
  await until(() => hidden.heard.length === 2, 'both messages')
  expect(hidden.heard.map(({ from }) => from)).toEqual([other.network.self, other.network.self])
})

test('known peers are found again after a restart, without being told of', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'armchain-network-'))
  const secretKey = randomBytes(32)
  const friend = await openOne()
  const before = await openOne({ dataDir, secretKey })
  await before.network.dial(friend.address)
  await until(async () => (await friend.network.stats()).peers.length === 1, 'the connection')
  await before.network.close()
  await until(async () => (await friend.network.stats()).peers.length === 0, 'the end of it')
  const after = await openOne({ dataDir, secretKey })
  await until(
    async () => (await after.network.stats()).peers.some(({ peer }) => peer === friend.network.self),
    'a friend',
  )
  rmSync(dataDir, { recursive: true })
})

test('messages that are many times larger than a window pass, in order', async () => {
  const [a, b] = (await openMany(2)) as [OpenedNetwork, OpenedNetwork]
  for (const { network } of [a, b]) network.open(CHANNEL)
  await a.network.dial(b.address)
  await until(async () => (await b.network.stats()).peers.length === 1, 'the connection')
  const sent = Array.from({ length: 8 }, (_, i) => new Uint8Array(CHANNEL.messageBytesMax - i).fill(i))
  for (const each of sent) a.network.send(CHANNEL.name, b.network.self, each)
  await until(() => b.heard.length === sent.length, 'all')
  for (const [i, { bytes }] of b.heard.entries()) expect(Buffer.compare(bytes, sent[i] as Uint8Array)).toBe(0)
})
