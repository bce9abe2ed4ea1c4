import { type ArmError, invariant } from '@armchain/core'
import type {
  Answer,
  ChannelSpec,
  ExchangeSpec,
  Inbound,
  Listener,
  Network,
  NetworkStats,
  PeerContact,
  PeerId,
  TopicSpec,
  Verdict,
  Watcher,
} from '../network.ts'
import { networkError } from '../network-error.ts'
import { BanList } from './ban-list.ts'
import { CLOSE_TIMEOUT_MS, RESTART_WINDOW_MS, RESTARTS_MAX } from './limits.ts'
import type { NetworkLog, ResolvedOptions } from './options.ts'
import { assertChannel, assertFits, assertNew, assertTopic } from './spec-checks.ts'
import type { StartThread } from './start-worker.ts'
import { crashed } from './thread-items.ts'
import { type LinkItem, ThreadLink } from './thread-link.ts'

export type ThreadNetworkEvents = {
  readonly log: NetworkLog
  /** The thread has ended too often: the network is of no more use. */
  readonly onFailure: (error: ArmError) => void
}

/**
 * A network in another thread. A thread that ends without being told is started anew, a few times, with all that was
 * joined, opened and served, on the same addresses; calls that waited for it fail, and its peers are gone until they are
 * back.
 */
export class ThreadNetwork implements Network {
  readonly ready: Promise<void>
  readonly #options: ResolvedOptions
  readonly #events: ThreadNetworkEvents
  readonly #startThread: StartThread
  readonly #topics: Map<string, TopicSpec> = new Map()
  readonly #channels: Map<string, ChannelSpec> = new Map()
  readonly #served: Map<string, { readonly spec: ExchangeSpec; readonly answer: Answer }> = new Map()
  readonly #bans: BanList = new BanList()
  /** Addresses that were asked for: they are dialled again by a new thread. */
  readonly #dialled: Map<PeerId, string> = new Map()
  readonly #connected: Set<PeerId> = new Set()
  readonly #starts: number[] = []
  readonly #started: PromiseWithResolvers<void> = Promise.withResolvers()
  #link: ThreadLink
  #self: PeerId | undefined
  #addresses: readonly string[] = []
  #listener: Listener | undefined
  #watcher: Watcher | undefined
  #failure: ArmError | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions, events: ThreadNetworkEvents, startThread: StartThread) {
    this.#options = options
    this.#events = events
    this.#startThread = startThread
    this.ready = this.#started.promise
    this.#link = this.#start(options)
  }

  get self(): PeerId {
    invariant(this.#self !== undefined, 'the network is not ready')
    return this.#self
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  join(topic: TopicSpec): void {
    this.#assertOpen()
    assertTopic(topic)
    assertNew(this.#topics, topic.name)
    this.#topics.set(topic.name, topic)
    this.#link.post({ type: 'join', topic })
  }

  leave(topic: string): void {
    if (this.#topics.delete(topic)) this.#link.post({ type: 'leave', topic })
  }

  async publish(topic: string, bytes: Uint8Array): Promise<number> {
    this.#assertOpen()
    assertFits(this.#topics.get(topic), topic, bytes)
    return (await this.#link.call({ method: 'publish', topic }, bytes)) as number
  }

  open(channel: ChannelSpec): void {
    this.#assertOpen()
    assertChannel(channel)
    assertNew(this.#channels, channel.name)
    this.#channels.set(channel.name, channel)
    this.#link.post({ type: 'open', channel })
  }

  send(channel: string, to: PeerId, bytes: Uint8Array): void {
    this.#assertOpen()
    const spec = this.#channels.get(channel)
    assertFits(spec, channel, bytes)
    this.#link.send(channel, to, bytes, spec.outbound)
  }

  serve(exchange: ExchangeSpec, answer: Answer): void {
    this.#assertOpen()
    assertNew(this.#served, exchange.name)
    this.#served.set(exchange.name, { spec: exchange, answer })
    this.#link.post({ type: 'serve', exchange })
  }

  async request(
    exchange: ExchangeSpec,
    to: PeerId,
    query: Uint8Array,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    this.#assertOpen()
    return (await this.#link.call({ method: 'request', exchange, to }, query, options)) as Uint8Array
  }

  listen(listener: Listener): void {
    this.#listener = listener
  }

  watch(watcher: Watcher): void {
    this.#watcher = watcher
    for (const peer of this.#connected) watcher(peer, 'connected')
  }

  async dial(address: string): Promise<PeerId> {
    this.#assertOpen()
    const peer = (await this.#link.call({ method: 'dial', address })) as PeerId
    this.#dialled.set(peer, address)
    return peer
  }

  hangUp(peer: PeerId): void {
    this.#dialled.delete(peer)
    this.#link.post({ type: 'hangUp', peer })
  }

  ban(peer: PeerId, forMs: number): void {
    this.#dialled.delete(peer)
    this.#bans.ban(peer, performance.now() + forMs)
    this.#link.post({ type: 'ban', peer, forMs })
  }

  async announce(key: Uint8Array): Promise<void> {
    this.#assertOpen()
    await this.#link.call({ method: 'announce' }, key)
  }

  async *find(key: Uint8Array, { signal }: { readonly signal?: AbortSignal } = {}): AsyncIterable<PeerContact> {
    this.#assertOpen()
    const stop = new AbortController()
    const either = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])
    const found: PeerContact[] = []
    let wake = Promise.withResolvers<void>()
    const onFound = (contact: PeerContact): void => {
      found.push(contact)
      wake.resolve()
    }
    let isOver = false
    const whole = this.#link.call({ method: 'find' }, key, { signal: either, onFound }).finally(() => {
      isOver = true
      wake.resolve()
    })
    try {
      while (!isOver || found.length > 0) {
        const next = found.shift()
        if (next !== undefined) yield next
        else await wake.promise
        wake = Promise.withResolvers()
        if (isOver) wake.resolve()
      }
      await whole
    } finally {
      stop.abort()
      whole.catch(() => {})
    }
  }

  async stats(): Promise<NetworkStats> {
    this.#assertOpen()
    const stats = (await this.#link.call({ method: 'stats' })) as NetworkStats
    const channels = stats.channels.map((each) => ({ ...each, unsent: each.unsent + this.#link.unsent(each.name) }))
    return { ...stats, channels }
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #end(): Promise<void> {
    const late = AbortSignal.timeout(CLOSE_TIMEOUT_MS)
    const ended = this.#link.call({ method: 'close' }).catch(() => undefined)
    await Promise.race([ended, new Promise((resolve) => late.addEventListener('abort', resolve, { once: true }))])
    await this.#link.terminate()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw networkError('closed', 'the network is closed')
    if (this.#failure !== undefined) throw this.#failure
  }

  #start(options: ResolvedOptions): ThreadLink {
    this.#starts.push(performance.now())
    return new ThreadLink(this.#startThread(options), {
      onItem: (item, bytes) => this.#receive(item, bytes),
      onEnd: (error) => this.#restart(error),
    })
  }

  #restart(error: unknown): void {
    for (const peer of this.#connected) this.#watcher?.(peer, 'gone')
    this.#connected.clear()
    if (this.#closing !== undefined) return
    const sinceMs = performance.now() - RESTART_WINDOW_MS
    const restarts = this.#starts.filter((atMs) => atMs > sinceMs).length - 1
    const failure = crashed(error)
    if (this.#self === undefined || restarts >= RESTARTS_MAX) {
      this.#failure = failure
      this.#started.reject(failure)
      this.#events.log('error', 'the network has failed', { error: String(error), restarts })
      if (this.#self !== undefined) this.#events.onFailure(failure)
      return
    }
    this.#events.log('error', 'the thread of the network has ended: starting another', {
      error: String(error),
      restarts,
    })
    // Where others know this node to be, also where the system had chosen the port.
    const listen = this.#addresses
      .filter((each) => !each.includes('/p2p-circuit'))
      .map((each) => each.split('/p2p/')[0] ?? '')
    const peers = [...new Set([...this.#options.peers, ...this.#dialled.values()])]
    this.#link = this.#start({ ...this.#options, listen: listen.length > 0 ? listen : this.#options.listen, peers })
    for (const topic of this.#topics.values()) this.#link.post({ type: 'join', topic })
    for (const channel of this.#channels.values()) this.#link.post({ type: 'open', channel })
    for (const { spec } of this.#served.values()) this.#link.post({ type: 'serve', exchange: spec })
    for (const { peer, forMs } of this.#bans.left(performance.now())) this.#link.post({ type: 'ban', peer, forMs })
  }

  #receive(item: LinkItem, bytes: Uint8Array): void {
    switch (item.type) {
      case 'ready':
        this.#self = item.self
        this.#addresses = item.addresses
        return this.#started.resolve()
      case 'addresses':
        this.#addresses = item.addresses
        return
      case 'message':
        void this.#hand(this.#link, item.id, { on: item.on, from: item.from, bytes })
        return
      case 'query':
        void this.#answer(this.#link, item, bytes)
        return
      case 'watch':
        if (item.state === 'connected') this.#connected.add(item.peer)
        else this.#connected.delete(item.peer)
        this.#watcher?.(item.peer, item.state)
        return
      case 'log':
        return this.#events.log(...item.line)
    }
  }

  async #hand(link: ThreadLink, id: number, message: Inbound): Promise<void> {
    let verdict: Verdict = 'ignore'
    try {
      verdict = (await this.#listener?.(message)) ?? 'ignore'
    } catch (error) {
      this.#events.log('error', 'the listener of a network has thrown', { on: message.on, error: String(error) })
    }
    link.post({ type: 'verdict', id, verdict })
  }

  async #answer(
    link: ThreadLink,
    { id, exchange, from }: LinkItem & { type: 'query' },
    query: Uint8Array,
  ): Promise<void> {
    let found: Uint8Array | undefined
    try {
      found = await this.#served.get(exchange)?.answer(query, from)
    } catch (error) {
      this.#events.log('error', 'what answers requests has thrown', { exchange, error: String(error) })
    }
    if (found === undefined) link.post({ type: 'noAnswer', id })
    else link.post({ type: 'answer', id }, found)
  }
}
