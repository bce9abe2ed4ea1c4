import { randomBytes } from 'node:crypto'
import { keyPairFromSecret, utf8 } from '@armchain/core'
import { afterEach, expect, test } from 'vitest'
import type { Network, TopicSpec } from '../network.ts'
import { createLibp2pNetwork } from '../node/create-libp2p-network.ts'
import { realTime } from '../node/real-time.fixture.ts'
import { topicName } from '../topic-name.ts'
import { drawsOf } from './draw.ts'
import { MeshKeeper } from './mesh-keeper.ts'
import { MeshPlanner } from './mesh-planner.ts'
import { peerIdOf } from './peer-id.ts'

const COUNT = 6
const NETWORK_ID = 'keepers'
const TOPIC: TopicSpec = {
  name: topicName({ network: NETWORK_ID, epoch: 0, shard: 1, kind: 'head' }),
  messageBytesMax: 4096,
  queue: { messagesMax: 64, bytesMax: 1 << 20, drop: 'newest', urgency: 'headers' },
}

const opened: Network[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((network) => network.close()))
})

type Opened = {
  readonly network: Network
  readonly keeper: MeshKeeper
  readonly planner: MeshPlanner
  readonly heard: string[]
}

async function openOne(): Promise<Opened> {
  const secretKey = Uint8Array.from(randomBytes(32))
  const network = await createLibp2pNetwork({ secretKey, networkId: NETWORK_ID })
  opened.push(network)
  expect(network.self).toBe(peerIdOf(keyPairFromSecret(secretKey).publicKey))
  const heard: string[] = []
  network.listen(({ bytes }) => {
    heard.push(new TextDecoder().decode(bytes))
    return 'accept'
  })
  const planner = new MeshPlanner(network.self, drawsOf({ bytes: (count) => randomBytes(count) }))
  const keeper = new MeshKeeper({
    network,
    planner,
    genesisHash: new Uint8Array(32),
    topicsOf: () => [TOPIC],
    clock: { nowMs: () => performance.now() },
    onWarning: () => {},
  })
  return { network, keeper, planner, heard }
}

test('over real connections, nodes that know one other find all members, and need that one no more', async () => {
  const nodes: Opened[] = []
  for (let i = 0; i < COUNT; i++) nodes.push(await openOne())
  const [first, ...others] = nodes
  for (const { network } of others) await network.dial(first?.network.addresses[0] as string)
  for (const { keeper } of nodes) keeper.assign(0, [1], new Map([[1, COUNT]]))
  await realTime.until(async () => {
    await Promise.all(nodes.map(({ keeper }) => keeper.tick()))
    return nodes.every(({ planner }) => planner.memberships.every(({ peers }) => peers === COUNT - 1))
  }, 'all to be connected with all')
  await first?.network.close()
  // Other bytes each time: the same would be a copy.
  let tries = 0
  await realTime.until(
    async () => (await others[0]?.network.publish(TOPIC.name, utf8(`head ${tries++}`))) !== 0,
    'a mesh without the first',
  )
  await realTime.until(
    () => others.slice(1).every(({ heard }) => heard.includes(`head ${tries - 1}`)),
    'the head to be with all that are left',
  )
}, 40_000)
