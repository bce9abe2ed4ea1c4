import type { Net } from '@armchain/client'
import { type Command, connect, RPC_OPTION } from './command.ts'

const KIB = 1024

export const netCommand: Command = {
  usage: `net [--rpc URL]                         how a node is connected: its peers, topics and channels
  --rpc URL           of a node, or of a testnet that was started with --processes`,
  options: RPC_OPTION,
  positionals: [0, 0],
  async run({ values, output }) {
    await using rpc = connect(values)
    const net = await rpc.call('arm_net')
    output.value(net)
    for (const line of linesOf(net)) output.text(line)
  },
}

function linesOf(net: Net): string[] {
  const { peerId, validator, addresses, peers, topics, channels, cpuMs } = net
  const names = new Map(peers.map((peer) => [peer.peer, nameOf(peer)]))
  return [
    `${nameOf({ peer: peerId, validator })}  ${peerId}`,
    ...addresses.map((address) => `  at ${address}`),
    ...(cpuMs === null ? [] : [`  network thread: ${(cpuMs / 1_000).toFixed(1)} s of a processor`]),
    '',
    ...table(
      [`${peers.length} peers`, 'direction', 'round trip', 'score', 'received', 'sent', 'address'],
      peers.map((peer) => [
        nameOf(peer),
        peer.direction,
        peer.roundTripMs === null ? '-' : `${peer.roundTripMs.toFixed(0)} ms`,
        peer.score.toFixed(1),
        sizeOf(peer.receivedBytes),
        sizeOf(peer.sentBytes),
        peer.addresses[0] ?? '-',
      ]),
    ),
    '',
    ...table(
      ['topic', 'published', 'received', 'rejected', 'dropped', 'waiting', 'mesh'],
      topics.map(({ name, meshPeers, ...counts }) => [
        name,
        ...[counts.published, counts.received, counts.rejected, counts.dropped, counts.waiting].map(String),
        meshPeers.map((peer) => names.get(peer) ?? short(peer)).join(' ') || '-',
      ]),
    ),
    '',
    ...table(
      ['channel', 'sent', 'received', 'dropped', 'unsent', 'waiting'],
      channels.map(({ name, ...counts }) => [
        name,
        ...[counts.sent, counts.received, counts.dropped, counts.unsent, counts.waiting].map(String),
      ]),
    ),
  ]
}

function nameOf({ peer, validator }: { readonly peer: string; readonly validator: number | null }): string {
  return validator === null ? short(peer) : `validator ${validator}`
}

/** Peer ids of one kind of key all begin alike. */
function short(peer: string): string {
  return `..${peer.slice(-8)}`
}

function sizeOf(bytes: number): string {
  if (bytes < 10 * KIB) return `${bytes} B`
  return bytes < 10 * KIB * KIB ? `${Math.round(bytes / KIB)} KiB` : `${Math.round(bytes / KIB / KIB)} MiB`
}

/** Columns as wide as they must be, the head above them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  return [head, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
