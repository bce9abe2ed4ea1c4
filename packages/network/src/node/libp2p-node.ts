import { createHash } from 'node:crypto'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { type GossipSub, gossipsub, type Message, StrictNoSign } from '@libp2p/gossipsub'
import { createPeerScoreParams } from '@libp2p/gossipsub/score'
import { type Identify, identify, identifyPush } from '@libp2p/identify'
import type { ConnectionGater, Libp2p } from '@libp2p/interface'
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { type Ping, ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { createLibp2p } from 'libp2p'
import type { PeerId } from '../network.ts'
import { yamuxWithLazyWindows } from './lazy-windows.ts'
import {
  DIAL_TIMEOUT_MS,
  GOSSIP_FAULTS_FORGIVEN,
  GOSSIP_FRAME_BYTES_MAX,
  GOSSIP_HEARTBEAT_MS,
  GOSSIP_OUTBOUND_BYTES_MAX,
  GOSSIP_PROMISE_MS,
  GOSSIP_SEEN_MS,
  IDONTWANT_BYTES_MIN,
  INBOUND_PENDING_MAX,
  INBOUND_UPGRADE_TIMEOUT_MS,
  PING_EVERY_MS,
  PING_STREAMS_MAX,
  SCORE_CUT_OFF,
  STREAM_WINDOW_BYTES_MAX,
  STREAMS_MAX,
} from './limits.ts'
import type { NetworkLimits, ResolvedOptions } from './options.ts'

export type Libp2pNode = Libp2p<{
  identify: Identify
  identifyPush: unknown
  ping: Ping
  gossip: GossipSub
  directory: KadDHT
}>

/**
 * The whole of libp2p that a node runs, on one screen: what is used, and with which settings. Why each is so, with
 * figures: docs/network.md.
 */
export async function createLibp2pNode(
  options: ResolvedOptions,
  { gater, scoreOf }: { readonly gater: ConnectionGater; readonly scoreOf: (peer: PeerId) => number },
): Promise<Libp2pNode> {
  const { secretKey, networkId, listen, role, limits, preSharedKey: psk } = options
  return createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', secretKey),
    addresses: { listen: [...listen] },
    transports: [tcp({ dialOpts: { noDelay: true }, listenOpts: { noDelay: true } }), circuitRelayTransport()],
    // The first is preferred: OpenSSL seals many small frames at once, where noise pays for each in JavaScript.
    connectionEncrypters: [tls(), noise()],
    streamMuxers: [
      yamuxWithLazyWindows({
        maxInboundStreams: STREAMS_MAX,
        maxOutboundStreams: STREAMS_MAX,
        streamOptions: { maxStreamWindowSize: STREAM_WINDOW_BYTES_MAX },
      }),
    ],
    ...(psk === undefined ? {} : { connectionProtector: preSharedKey({ psk }) }),
    connectionGater: gater,
    connectionManager: {
      maxConnections: limits.inboundMax + limits.outboundReserved,
      inboundConnectionThreshold: limits.inboundPerHostPerSecond,
      maxIncomingPendingConnections: Math.min(limits.inboundMax, INBOUND_PENDING_MAX),
      dialTimeout: DIAL_TIMEOUT_MS,
      inboundUpgradeTimeout: INBOUND_UPGRADE_TIMEOUT_MS,
      maxParallelDials: 32,
      reconnectRetries: 0, // Who is kept connected, and how often it is tried, is decided in known-peers.ts.
    },
    connectionMonitor: { pingInterval: PING_EVERY_MS, abortConnectionOnPingFailure: true },
    services: {
      identify: identify({ protocolPrefix: 'armchain' }),
      identifyPush: identifyPush({ protocolPrefix: 'armchain' }),
      ping: ping({ maxInboundStreams: PING_STREAMS_MAX, maxOutboundStreams: PING_STREAMS_MAX }),
      gossip: gossipsub(gossipSettings(limits, scoreOf)),
      // Addresses are passed through as they are: on private networks all of them are private.
      directory: kadDHT({
        protocol: `/armchain/${networkId}/kad/1`,
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true,
      }),
      ...(role === 'super'
        ? {
            relay: circuitRelayServer({
              reservations: { maxReservations: limits.inboundMax, applyDefaultLimit: false },
            }),
          }
        : {}),
    },
  }) as Promise<Libp2pNode>
}

/** Gossip without signatures of its own, as what it carries is signed; ids that nobody can claim for other bytes. */
export function gossipSettings(
  limits: NetworkLimits,
  scoreOf: (peer: PeerId) => number,
): Parameters<typeof gossipsub>[0] {
  return {
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: messageId,
    msgIdToStrFn: (id) => Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('latin1'),
    asyncValidation: true,
    fallbackToFloodsub: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    floodPublish: false,
    batchPublish: true,
    runOnLimitedConnection: true,
    D: 6,
    Dlo: 5,
    Dhi: 10,
    Dlazy: 6,
    heartbeatInterval: GOSSIP_HEARTBEAT_MS,
    gossipsubIWantFollowupMs: GOSSIP_PROMISE_MS,
    seenTTL: GOSSIP_SEEN_MS,
    idontwantMinDataSize: IDONTWANT_BYTES_MIN,
    maxInboundDataLength: GOSSIP_FRAME_BYTES_MAX,
    maxOutboundBufferSize: GOSSIP_OUTBOUND_BYTES_MAX,
    // About 256 topics: a peer that subscribes to more is not heard on the rest.
    maxTopicBytesPerPeer: 256 * 1_100,
    decodeRpcLimits: {
      maxSubscriptions: 512,
      maxMessages: 1_024,
      maxIhaveMessageIDs: 5_000,
      maxIwantMessageIDs: 2_000,
      maxIdontwantMessageIDs: 512,
      maxControlMessages: 512,
      maxPeerInfos: 16,
    },
    scoreParams: createPeerScoreParams({
      IPColocationFactorWeight: limits.sharedAddressWeight,
      appSpecificScore: scoreOf,
      appSpecificWeight: 1,
      behaviourPenaltyThreshold: GOSSIP_FAULTS_FORGIVEN,
      behaviourPenaltyDecay: 0.8,
      topics: {},
    }),
    scoreThresholds: {
      gossipThreshold: -50,
      publishThreshold: -100,
      graylistThreshold: SCORE_CUT_OFF,
      acceptPXThreshold: 1_000,
      opportunisticGraftThreshold: 2,
    },
  }
}

/**
 * First 20 bytes of SHA-256 over topic, a zero byte, and data. An id that the data itself could claim would let a forger
 * have the genuine message taken for one that was seen; without the topic, the same bytes could not go to two topics.
 */
export function messageId({ topic, data }: Pick<Message, 'topic' | 'data'>): Uint8Array {
  return createHash('sha256').update(topic).update(TOPIC_END).update(data).digest().subarray(0, 20)
}

const TOPIC_END = Uint8Array.of(0)
