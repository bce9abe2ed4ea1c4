import { expect, test } from 'vitest'
import { VOTE_BYTES_MAX } from '../limits.ts'
import { silentLog } from '../log.ts'
import { type MemoryNetwork, MemoryTown } from './memory-network.fixture.ts'
import { KINDS, LANES, laneChannel, SUBJECTS, subjectTopic } from './network-lanes.ts'
import { type NetworkTransport, networkTransport } from './network-transport.ts'
import { encodePeerMessage, PeerKind } from './wire.ts'

const OPTIONS = { networkId: 'suite', vShards: [0, 1], validatorPeers: ['v0', 'v1', undefined], log: silentLog }
const VOTE = encodePeerMessage({ kind: PeerKind.engine, vShard: 1, bytes: new Uint8Array(9) })
const BATCH = encodePeerMessage({ kind: PeerKind.transactions, transactions: [new Uint8Array(3)] })

type Heard = readonly [from: number, kind: number | undefined]
type Place = { readonly network: MemoryNetwork; readonly transport: NetworkTransport; readonly heard: Heard[] }

function places(...names: readonly string[]): Place[] {
  return join(new MemoryTown(), names)
}

function join(town: MemoryTown, names: readonly string[]): Place[] {
  return names.map((name) => {
    const network = town.open(name)
    const transport = networkTransport(network, OPTIONS)
    const heard: Heard[] = []
    transport.listen((from, bytes) => {
      heard.push([from, bytes[0]])
      return 'accept'
    })
    transport.watch(() => undefined)
    return { network, transport, heard }
  })
}

test('validators are known by their seats, others by numbers above, and answered under those', () => {
  const [v0, v1, follower] = places('v0', 'v1', 'f') as [Place, Place, Place]
  expect([v0, v1, follower].map(({ transport }) => transport.self)).toEqual([0, 1, undefined])
  follower.transport.send(0, encodePeerMessage({ kind: PeerKind.wantBlocks, vShard: 1, fromHeight: 1 }), 'sync')
  v1.transport.send(0, VOTE, 'votes')
  expect(v0.heard).toEqual([
    [3, PeerKind.wantBlocks],
    [1, PeerKind.engine],
  ])
  v0.transport.send(3, encodePeerMessage({ kind: PeerKind.blocks, vShard: 1, blocks: [] }), 'sync')
  expect(follower.heard).toEqual([[0, PeerKind.blocks]])
  expect([...v0.transport.peers].sort()).toEqual([1, 3])
})

test('a broadcast goes to all in the vShard, and whatever else comes on its topic is rejected', async () => {
  const [v0, v1, follower] = places('v0', 'v1', 'f') as [Place, Place, Place]
  v0.transport.broadcast(1, 'transactions', BATCH)
  await expect
    .poll(() => [v1.heard, follower.heard])
    .toEqual([[[0, PeerKind.transactions]], [[0, PeerKind.transactions]]])
  const want = encodePeerMessage({ kind: PeerKind.wantBlocks, vShard: 1, fromHeight: 1 })
  const topic = subjectTopic('suite', 1, 'transactions').name
  for (const bytes of [want, VOTE, new Uint8Array(0)]) await follower.network.publish(topic, bytes)
  follower.network.send(laneChannel('suite', 'votes').name, 'v1', BATCH)
  await expect.poll(() => v1.network.verdicts).toEqual(['accept', 'reject', 'reject', 'reject', 'reject'])
  expect(v1.heard).toHaveLength(1)
})

test('every kind of message has a lane or a topic, and what is passed on to others asks for nothing', () => {
  const all = new Set([...LANES, ...SUBJECTS].flatMap((way) => KINDS[way]))
  expect([...all].sort()).toEqual(Object.values(PeerKind).sort())
  for (const subject of SUBJECTS) expect(KINDS[subject]).not.toContain(PeerKind.wantBlocks)
})

test('what is too large for its lane is lost, and does not disturb its sender', () => {
  const [v0, v1] = places('v0', 'v1') as [Place, Place]
  const large = encodePeerMessage({ kind: PeerKind.engine, vShard: 1, bytes: new Uint8Array(2 * VOTE_BYTES_MAX) })
  v0.transport.send(1, large, 'votes')
  v0.transport.send(1, VOTE, 'votes')
  v0.transport.send(9, VOTE, 'votes')
  v0.transport.broadcast(7, 'heads', VOTE)
  expect(v1.heard).toEqual([[0, PeerKind.engine]])
})

test('who is cut from the network of a peer neither hears it nor is heard by it, until that is over', async () => {
  const [v0, v1, follower] = places('v0', 'v1', 'f') as [Place, Place, Place]
  v0.transport.cut([1])
  expect(v0.transport.peers).toEqual([3])
  v0.transport.send(1, VOTE, 'votes')
  v1.transport.send(0, VOTE, 'votes')
  v1.transport.broadcast(0, 'transactions', BATCH)
  await expect.poll(() => v0.network.verdicts).toEqual(['ignore', 'ignore'])
  expect([v0.heard, v1.heard, follower.heard]).toEqual([[], [], [[1, PeerKind.transactions]]])
  v0.transport.cut([])
  v1.transport.send(0, VOTE, 'votes')
  expect(v0.heard).toEqual([[1, PeerKind.engine]])
})

test('who misbehaves is banned by its name, and keeps its number when it comes back', async () => {
  const town = new MemoryTown()
  const [v0, v1, follower] = join(town, ['v0', 'v1', 'f']) as [Place, Place, Place]
  v1.transport.cutOff(3, 60_000)
  v1.transport.cutOff(8, 60_000)
  expect(v1.network.banned).toEqual([{ peer: 'f', forMs: 60_000 }])
  follower.transport.close()
  await expect.poll(() => v0.transport.peers).toEqual([1])
  const [another, again] = join(town, ['g', 'f']) as [Place, Place]
  for (const { transport } of [another, again]) transport.broadcast(1, 'transactions', BATCH)
  await expect.poll(() => v0.heard.map(([from]) => from)).toEqual([4, 3])
  expect((await v0.transport.stats?.())?.cpuMs).toBe(7)
})
