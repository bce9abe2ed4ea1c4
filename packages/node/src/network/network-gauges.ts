import { Gauge, type Registry } from 'prom-client'
import type { TransportStats } from './transport.ts'

type Sample = () => Promise<TransportStats | undefined>

/** What the network tells of itself, asked for at each scrape: nothing of topics or peers that are gone stays. */
export function networkGauges(registry: Registry): { observe(sample: Sample): void; refresh(): Promise<void> } {
  const gauge = (name: string, help: string, labelNames: readonly string[]): Gauge =>
    new Gauge({ name: `armchain_net_${name}`, help, labelNames: [...labelNames], registers: [registry] })
  const peers = gauge('peers', 'Connected peers', ['kind', 'direction'])
  const roundTrip = gauge('round_trip_seconds', 'Longest round trip to a peer', ['kind'])
  const bytes = gauge('peer_bytes', 'Of messages, with the peers that are connected now', ['kind', 'way'])
  const mesh = gauge('topic_mesh_peers', 'Peers in the mesh of a topic', ['topic'])
  const messages = gauge('topic_messages', 'Messages of a topic since start, or those that wait', ['topic', 'what'])
  const channel = gauge('channel_messages', 'Messages of a channel since start, or those that wait', [
    'channel',
    'what',
  ])
  const cpu = gauge('cpu_seconds', "Processor time of the network's thread", [])
  let sample: Sample = async () => undefined
  return {
    observe(next) {
      sample = next
    },
    async refresh() {
      // A network that has failed has nothing to tell, and the rest is still of interest.
      const stats = await sample().catch(() => undefined)
      if (stats === undefined) return
      const longest = { validator: 0, other: 0 }
      for (const each of [peers, roundTrip, bytes, mesh, messages, channel]) each.reset()
      for (const { isValidator, direction, roundTripMs = 0, receivedBytes, sentBytes } of stats.peers) {
        const kind = isValidator ? 'validator' : 'other'
        peers.inc({ kind, direction })
        bytes.inc({ kind, way: 'received' }, receivedBytes)
        bytes.inc({ kind, way: 'sent' }, sentBytes)
        longest[kind] = Math.max(longest[kind], roundTripMs / 1_000)
      }
      for (const [kind, seconds] of Object.entries(longest)) roundTrip.set({ kind }, seconds)
      for (const { name: topic, meshPeers, ...counts } of stats.topics) {
        mesh.set({ topic }, meshPeers.length)
        for (const [what, count] of Object.entries(counts)) messages.set({ topic, what }, count)
      }
      for (const { name, ...counts } of stats.channels)
        for (const [what, count] of Object.entries(counts)) channel.set({ channel: name, what }, count)
      if (stats.cpuMs !== undefined) cpu.set(stats.cpuMs / 1_000)
    },
  }
}
