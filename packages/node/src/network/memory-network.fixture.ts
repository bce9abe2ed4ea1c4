import { ArmError } from '@armchain/core'
import type { ChannelSpec, Inbound, Network, NetworkStats, PeerId, TopicSpec, Verdict } from '@armchain/network'

type Listener = (message: Inbound) => Verdict | Promise<Verdict>

/** Networks in one process, each connected with all others; what is sent has arrived when the call returns. */
export class MemoryTown {
  readonly members: Map<PeerId, MemoryNetwork> = new Map()

  open(self: PeerId): MemoryNetwork {
    const network = new MemoryNetwork(this, self)
    for (const other of this.members.values()) other.watcher?.(self, 'connected')
    this.members.set(self, network)
    return network
  }
}

export class MemoryNetwork implements Network {
  readonly self: PeerId
  readonly addresses: readonly string[] = ['/ip4/127.0.0.1/tcp/1']
  readonly topics: Map<string, TopicSpec> = new Map()
  readonly channels: Map<string, ChannelSpec> = new Map()
  /** What the listener has said of messages, oldest first. */
  readonly verdicts: Verdict[] = []
  readonly banned: { readonly peer: PeerId; readonly forMs: number }[] = []
  readonly #town: MemoryTown
  listener: Listener | undefined
  watcher: ((peer: PeerId, state: 'connected' | 'gone') => void) | undefined

  constructor(town: MemoryTown, self: PeerId) {
    this.#town = town
    this.self = self
  }

  join(topic: TopicSpec): void {
    this.topics.set(topic.name, topic)
  }
  leave(topic: string): void {
    this.topics.delete(topic)
  }
  async publish(topic: string, bytes: Uint8Array): Promise<number> {
    fits(this.topics.get(topic), bytes)
    const members = [...this.#town.members.values()].filter((each) => each !== this && each.topics.has(topic))
    for (const member of members) await member.take({ on: topic, from: this.self, bytes })
    return members.length
  }
  open(channel: ChannelSpec): void {
    this.channels.set(channel.name, channel)
  }
  send(channel: string, to: PeerId, bytes: Uint8Array): void {
    fits(this.channels.get(channel), bytes)
    void this.#town.members.get(to)?.take({ on: channel, from: this.self, bytes })
  }
  listen(listener: Listener): void {
    this.listener = listener
  }
  watch(watcher: (peer: PeerId, state: 'connected' | 'gone') => void): void {
    this.watcher = watcher
    for (const peer of this.#town.members.keys()) if (peer !== this.self) watcher(peer, 'connected')
  }
  ban(peer: PeerId, forMs: number): void {
    this.banned.push({ peer, forMs })
  }
  async stats(): Promise<NetworkStats> {
    return { peers: [], topics: [], channels: [], cpuMs: 7 }
  }
  async close(): Promise<void> {
    this.#town.members.delete(this.self)
    for (const other of this.#town.members.values()) other.watcher?.(this.self, 'gone')
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async take(message: Inbound): Promise<void> {
    this.verdicts.push((await this.listener?.(message)) ?? 'ignore')
  }

  // Not used by what is tested on it.
  serve(): void {
    throw new ArmError('ARM_INTERNAL', 'nothing is served here')
  }
  async request(): Promise<Uint8Array> {
    throw new ArmError('ARM_INTERNAL', 'nothing is requested here')
  }
  async dial(): Promise<PeerId> {
    throw new ArmError('ARM_INTERNAL', 'all are connected here')
  }
  hangUp(): void {}
  async announce(): Promise<void> {}
  async *find(): AsyncIterable<never> {}
}

function fits(spec: { readonly messageBytesMax: number } | undefined, bytes: Uint8Array): void {
  if (spec === undefined || bytes.length > spec.messageBytesMax)
    throw new ArmError('ARM_NETWORK', 'the message is larger than allowed, or has nowhere to go')
}
