import { isArmError } from '@armchain/core'
import type { Inbound, Network, PeerId, Verdict } from '@armchain/network'
import { PEERS_NUMBERED_MAX } from '../limits.ts'
import type { Log } from '../log.ts'
import { KINDS, LANES, laneChannel, SUBJECTS, subjectTopic } from './network-lanes.ts'
import { PeerNumbers } from './peer-numbers.ts'
import type { Transport } from './transport.ts'

export type NetworkTransportOptions = {
  readonly networkId: string
  readonly vShards: readonly number[]
  /** Peers of the validators, by their seats on the main shard: whose network key is whose is for the operators to say. */
  readonly validatorPeers: readonly (PeerId | undefined)[]
  readonly log: Log
}

/** A transport that can also take a node out of part of its network, as a testnet does. */
export interface NetworkTransport extends Transport {
  /** From now on nothing is heard of these peers, nor sent to them; of all others it is again. */
  cut(peers: readonly number[]): void
}

/**
 * How a node of a chain uses its network: a channel for each lane, and for each vShard a topic for each subject. Takes
 * the network over, listener and end included.
 *
 * Rules: a message counts for the peer that the network has authenticated; one of a kind that has no place on the lane
 * or topic on which it came is rejected; what cannot be sent is lost, as on any network.
 */
export function networkTransport(network: Network, options: NetworkTransportOptions): NetworkTransport {
  const { networkId, vShards, validatorPeers, log } = options
  const numbers = new PeerNumbers(validatorPeers, PEERS_NUMBERED_MAX)
  const seat = validatorPeers.indexOf(network.self)
  const self = seat < 0 ? undefined : seat
  const connected = new Set<number>()
  let blocked: ReadonlySet<number> = new Set()
  const channels = new Map(LANES.map((lane) => [lane, laneChannel(networkId, lane)]))
  const topics = vShards.flatMap((vShard) =>
    SUBJECTS.map((subject) => ({ vShard, subject, spec: subjectTopic(networkId, vShard, subject) })),
  )
  const kinds = new Map<string, readonly number[]>([
    ...LANES.map((lane) => [channels.get(lane)?.name ?? '', KINDS[lane]] as const),
    ...topics.map(({ subject, spec }) => [spec.name, KINDS[subject]] as const),
  ])

  function attempt(what: string, act: () => unknown): void {
    const lost = (error: unknown): void => {
      if (!isArmError(error)) throw error
      log.debug('a message was not sent', { what, error: error.message })
    }
    try {
      const done = act()
      if (done instanceof Promise) done.catch(lost)
    } catch (error) {
      lost(error)
    }
  }

  return {
    self,
    get peers() {
      return [...connected].filter((peer) => !blocked.has(peer))
    },
    send(to, bytes, lane) {
      const peer = numbers.peer(to)
      const channel = channels.get(lane)
      if (peer === undefined || channel === undefined || blocked.has(to)) return
      attempt(lane, () => network.send(channel.name, peer, bytes))
    },
    broadcast(vShard, subject, bytes) {
      const topic = topics.find((each) => each.vShard === vShard && each.subject === subject)
      if (topic !== undefined) attempt(subject, () => network.publish(topic.spec.name, bytes))
    },
    listen(listener) {
      network.listen(({ on, from, bytes }: Inbound): Verdict | Promise<Verdict> => {
        const number = numbers.of(from)
        if (blocked.has(number)) return 'ignore'
        if (kinds.get(on)?.includes(bytes[0] ?? -1) !== true) return 'reject'
        return listener(number, bytes)
      })
      for (const { spec } of topics) network.join(spec)
      for (const channel of channels.values()) network.open(channel)
    },
    watch(watcher) {
      network.watch((peer, state) => {
        const number = numbers.of(peer)
        if (state === 'gone') connected.delete(number)
        else {
          connected.add(number)
          watcher(number)
        }
      })
    },
    cutOff(number, forMs) {
      const peer = numbers.peer(number)
      if (peer !== undefined) network.ban(peer, forMs)
    },
    cut(peers) {
      blocked = new Set(peers)
    },
    async stats() {
      const stats = await network.stats()
      const peers = stats.peers.map((each) => {
        const number = numbers.of(each.peer)
        return { ...each, number, isValidator: number < validatorPeers.length }
      })
      return { self: network.self, addresses: network.addresses, ...stats, peers }
    },
    close() {
      attempt('close', () => network.close())
    },
  }
}
