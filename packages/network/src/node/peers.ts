import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId, PeerState, PeerStats, Watcher } from '../network.ts'
import { networkError } from '../network-error.ts'
import type { BanList } from './ban-list.ts'
import type { BlameLedger } from './blame-ledger.ts'
import { isExcess } from './connection-rules.ts'
import { type GossipInternals, internalsOf } from './gossip-internals.ts'
import { GossipWatchdog } from './gossip-watchdog.ts'
import { KnownPeers } from './known-peers.ts'
import type { Libp2pNode } from './libp2p-node.ts'
import {
  CUT_OFF_MS,
  DIAL_TIMEOUT_MS,
  KEEP_EVERY_MS,
  REDIALS_AT_ONCE,
  SAVE_EVERY_MS,
  SCORE_CUT_OFF,
  WATCHDOG_EVERY_MS,
} from './limits.ts'
import type { NetworkLog, ResolvedOptions } from './options.ts'
import { TrafficMeter } from './traffic-meter.ts'

const HANG_UP_TIMEOUT_MS = 1_000

/** What is remembered of peers, whether or not they are connected. */
export type Records = { readonly bans: BanList; readonly ledger: BlameLedger }

/**
 * Who this node is connected to: known peers are dialled again at growing intervals, who is wanted always and others up
 * to the target; who is banned, or whose score has fallen too low, is cut off.
 */
export class Peers {
  readonly #node: Libp2pNode
  readonly #bans: BanList
  readonly #ledger: BlameLedger
  readonly #known: KnownPeers = new KnownPeers()
  readonly #options: ResolvedOptions
  readonly traffic: TrafficMeter = new TrafficMeter()
  readonly #gossip: GossipInternals
  readonly #log: NetworkLog
  readonly #connected: Set<PeerId> = new Set()
  readonly #dialling: Set<PeerId> = new Set()
  readonly #timers: NodeJS.Timeout[] = []
  #watcher: Watcher | undefined
  #isClosed = false

  constructor(node: Libp2pNode, { bans, ledger }: Records, options: ResolvedOptions, log: NetworkLog) {
    this.#node = node
    this.#bans = bans
    this.#ledger = ledger
    this.#gossip = internalsOf(node.services.gossip)
    this.#options = options
    this.#log = log
    if (options.dataDir !== undefined) this.#known.load(options.dataDir)
    for (const address of options.peers) {
      const peer = address.split('/p2p/').at(-1) ?? ''
      this.#known.learn(peer, [address], 'wanted', 0)
    }
  }

  /** Begins to keep peers connected; `onChange` is told before the watcher. */
  start(onChange: Watcher): void {
    const change = (peer: PeerId, state: PeerState): void => {
      onChange(peer, state)
      this.#watcher?.(peer, state)
    }
    this.#node.addEventListener('connection:open', ({ detail }) => {
      if (isExcess(detail, this.#options.limits, this.#node.getConnections()))
        detail.abort(networkError('busy', 'there are as many connections as there may be'))
    })
    this.#node.addEventListener('peer:connect', ({ detail }) => {
      const peer = detail.toString()
      if (this.#connected.has(peer)) return
      this.#connected.add(peer)
      this.#known.connected(peer)
      change(peer, 'connected')
    })
    this.#node.addEventListener('peer:disconnect', ({ detail }) => {
      const peer = detail.toString()
      if (!this.#connected.delete(peer)) return
      this.traffic.forget(peer)
      this.#known.failed(peer, performance.now())
      change(peer, 'gone')
    })
    // What others say of where they are is known only after they were asked.
    this.#node.addEventListener('peer:identify', ({ detail: { peerId, listenAddrs } }) => {
      const peer = peerId.toString()
      const addresses = listenAddrs.map((each) => `${each.toString().split('/p2p/')[0]}/p2p/${peer}`)
      if (addresses.length > 0 && !this.isBanned(peer)) this.#known.learn(peer, addresses, 'seen', Date.now())
    })
    const watchdog = new GossipWatchdog(this.#gossip)
    this.#every(KEEP_EVERY_MS, () => this.#keep())
    this.#every(SAVE_EVERY_MS, () => this.#save())
    this.#every(WATCHDOG_EVERY_MS, () => {
      for (const peer of watchdog.look(this.#connected)) {
        this.#log('warn', 'a peer is connected but not in gossip: connecting anew', { peer })
        void this.#disconnect(peer)
      }
      this.#cutOff()
    })
    this.#keep()
  }

  watch(watcher: Watcher): void {
    this.#watcher = watcher
    for (const peer of this.#connected) watcher(peer, 'connected')
  }

  isBanned(peer: PeerId): boolean {
    return this.#bans.has(peer, performance.now())
  }

  want(peer: PeerId, addresses: readonly string[]): void {
    this.#known.learn(peer, addresses, 'wanted', Date.now())
  }

  hangUp(peer: PeerId): void {
    this.#known.forget(peer)
    void this.#disconnect(peer)
  }

  ban(peer: PeerId, forMs: number): void {
    this.#bans.ban(peer, performance.now() + forMs)
    void this.#disconnect(peer) // It stays known: who is wanted is dialled again when the ban is over.
  }

  /** A peer has done what no correct peer does, in gossip or elsewhere: there is one score. */
  blame(peer: PeerId, points: number, reason: string): void {
    this.#ledger.blame(peer, points, performance.now())
    this.#log('debug', 'a peer is blamed', { peer, points, reason })
  }

  stats(): PeerStats[] {
    const first = new Map<PeerId, Connection>()
    for (const connection of this.#node.getConnections()) {
      const peer = connection.remotePeer.toString()
      if (!first.has(peer)) first.set(peer, connection)
    }
    return [...first].map(([peer, { direction, remoteAddr, rtt }]) => ({
      peer,
      addresses: [remoteAddr.toString()],
      direction,
      roundTripMs: rtt,
      score: this.#gossip.getScore(peer),
      ...this.traffic.of(peer),
    }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#save()
  }

  #every(periodMs: number, task: () => void): void {
    this.#timers.push(setInterval(task, periodMs))
  }

  /** Dials known peers whose time has come. */
  #keep(): void {
    if (this.#isClosed) return
    const outbound = this.#node.getConnections().filter(({ direction }) => direction === 'outbound').length
    const more = this.#options.limits.outboundTarget - outbound - this.#dialling.size
    const isBusy = (peer: PeerId): boolean =>
      peer === this.#node.peerId.toString() ||
      this.#connected.has(peer) ||
      this.#dialling.has(peer) ||
      this.isBanned(peer)
    for (const { peer, addresses } of this.#known.due(performance.now(), more, isBusy)) {
      if (this.#dialling.size >= REDIALS_AT_ONCE) return
      void this.#dial(peer, addresses)
    }
  }

  async #dial(peer: PeerId, addresses: readonly string[]): Promise<void> {
    this.#dialling.add(peer)
    try {
      const signal = AbortSignal.timeout(DIAL_TIMEOUT_MS)
      await this.#node.dial(
        addresses.map((address) => multiaddr(address)),
        { signal },
      )
    } catch (error) {
      this.#known.failed(peer, performance.now())
      this.#log('debug', 'a known peer was not reached', { peer, error: String(error) })
    } finally {
      this.#dialling.delete(peer)
    }
  }

  #cutOff(): void {
    for (const peer of this.#connected) {
      const score = this.#gossip.getScore(peer)
      if (score >= SCORE_CUT_OFF) continue
      this.#log('warn', 'a peer is cut off for what it has done', { peer, score, forMs: CUT_OFF_MS })
      this.ban(peer, CUT_OFF_MS)
    }
  }

  async #disconnect(peer: PeerId): Promise<void> {
    const id = peerIdFromString(peer)
    try {
      await this.#node.hangUp(id, { signal: AbortSignal.timeout(HANG_UP_TIMEOUT_MS) })
    } catch (error) {
      for (const connection of this.#node.getConnections(id)) connection.abort(error as Error)
    }
  }

  #save(): void {
    const { dataDir } = this.#options
    if (dataDir === undefined) return
    try {
      this.#known.save(dataDir)
    } catch (error) {
      this.#log('warn', 'known peers could not be kept', { error: String(error) })
    }
  }
}
