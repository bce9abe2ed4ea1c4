import { ArmError, sha256, toHex, utf8 } from '@armchain/core'
import { peerIdOf } from '../membership/peer-id.ts'
import type { Network, PeerId } from '../network.ts'
import { networkError } from '../network-error.ts'
import { Connection, type Links } from './connection.ts'
import { Directory } from './directory.ts'
import type { Frame, TopicMessage } from './frame.ts'
import { DIAL_MS, INBOUND_MAX, LOOKUP_ROUND_TRIPS, SEEN_MS, SETTLE_ROUNDS, SILENCE_MS } from './limits.ts'
import { type LinkModel, LOCAL_LINKS } from './link-model.ts'
import { mix, SeededRandom } from './seeded-random.ts'
import { SimulatedNetwork, type Surroundings } from './simulated-network.ts'
import { Timeline } from './timeline.ts'

export type WorldOptions = {
  /** 32 bits: the same seed and the same calls give the same trace. */
  readonly seed: number
  /** `LOCAL_LINKS` without it. */
  readonly links?: LinkModel
}

export type NodeOptions = {
  /** Index into the link model's delays: 0 without it. */
  readonly region?: number
  /** Messages at the listener at a time: 64 without it. */
  readonly inFlightMax?: number
  /** An IPv4 address of its own: one by region and number without it. */
  readonly ip?: string
}

/** What has happened so far. */
export type WorldCounts = {
  /** Frames that arrived. */
  readonly frames: number
  /** Of them, messages of topics: copies among them. */
  readonly messages: number
}

/**
 * Thousands of nodes behind the `Network` port in virtual time: connections with delay by region, loss and a shared
 * uplink, gossip meshes, streams with back-pressure, partitions, lost hosts. Deterministic as long as the nodes are: time
 * passes only in `pass`, and chance comes from the seed.
 *
 * Code of nodes runs between happenings. It may await what it likes; between two moments it gets `SETTLE_ROUNDS` rounds
 * of the microtask queue, and must not wait for real timers.
 */
export class SimulatedWorld {
  readonly #timeline: Timeline = new Timeline()
  readonly #random: SeededRandom
  readonly #links: Links
  readonly #directory: Directory = new Directory()
  readonly #nodes: Map<PeerId, SimulatedNetwork> = new Map()
  /** By address without the peer's name; also those that are gone. */
  readonly #byAddress: Map<string, SimulatedNetwork> = new Map()
  readonly #vanished: Set<PeerId> = new Set()
  readonly #messages: Map<string, { readonly message: TopicMessage; readonly atMs: number }> = new Map()
  readonly #surroundings: Surroundings
  readonly #seed: number
  #sides: ReadonlySet<PeerId> | undefined
  #partitions = 0
  #nextConnection = 0
  #nextMessage = 0
  #opened = 0
  #isTouched = false
  #trace = 0x811c9dc5
  #frames = 0
  #copies = 0

  constructor({ seed, links = LOCAL_LINKS }: WorldOptions) {
    this.#seed = seed
    this.#random = new SeededRandom(seed)
    this.#links = {
      timeline: this.#timeline,
      random: this.#random,
      model: links,
      trace: (connection, to, frame) => this.#record(connection, to, frame),
    }
    this.#surroundings = this.#createSurroundings(links)
  }

  get nowMs(): number {
    return this.#timeline.nowMs
  }

  /** A digest of every frame that arrived, when, where and what: the same for the same seed and calls. */
  get traceHash(): number {
    return this.#trace >>> 0
  }

  get counts(): WorldCounts {
    return { frames: this.#frames, messages: this.#copies }
  }

  /** A new node, connected to nobody. */
  open(options: NodeOptions = {}): Network {
    const { region = 0, inFlightMax = 64 } = options
    const index = this.#opened++
    const ip = options.ip ?? `10.${region}.${index >> 8}.${index & 255}`
    const place = `/ip4/${ip}/tcp/4001`
    if (this.#byAddress.has(place)) throw new ArmError('ARM_ARGUMENT', `ip: ${ip} is taken`)
    const self = peerIdOf(sha256(utf8(`${this.#seed}/${index}`)))
    const node = new SimulatedNetwork(this.#surroundings, {
      self,
      address: `${place}/p2p/${self}`,
      region,
      inFlightMax,
    })
    this.#nodes.set(self, node)
    this.#byAddress.set(place, node)
    return node
  }

  /** Lets time pass. Nodes act within it, and see the moments at which things happen. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#timeline.nowMs + ms
    await this.#settle()
    for (;;) {
      const next = this.#timeline.next(untilMs)
      if (next === undefined) return
      next.happen()
      if (this.#isTouched) await this.#settle()
    }
  }

  /** Cuts these off from all others until `heal`. Connections that are cut for `SILENCE_MS` end. */
  partition(peers: Iterable<PeerId>): void {
    this.heal()
    this.#sides = new Set(peers)
    const partition = ++this.#partitions
    const cut: Connection[] = []
    for (const node of this.#nodes.values())
      for (const connection of node.connections())
        if (!connection.isCut && this.#areApart(connection.ends[0].self, connection.ends[1].self)) {
          connection.cut()
          cut.push(connection)
        }
    this.#timeline.after(SILENCE_MS, () => {
      if (partition !== this.#partitions) return
      for (const connection of cut) for (const side of [0, 1] as const) connection.endSilently(side)
    })
  }

  heal(): void {
    this.#sides = undefined
    this.#partitions++
    for (const node of this.#nodes.values()) for (const connection of node.connections()) connection.mend()
  }

  /** The host of a node is lost: it hears and says nothing any more, and its peers notice after `SILENCE_MS`. */
  vanish(peer: PeerId): void {
    const node = this.#nodes.get(peer)
    if (node === undefined) return
    const connections = [...node.connections()]
    this.#vanished.add(peer)
    node.vanish()
    this.#timeline.after(SILENCE_MS, () => {
      for (const connection of connections) connection.endSilently(connection.side(peer) === 0 ? 1 : 0)
    })
  }

  #createSurroundings(links: LinkModel): Surroundings {
    const timeline = this.#timeline
    const roundTripMs = (a: number, b: number): number => (links.delayMs[a]?.[b] ?? 0) + (links.delayMs[b]?.[a] ?? 0)
    return {
      get nowMs() {
        return timeline.nowMs
      },
      after: (ms, happen) => timeline.after(ms, happen),
      below: (limit) => this.#random.below(limit),
      sample: (items, count) => this.#random.sample(items, count),
      dial: (from, address) => this.#dial(from, address),
      messageOf: (topic, bytes) => this.#messageOf(topic, bytes),
      announce: async (from, key) => {
        await this.#sleep(LOOKUP_ROUND_TRIPS * roundTripMs(from.region, from.region))
        if (!from.isClosed) this.#directory.announce(key, { peer: from.self, addresses: from.addresses }, this.nowMs)
      },
      find: async (from, key) => {
        await this.#sleep(LOOKUP_ROUND_TRIPS * roundTripMs(from.region, from.region))
        // A directory is asked through peers.
        return from.peers().length === 0 ? [] : this.#directory.find(key, this.nowMs, this.#random)
      },
      touched: () => {
        this.#isTouched = true
      },
      left: (node) => this.#nodes.delete(node.self),
      roundTripMs,
    }
  }

  #dial(from: SimulatedNetwork, address: string): Promise<PeerId> {
    const [place = '', name = ''] = address.split('/p2p/')
    const target = this.#byAddress.get(place)
    const known = from.connectionTo(name)
    if (known?.isOpen(known.side(from.self))) return Promise.resolve(name)
    if (from.isBanned(name)) return Promise.reject(networkError('banned', `${name} is banned`))
    const { promise, resolve, reject } = Promise.withResolvers<PeerId>()
    const settle = (ms: number, end: () => void): void =>
      this.#timeline.after(ms, () => {
        this.#isTouched = true
        end()
      })
    if (!/^\/ip4\/[0-9.]+\/tcp\/\d+\/p2p\/\w+$/.test(address))
      settle(0, () => reject(networkError('address', `${address} is no address of this network`)))
    else if (target === undefined || this.#vanished.has(target.self) || this.#areApart(from.self, target.self))
      settle(DIAL_MS, () => reject(networkError('not-reached', `nobody answers at ${address}`)))
    // Two round trips: one for the transport, one for the secure channel.
    else
      settle(2 * this.#surroundings.roundTripMs(from.region, target.region), () => {
        const refusal = this.#refusal(from, target, name)
        if (refusal !== undefined) return reject(networkError('not-reached', `${address} ${refusal}`))
        this.#connect(from, target)
        resolve(name)
      })
    return promise
  }

  #refusal(from: SimulatedNetwork, target: SimulatedNetwork, name: PeerId): string | undefined {
    if (from.isClosed) return 'was dialled by a network that is closed now'
    if (target.isClosed || this.#areApart(from.self, target.self)) return 'does not answer'
    if (target.self !== name) return `is ${target.self}`
    if (target.isBanned(from.self) || from.isBanned(name)) return 'is not to be connected to'
    if (target.connectionTo(from.self) === undefined && target.inboundCount() >= INBOUND_MAX)
      return 'takes no more connections'
    return undefined
  }

  #connect(from: SimulatedNetwork, target: SimulatedNetwork): void {
    // Both dialled at once: the first connection stays.
    const known = from.connectionTo(target.self)
    if (known !== undefined && target.connectionTo(from.self) === known) return
    for (const [node, other] of [
      [from, target],
      [target, from],
    ] as const) {
      const old = node.connectionTo(other.self)
      old?.endSilently(old.side(node.self))
    }
    const connection = new Connection(this.#nextConnection++, [from, target], this.#links)
    from.begun(connection)
    target.begun(connection)
  }

  #messageOf(topic: string, bytes: Uint8Array): TopicMessage {
    for (const [key, { atMs }] of this.#messages) {
      if (this.nowMs - atMs <= 2 * SEEN_MS) break
      this.#messages.delete(key)
    }
    const key = `${topic} ${toHex(sha256(bytes))}`
    const known = this.#messages.get(key)
    if (known !== undefined) return known.message
    const message: TopicMessage = { kind: 'message', id: this.#nextMessage++, topic, bytes: bytes.slice() }
    this.#messages.set(key, { message, atMs: this.nowMs })
    return message
  }

  #areApart(a: PeerId, b: PeerId): boolean {
    return this.#sides !== undefined && this.#sides.has(a) !== this.#sides.has(b)
  }

  #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#timeline.after(ms, () => {
      this.#isTouched = true
      resolve()
    })
    return promise
  }

  /** Lets the code of nodes do what it can do now. */
  async #settle(): Promise<void> {
    this.#isTouched = false
    for (let round = 0; round < SETTLE_ROUNDS; round++) await undefined
  }

  #record(connection: number, to: 0 | 1, frame: Frame): void {
    this.#frames++
    const what = frame.kind === 'message' ? frame.id : frame.kind.length * 131 + frame.kind.charCodeAt(0)
    if (frame.kind === 'message') this.#copies++
    this.#trace = mix(mix(this.#trace ^ this.nowMs) + connection * 2 + to) + Math.imul(what, 0x85ebca6b)
  }
}
