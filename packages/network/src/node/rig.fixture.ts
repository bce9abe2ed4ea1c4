import { randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { type GossipSub, gossipsub, StrictNoSign } from '@libp2p/gossipsub'
import { type Identify, identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { Inbound, Network, Verdict } from '../network.ts'
import { composeNetwork } from './compose-network.ts'
import { type GossipInternals, internalsOf } from './gossip-internals.ts'
import { type Libp2pNode, messageId } from './libp2p-node.ts'
import { type NetworkOptions, resolveOptions } from './options.ts'

/** A network whose insides a test can look at and break. */
export type OpenedNetwork = {
  readonly network: Network
  readonly node: Libp2pNode
  readonly gossip: GossipInternals
  readonly address: string
  readonly heard: Inbound[]
  readonly log: string[]
  judge: (message: Inbound) => Verdict | Promise<Verdict>
}

export type HostileNode = Libp2p<{ identify: Identify; ping: Ping; gossip: GossipSub }>

const closers: (() => Promise<unknown>)[] = []

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  await Promise.all(closers.splice(0).map((close) => close()))
}

export async function openOne(options: Partial<NetworkOptions> = {}): Promise<OpenedNetwork> {
  const log: string[] = []
  const { network, node } = await composeNetwork(
    resolveOptions({ secretKey: randomBytes(32), networkId: 'rig', ...options }),
    (_, message) => log.push(message),
  )
  closers.push(() => network.close())
  const opened: OpenedNetwork = {
    network,
    node,
    gossip: internalsOf(node.services.gossip),
    address: network.addresses[0] ?? '',
    heard: [],
    log,
    judge: () => 'accept',
  }
  network.listen((message) => {
    opened.heard.push(message)
    return opened.judge(message)
  })
  return opened
}

export async function openMany(count: number, options: Partial<NetworkOptions> = {}): Promise<OpenedNetwork[]> {
  return Promise.all(Array.from({ length: count }, () => openOne(options)))
}

/** A libp2p node that keeps to none of our rules: what a hostile peer has. */
export async function openHostile(): Promise<HostileNode> {
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', randomBytes(32)),
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [tls()],
    streamMuxers: [yamux()],
    connectionManager: { reconnectRetries: 0 },
    services: {
      identify: identify({ protocolPrefix: 'armchain' }),
      ping: ping(),
      gossip: gossipsub({
        globalSignaturePolicy: StrictNoSign,
        msgIdFn: messageId,
        allowPublishToZeroTopicPeers: true,
        floodPublish: true,
        maxOutboundBufferSize: 256 * 1024 * 1024,
      }),
    },
  })
  closers.push(async () => node.stop())
  return node
}

/** Passes bytes between whoever connects and a port, until it is cut: then nothing passes, and nobody is told. */
export async function openLink(port: number): Promise<{ readonly port: number; cut(): void; heal(): void }> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    const far = new (near.constructor as new () => Socket)()
    far.connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => {
        if (!isCut) to.write(bytes)
      })
      from.on('close', () => {
        sockets.delete(from)
        if (!isCut) to.destroy()
      })
      from.on('error', () => {})
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    cut() {
      isCut = true
    },
    heal() {
      for (const socket of sockets) socket.destroy()
      sockets.clear()
      isCut = false
    },
  }
}
