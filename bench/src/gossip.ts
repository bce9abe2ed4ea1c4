// What gossip costs with our settings, beside the library's defaults in the same process; and whether many nodes on one
// machine all reach each other.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { TopicSpec } from '@armchain/network'
import { createLibp2pNetwork } from '@armchain/network/node'
import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { type Identify, identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { median } from './compare.ts'
import { commit, machine } from './machine.ts'

const USAGE = `npm run bench:gossip -- [options]
  --nodes N      nodes of each side (default 10)
  --messages N   messages a round (default 200)
  --bytes N      size of a message (default 1024)
  --rounds N     rounds of each side, in turns (default 6)
  --reach N      nodes that are to reach each other, 0 for none (default 100)
  --out DIR      where the JSON goes (default bench/results)`

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10' },
    messages: { type: 'string', default: '200' },
    bytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '6' },
    reach: { type: 'string', default: '100' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const TOPIC: TopicSpec = {
  name: '/armchain/bench/0/shard/1/head',
  messageBytesMax: 1024 * 1024,
  queue: { messagesMax: 4_096, bytesMax: 64 * 1024 * 1024, drop: 'newest', urgency: 'headers' },
}
const IN_FLIGHT = 16
const MESSAGE_TIMEOUT_MS = 15_000
const DISCARDED_MAX = 3
const WARM_UP_ROUNDS = 2
const MESH_TIMEOUT_MS = 60_000
const REACH_PUBLISHERS = 10
const ALL_CONNECTED_MAX = 16
/** Fewer than this, and gossipsub itself looks for more (`Dlo` of the library). */
const MESH_MIN = 4
const POLL_MS = 50
/** Of a random message, to tell it from others. */
const KEY_BYTES = 16

/** Nodes that are connected and in one topic. */
type Fleet = {
  readonly name: string
  readonly publish: ((bytes: Uint8Array) => Promise<unknown>)[]
  readonly meshPeers: () => Promise<readonly number[]>
  /** Told of each message that a node has heard. */
  onHeard: (node: number, bytes: Uint8Array) => void
  readonly close: () => Promise<unknown>
}

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const [nodes, messages, bytes, rounds, reach] = [
    values.nodes,
    values.messages,
    values.bytes,
    values.rounds,
    values.reach,
  ].map(Number) as [number, number, number, number, number]
  const cost = await compareCost({ nodes, messages, bytes, rounds })
  const reached = reach > 0 ? await measureReach(reach, bytes) : undefined
  mkdirSync(values.out, { recursive: true })
  const report = { nodes, messages, bytes, rounds, cost, reached, machine: machine(), commit: commit() }
  writeFileSync(join(values.out, 'gossip.json'), `${JSON.stringify(report, null, 2)}\n`)
}

type Round = {
  readonly cpuUsPerDelivery: number
  readonly messagesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

async function compareCost({
  nodes,
  messages,
  bytes,
  rounds,
}: Readonly<Record<'nodes' | 'messages' | 'bytes' | 'rounds', number>>) {
  const fleets = [await openOurs(nodes), await openDefaults(nodes)]
  let discarded = 0
  // Where the whole process stands still for seconds, as when it is stopped, connections end and messages are lost.
  const play = async (fleet: Fleet): Promise<Round> => {
    await settled(fleet)
    try {
      return await playRound(fleet, messages, bytes)
    } catch (error) {
      if (++discarded > DISCARDED_MAX) throw error
      console.error(`a round does not count: ${String(error)}`)
      return play(fleet)
    }
  }
  // The first rounds of each are for the optimiser.
  for (let i = 0; i < WARM_UP_ROUNDS; i++) for (const fleet of fleets) await play(fleet)
  const results = fleets.map((): Round[] => [])
  for (let i = 0; i < rounds; i++) {
    const order = i % 2 === 0 ? [0, 1] : [1, 0]
    for (const side of order) results[side]?.push(await play(fleets[side] as Fleet))
  }
  await Promise.all(fleets.map((fleet) => fleet.close()))
  const rows = fleets.map(({ name }, side) => {
    const of = (pick: (round: Round) => number): number => Math.round(10 * median((results[side] ?? []).map(pick))) / 10
    return {
      side: name,
      'cpu us a delivery': of(({ cpuUsPerDelivery }) => cpuUsPerDelivery),
      'messages a second': of(({ messagesPerSecond }) => messagesPerSecond),
      'p50 ms': of(({ p50Ms }) => p50Ms),
      'p99 ms': of(({ p99Ms }) => p99Ms),
    }
  })
  console.table(rows)
  const [ours, defaults] = rows.map((row) => row['cpu us a delivery']) as [number, number]
  const share = ours / defaults
  console.log(`our settings: ${(100 * share).toFixed(0)} % of the library's defaults`)
  return { rows, share, discarded, rounds: results }
}

/** Publishes from each node in turn, so many at a time, until every other node has heard each. */
async function playRound(fleet: Fleet, messages: number, bytes: number): Promise<Round> {
  const nodes = fleet.publish.length
  const payloads = Array.from({ length: messages }, () => randomBytes(bytes))
  const waiting = new Map(
    payloads.map((payload) => [keyOf(payload), { left: nodes - 1, startMs: 0, done: Promise.withResolvers<void>() }]),
  )
  const latencies: number[] = []
  fleet.onHeard = (_, heard) => {
    const entry = waiting.get(keyOf(heard))
    if (entry === undefined) return
    latencies.push(performance.now() - entry.startMs)
    if (--entry.left === 0) entry.done.resolve()
  }
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < messages; i = next++) {
      const payload = payloads[i] as Buffer
      const entry = waiting.get(keyOf(payload))
      if (entry === undefined) throw new Error('two messages are the same')
      entry.startMs = performance.now()
      await fleet.publish[i % nodes]?.(payload)
      await inTime(entry.done.promise, `${fleet.name}: a message has not reached all`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - startMs) / 1_000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN
  return {
    cpuUsPerDelivery: (user + system) / (messages * (nodes - 1)),
    messagesPerSecond: messages / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
}

/** So many nodes with few connections each: who hears what some of them say, and when the last has. */
async function measureReach(nodes: number, bytes: number) {
  const fleet = await openOurs(nodes)
  const isolated = await settled(fleet)
  const startMs = performance.now()
  const hearers: { readonly count: number; readonly lastMs: number }[] = []
  for (let i = 0; i < REACH_PUBLISHERS; i++) {
    const payload = randomBytes(bytes)
    const heard = new Set<number>()
    const sentMs = performance.now()
    let lastMs = 0
    const all = Promise.withResolvers<void>()
    fleet.onHeard = (node, each) => {
      if (!payload.equals(each)) return
      heard.add(node)
      lastMs = performance.now() - sentMs
      if (heard.size === nodes - 1) all.resolve()
    }
    await fleet.publish[Math.floor((i * nodes) / REACH_PUBLISHERS)]?.(payload)
    await inTime(all.promise, `${heard.size} of ${nodes - 1} have heard a message`)
    hearers.push({ count: heard.size, lastMs })
  }
  await fleet.close()
  const row = {
    nodes,
    'without a mesh': isolated,
    'reached by each of ten': Math.min(...hearers.map(({ count }) => count)),
    'median ms to all': Math.round(median(hearers.map(({ lastMs }) => lastMs))),
    'longest ms to all': Math.round(Math.max(...hearers.map(({ lastMs }) => lastMs))),
    'rss MiB': Math.round(process.memoryUsage.rss() / 2 ** 20),
  }
  console.table([row])
  return { ...row, seconds: (performance.now() - startMs) / 1_000 }
}

async function openOurs(count: number): Promise<Fleet> {
  const networks = await Promise.all(
    Array.from({ length: count }, () =>
      createLibp2pNetwork({ secretKey: randomBytes(32), networkId: 'bench', log: warn }),
    ),
  )
  const fleet: Fleet = {
    name: 'ours',
    publish: networks.map((network) => (bytes) => network.publish(TOPIC.name, bytes)),
    meshPeers: () =>
      Promise.all(networks.map(async (network) => (await network.stats()).topics[0]?.meshPeers.length ?? 0)),
    onHeard: () => {},
    close: () => Promise.all(networks.map((network) => network.close())),
  }
  for (const [node, network] of networks.entries()) {
    network.listen(({ bytes }) => {
      fleet.onHeard(node, bytes)
      return 'accept'
    })
    network.join(TOPIC)
  }
  for (const [node, others] of neighbours(count).entries())
    for (const other of others) await networks[node]?.dial(networks[other]?.addresses[0] ?? '')
  return fleet
}

/** What goes wrong belongs to what is measured. */
function warn(level: string, message: string, data: Readonly<Record<string, unknown>>): void {
  if (level !== 'debug') console.error(message, data)
}

/** As the library's own documentation composes a node. */
async function openDefaults(count: number): Promise<Fleet> {
  const nodes: Libp2p<{ identify: Identify; gossip: GossipSub }>[] = await Promise.all(
    Array.from({ length: count }, () =>
      createLibp2p({
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        connectionManager: { inboundConnectionThreshold: 1_000 },
        services: { identify: identify(), gossip: gossipsub() },
      }),
    ),
  )
  const fleet: Fleet = {
    name: 'defaults',
    publish: nodes.map((node) => (bytes) => node.services.gossip.publish(TOPIC.name, bytes)),
    meshPeers: async () => nodes.map(({ services }) => meshOf(services.gossip)),
    onHeard: () => {},
    close: () => Promise.all(nodes.map(async (node) => node.stop())),
  }
  for (const [node, each] of nodes.entries()) {
    each.services.gossip.addEventListener('message', ({ detail }) => fleet.onHeard(node, detail.data))
    each.services.gossip.subscribe(TOPIC.name)
  }
  for (const [node, others] of neighbours(count).entries()) {
    for (const other of others) {
      const [address] = nodes[other]?.getMultiaddrs() ?? []
      if (address !== undefined) await nodes[node]?.dial(address)
    }
  }
  return fleet
}

/** Whom each dials: all others where they are few, so that both sides have the same connections; else four, near and far. */
function neighbours(count: number): number[][] {
  const far = Math.round(Math.sqrt(count))
  const steps = count <= ALL_CONNECTED_MAX ? Array.from({ length: count - 1 }, (_, i) => i + 1) : [1, 2, far, 3 * far]
  return Array.from({ length: count }, (_, i) =>
    count <= ALL_CONNECTED_MAX
      ? steps.map((step) => i + step).filter((other) => other < count)
      : steps.map((step) => (i + step) % count),
  )
}

/** Of the mesh, those to whom there is a stream already: the library's interface shows neither. */
function meshOf(gossip: GossipSub): number {
  const { streamsOutbound } = gossip as GossipSub & { readonly streamsOutbound: ReadonlyMap<string, unknown> }
  const mesh = (gossip as GossipSub & { getMeshPeers(topic: string): string[] }).getMeshPeers(TOPIC.name)
  return mesh.filter((peer) => streamsOutbound.has(peer)).length
}

/** Waits for everyone's mesh to be no smaller than a healthy one; how many have none in the end. */
async function settled(fleet: Fleet): Promise<number> {
  const endMs = performance.now() + MESH_TIMEOUT_MS
  for (;;) {
    const meshes = await fleet.meshPeers()
    if (meshes.every((peers) => peers >= MESH_MIN) || performance.now() > endMs)
      return meshes.filter((peers) => peers === 0).length
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function inTime<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(what)), MESSAGE_TIMEOUT_MS)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, KEY_BYTES).toString('latin1')
}
