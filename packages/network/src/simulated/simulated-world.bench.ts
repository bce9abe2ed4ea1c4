// How many frames a simulated network carries in a second of CPU, and whether all messages reached all nodes.
// Run: node --conditions=@armchain/source packages/network/src/simulated/simulated-world.bench.ts [nodes] [messages]
import { cpus } from 'node:os'
import { topicName } from '../topic-name.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedWorld } from './simulated-world.ts'

const [nodeCount = 1000, messageCount = 50] = process.argv.slice(2).map(Number)
const DIALS = 6
const TOPIC = {
  name: topicName({ network: 'bench', epoch: 0, shard: 1, kind: 'head' }),
  messageBytesMax: 4096,
  queue: { messagesMax: 256, bytesMax: 1 << 20, drop: 'newest', urgency: 'headers' },
} as const

const random = new SeededRandom(1)
const world = new SimulatedWorld({
  seed: 1,
  links: {
    delayMs: [
      [5, 40, 90],
      [40, 5, 60],
      [90, 60, 5],
    ],
    jitterMs: 5,
    loss: 0.001,
    uplinkBytesPerMs: undefined,
  },
})
let heard = 0
const nodes = Array.from({ length: nodeCount }, (_, i) => world.open({ region: i % 3 }))
for (const node of nodes) {
  node.listen(() => {
    heard++
    return 'accept'
  })
  node.join(TOPIC)
}
for (const node of nodes)
  for (const other of random.sample(nodes, DIALS))
    if (other !== node) node.dial(other.addresses[0] as string).catch((error) => console.error(error.message))
await world.pass(5000)

const before = world.counts
const start = process.cpuUsage()
for (let i = 0; i < messageCount; i++) {
  await nodes[random.below(nodeCount)]?.publish(TOPIC.name, new Uint8Array(1024).fill(i))
  await world.pass(100)
}
await world.pass(3000)
const { user, system } = process.cpuUsage(start)
const cpuSeconds = (user + system) / 1e6
const frames = world.counts.frames - before.frames
if (heard !== messageCount * (nodeCount - 1)) throw new Error(`${heard} deliveries: not all messages reached all nodes`)
console.log(`${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`)
console.log(`${nodeCount} nodes, ${messageCount} messages of 1 KiB, ${heard} deliveries, trace ${world.traceHash}`)
console.log(
  `${Math.round(frames / cpuSeconds)} frames and ${Math.round(heard / cpuSeconds)} deliveries a second of CPU`,
)
