import { utf8 } from '@armchain/core'
import { MeshKeeper } from '../membership/mesh-keeper.ts'
import { type MeshId, MeshPlanner } from '../membership/mesh-planner.ts'
import type { ChannelSpec, Inbound, Network, PeerId, TopicSpec } from '../network.ts'
import { type Backbone, backboneNeighbours, backboneOf } from '../overlay/backbone.ts'
import { componentsOf, type Edge, graphOf } from '../overlay/graph.ts'
import { chooseHome } from '../overlay/home-super-nodes.ts'
import type { QueueSpec } from '../queue-spec.ts'
import { topicName } from '../topic-name.ts'
import type { LinkModel } from './link-model.ts'
import { SeededRandom } from './seeded-random.ts'
import { SimulatedWorld } from './simulated-world.ts'

export const GENESIS: Uint8Array = new Uint8Array(32).fill(11)
export const CONNECTIVITY = 4
const SEED = new Uint8Array(32).fill(12)

/** Three regions of the world. */
export const WORLD_LINKS: LinkModel = {
  delayMs: [
    [5, 40, 90],
    [40, 5, 60],
    [90, 60, 5],
  ],
  jitterMs: 5,
  loss: 0.005,
  uplinkBytesPerMs: undefined,
}

const REFUSED_MS = 10_000

/** A node of the overlay: its super nodes, its meshes, and the headers that it has heard. */
export type Resident = {
  readonly network: Network
  readonly keeper: MeshKeeper
  readonly planner: MeshPlanner
  readonly isSuper: boolean
  readonly region: number
  /** When it joined. */
  readonly sinceMs: number
  /** Header to when it came. */
  readonly heard: Map<string, number>
  /** Super nodes that did not take it, and when: not to be asked again for a while. */
  readonly refusedMs: Map<PeerId, number>
  vShards: readonly number[]
  /** Told of what is no header. */
  onMessage: (message: Inbound) => void
  isGone: boolean
}

const QUEUE: QueueSpec = { messagesMax: 256, bytesMax: 1 << 20, drop: 'newest', urgency: 'headers' }

export function headTopic(mesh: MeshId): TopicSpec {
  return topicOf(mesh, 'head')
}

/** Envelopes that came over the layers, for members of the vShard. */
export function directTopic(mesh: MeshId): TopicSpec {
  return topicOf(mesh, 'direct')
}

/** Routed messages between a node and its super nodes, and along the backbone. */
export const ROUTES: ChannelSpec = {
  name: '/armchain/town/routes/1',
  messageBytesMax: 8192,
  queue: QUEUE,
  outbound: QUEUE,
}

function topicOf({ epoch, vShard }: MeshId, kind: string): TopicSpec {
  const name = topicName({ network: 'town', epoch, shard: vShard, kind })
  return { name, messageBytesMax: 4096, queue: QUEUE }
}

/**
 * Super nodes on their backbone, and nodes that know a few of these at first and find all else by themselves. Its nodes
 * do what a real one does with the parts of this package; only the list of super nodes is given.
 */
export class OverlayTown {
  readonly world: SimulatedWorld
  readonly residents: Resident[] = []
  readonly random: SeededRandom
  epoch = 0
  #backbone: Backbone = { peers: [], graph: [] }

  constructor(seed: number) {
    this.world = new SimulatedWorld({ seed, links: WORLD_LINKS })
    this.random = new SeededRandom(seed ^ 0x70776e)
  }

  get superNodes(): readonly Resident[] {
    return this.residents.filter(({ isSuper }) => isSuper)
  }

  get backbone(): Backbone {
    return this.#backbone
  }

  /** So many super nodes, each in the vShards that it serves, linked along their backbone. */
  async build(superNodes: number, serves: (index: number) => readonly number[]): Promise<void> {
    for (let i = 0; i < superNodes; i++) this.#add(i % 3, serves(i), true)
    const peers = this.superNodes.map(({ network }) => network.self)
    this.#backbone = backboneOf({ peers, seed: SEED, connectivity: CONNECTIVITY })
    for (const { network } of this.superNodes)
      for (const peer of backboneNeighbours(this.#backbone, network.self)) this.#dial(network, peer)
    await this.pass(2)
  }

  /** A newcomer, which dials its home super nodes and joins its vShards. */
  add(vShards: readonly number[]): Resident {
    const resident = this.#add(this.random.below(3), vShards, false)
    this.#dialHome(resident)
    return resident
  }

  leave(resident: Resident): void {
    resident.isGone = true
    void resident.network.close()
  }

  kill(resident: Resident): void {
    resident.isGone = true
    this.world.vanish(resident.network.self)
  }

  /** Seconds, in each of which every node tends to its peers. */
  async pass(seconds: number, each?: () => void): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      await this.world.pass(1000)
      for (const resident of this.residents) {
        if (resident.isGone) continue
        void resident.keeper.tick()
        if (!resident.isSuper) this.#dialHome(resident)
      }
      each?.()
    }
  }

  beginEpoch(epoch: number, assign: (resident: Resident) => readonly number[]): void {
    this.epoch = epoch
    for (const resident of this.residents) {
      if (resident.isGone) continue
      resident.vShards = assign(resident)
      resident.keeper.assign(epoch, resident.vShards)
      resident.keeper.begin(epoch)
    }
  }

  members(vShard: number): Resident[] {
    return this.residents.filter(({ isGone, vShards }) => !isGone && vShards.includes(vShard))
  }

  /** Parts that a vShard's members fall into, by their connections among each other. */
  parts(vShard: number, settledMs: number): number {
    const members = this.members(vShard).filter(({ sinceMs }) => this.world.nowMs - sinceMs >= settledMs)
    const indexes = new Map(members.map(({ network }, index) => [network.self, index]))
    const edges: Edge[] = []
    members.forEach(({ network }, a) => {
      for (const peer of this.peersOf(network)) {
        const b = indexes.get(peer)
        if (b !== undefined) edges.push([a, b])
      }
    })
    return componentsOf(graphOf(members.length, edges)).length
  }

  publish(from: Resident, vShard: number, header: string): void {
    from.heard.set(header, this.world.nowMs)
    void from.network.publish(headTopic({ epoch: this.epoch, vShard }).name, utf8(header))
  }

  readonly #peers: Map<PeerId, Set<PeerId>> = new Map()

  peersOf(network: Network): ReadonlySet<PeerId> {
    return this.#peers.get(network.self) ?? new Set()
  }

  #add(region: number, vShards: readonly number[], isSuper: boolean): Resident {
    const network = this.world.open({ region })
    const draw = (limit: number): number => this.random.below(limit)
    const planner = new MeshPlanner(network.self, draw)
    const keeper = new MeshKeeper({
      network,
      planner,
      genesisHash: GENESIS,
      topicsOf: (mesh) => [headTopic(mesh), directTopic(mesh)],
      clock: { nowMs: () => this.world.nowMs },
      onWarning: () => {},
    })
    const resident: Resident = {
      network,
      keeper,
      planner,
      isSuper,
      region,
      sinceMs: this.world.nowMs,
      heard: new Map(),
      refusedMs: new Map(),
      vShards,
      onMessage: () => {},
      isGone: false,
    }
    const peers = new Set<PeerId>()
    this.#peers.set(network.self, peers)
    network.watch((peer, state) => void (state === 'connected' ? peers.add(peer) : peers.delete(peer)))
    network.listen((message) => {
      if (message.on.endsWith('/head')) resident.heard.set(new TextDecoder().decode(message.bytes), this.world.nowMs)
      else resident.onMessage(message)
      return 'accept'
    })
    network.open(ROUTES)
    this.residents.push(resident)
    keeper.assign(this.epoch, vShards)
    keeper.begin(this.epoch)
    return resident
  }

  /** The super nodes that a node keeps now and is connected to, best first. */
  homeOf(resident: Resident): PeerId[] {
    return this.#chooseHome(resident).filter((peer) => this.peersOf(resident.network).has(peer))
  }

  /** Dials those of its home super nodes that it has not; the choice is made among those that are there. */
  #dialHome(resident: Resident): void {
    for (const peer of this.#chooseHome(resident)) {
      if (this.peersOf(resident.network).has(peer)) continue
      this.#dial(resident.network, peer, () => resident.refusedMs.set(peer, this.world.nowMs))
    }
  }

  #chooseHome(resident: Resident): readonly PeerId[] {
    const superNodes = this.superNodes
      .filter(({ isGone }) => !isGone)
      .map(({ network, region }) => ({
        peer: network.self,
        region: `${region}`,
        roundTripMs:
          (resident.refusedMs.get(network.self) ?? Number.NEGATIVE_INFINITY) + REFUSED_MS > this.world.nowMs
            ? undefined
            : 2 * (WORLD_LINKS.delayMs[resident.region]?.[region] as number),
      }))
    return chooseHome({ superNodes, self: resident.network.self, seed: SEED, count: 3 }).peers
  }

  #dial(network: Network, peer: PeerId, refused: () => void = () => {}): void {
    const [address] = this.superNodes.find((superNode) => superNode.network.self === peer)?.network.addresses ?? []
    if (address !== undefined) network.dial(address).catch(refused)
  }
}
