import { consensusLimits } from '@armchain/consensus'
import { type ChannelSpec, type TopicSpec, topicName } from '@armchain/network'
import {
  BATCH_BYTES_MAX,
  CERTIFICATE_BYTES_MAX,
  DIRECT_MESSAGE_BYTES_MAX,
  PEER_FRAME_BYTES,
  VOTE_BYTES_MAX,
} from '../limits.ts'
import type { Lane, Subject } from './transport.ts'
import { PeerKind } from './wire.ts'

/** The ways that messages take through a network, which have a queue each: one for each urgency, and one for each topic. */
export const LANES: readonly Lane[] = ['votes', 'headers', 'transactions', 'sync']
export const SUBJECTS: readonly Subject[] = ['transactions', 'heads']

/**
 * Kinds of messages that travel on a lane or under a subject. What is passed on to others is only what proves itself: were
 * a request among it, one who asks could have everyone answer everyone.
 */
export const KINDS: Readonly<Record<Lane | Subject, readonly number[]>> = {
  votes: [PeerKind.engine],
  headers: [PeerKind.engine, PeerKind.head],
  transactions: [PeerKind.transactions],
  sync: [PeerKind.wantBlocks, PeerKind.blocks],
  heads: [PeerKind.head],
}

const KIB = 1024
const MIB = 1024 * KIB
const MAIN_VSHARD = 0

/** The channel of a lane. */
export function laneChannel(networkId: string, lane: Lane): ChannelSpec {
  const { messageBytesMax, drop, inbound, outbound } = LIMITS[lane]
  return {
    name: `/armchain/${networkId}/${lane}/1`,
    messageBytesMax: messageBytesMax + PEER_FRAME_BYTES,
    queue: { ...inbound, drop, urgency: lane },
    outbound: { ...outbound, drop, urgency: lane },
  }
}

/** The topic of what is broadcast in a vShard under a subject. */
export function subjectTopic(networkId: string, vShard: number, subject: Subject): TopicSpec {
  const shard = vShard === MAIN_VSHARD ? 'main' : vShard
  const kind = subject === 'heads' ? 'head' : 'tx'
  return { name: topicName({ network: networkId, epoch: 0, shard, kind }), ...TOPICS[subject] }
}

type LaneLimits = {
  readonly messageBytesMax: number
  readonly drop: 'oldest' | 'newest'
  /** Of what has come from all peers, and of what waits for one peer. */
  readonly inbound: { readonly messagesMax: number; readonly bytesMax: number }
  readonly outbound: { readonly messagesMax: number; readonly bytesMax: number }
}

const LIMITS: Readonly<Record<Lane, LaneLimits>> = {
  /** A view's votes are of no use in the next one: what is late makes room. Some views of a thousand validators. */
  votes: {
    messageBytesMax: VOTE_BYTES_MAX,
    drop: 'oldest',
    inbound: { messagesMax: 8_192, bytesMax: 16 * MIB },
    outbound: { messagesMax: 1_024, bytesMax: 4 * MIB },
  },
  /** Proposals, and blocks that an engine has asked for: a few of the largest for each peer. */
  headers: {
    messageBytesMax: DIRECT_MESSAGE_BYTES_MAX,
    drop: 'oldest',
    inbound: { messagesMax: 512, bytesMax: 64 * MIB },
    outbound: { messagesMax: 128, bytesMax: 32 * MIB },
  },
  /** Told again later, so what does not fit is no loss. */
  transactions: {
    messageBytesMax: BATCH_BYTES_MAX,
    drop: 'newest',
    inbound: { messagesMax: 512, bytesMax: 16 * MIB },
    outbound: { messagesMax: 64, bytesMax: 4 * MIB },
  },
  /** One answer is under way for each vShard and peer; who gets none asks another. */
  sync: {
    messageBytesMax: DIRECT_MESSAGE_BYTES_MAX,
    drop: 'newest',
    inbound: { messagesMax: 256, bytesMax: 64 * MIB },
    outbound: { messagesMax: 64, bytesMax: 32 * MIB },
  },
}

const TOPICS: Readonly<Record<Subject, Omit<TopicSpec, 'name'>>> = {
  transactions: {
    messageBytesMax: BATCH_BYTES_MAX + PEER_FRAME_BYTES,
    queue: { messagesMax: 1_024, bytesMax: 32 * MIB, drop: 'newest', urgency: 'transactions' },
  },
  /** Only the highest head of a vShard is of interest. */
  heads: {
    messageBytesMax: consensusLimits.HEAD_BYTES_MAX + CERTIFICATE_BYTES_MAX + PEER_FRAME_BYTES,
    queue: { messagesMax: 256, bytesMax: 8 * MIB, drop: 'oldest', urgency: 'headers' },
  },
}
