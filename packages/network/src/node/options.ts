import { ArmError } from '@armchain/core'

/** What a node is to others: super nodes relay for those who cannot be reached, and keep more connections. */
export type NetworkRole = 'super' | 'member'

export type NetworkOptions = {
  /** 32 bytes: the node's network key (ed25519). Its peer id is a function of it. */
  readonly secretKey: Uint8Array
  /** Networks of different ids do not find each other in the directory. */
  readonly networkId: string
  /** Where to listen, such as `/ip4/127.0.0.1/tcp/0`, which is the default: loopback only. */
  readonly listen?: readonly string[]
  /** Addresses of peers to be connected to, whatever happens. */
  readonly peers?: readonly string[]
  readonly role?: NetworkRole
  readonly limits?: Partial<NetworkLimits>
  /** 95 bytes in the format of libp2p's private networks: who has not got it is not let in. */
  readonly preSharedKey?: Uint8Array
  /** Keeps known peers over restarts; nothing is kept without it. */
  readonly dataDir?: string
  readonly log?: NetworkLog
  /** Told when the network is of no more use, as its thread has crashed again and again: the node should end. */
  readonly onFailure?: (error: ArmError) => void
}

export type NetworkLog = (
  level: 'debug' | 'warn' | 'error',
  message: string,
  data: Readonly<Record<string, unknown>>,
) => void

export type NetworkLimits = {
  /** Messages that the listener has at a time. */
  readonly inFlightMax: number
  /** Connections that others have opened to this node. */
  readonly inboundMax: number
  /** Connections beyond those: kept free for peers that this node has chosen, so that nobody can fill all. */
  readonly outboundReserved: number
  /** Connections from one address, and how many it may open a second. */
  readonly inboundPerHostMax: number
  readonly inboundPerHostPerSecond: number
  /** Connections to known peers that a node seeks. */
  readonly outboundTarget: number
  /** Gossip that one peer may send, copies of what is known included. Twice as much in a burst. */
  readonly gossipMessagesPerSecond: number
  readonly gossipBytesPerSecond: number
  /** What gossip takes off the score of peers that share an address with more than ten others: 0 or below. */
  readonly sharedAddressWeight: number
}

const MIB = 1024 * 1024

/** Limits of a node that anyone can reach. */
const PUBLIC_LIMITS: NetworkLimits = {
  inFlightMax: 256,
  inboundMax: 128,
  outboundReserved: 64,
  inboundPerHostMax: 8,
  inboundPerHostPerSecond: 5,
  outboundTarget: 16,
  gossipMessagesPerSecond: 1_000,
  gossipBytesPerSecond: 16 * MIB,
  sharedAddressWeight: -5,
}

/**
 * On loopback all peers have one address, and whoever connects is on this machine already: what counts addresses would
 * only keep a test network apart.
 */
const LOOPBACK_LIMITS: NetworkLimits = {
  ...PUBLIC_LIMITS,
  inboundPerHostMax: PUBLIC_LIMITS.inboundMax,
  inboundPerHostPerSecond: 1_000,
  sharedAddressWeight: 0,
}

const SUPER_INBOUND_MAX = 512
const LOOPBACK = /^\/(ip4\/127\.|ip6\/::1\/)/
const DEFAULT_LISTEN = ['/ip4/127.0.0.1/tcp/0']

/** Options without gaps, as plain data: they cross threads. */
export type ResolvedOptions = Omit<
  Required<NetworkOptions>,
  'log' | 'onFailure' | 'limits' | 'preSharedKey' | 'dataDir'
> & {
  readonly limits: NetworkLimits
  readonly preSharedKey: Uint8Array | undefined
  readonly dataDir: string | undefined
}

/** @throws ArmError ARM_ARGUMENT if the key is not of 32 bytes, the network's id has other characters than a-z, 0-9, -, or a peer has no name. */
export function resolveOptions(options: NetworkOptions): ResolvedOptions {
  const { secretKey, networkId, listen = DEFAULT_LISTEN, peers = [], role = 'member', preSharedKey, dataDir } = options
  if (secretKey.length !== 32) throw new ArmError('ARM_ARGUMENT', 'secretKey: a network key has 32 bytes')
  if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(networkId))
    throw new ArmError('ARM_ARGUMENT', 'networkId: up to 32 of a-z, 0-9 and -', { networkId })
  const nameless = peers.find((address) => !/\/p2p\/[^/]+$/.test(address))
  if (nameless !== undefined)
    throw new ArmError('ARM_ARGUMENT', 'peers: an address ends with /p2p/ and the name of the peer', {
      address: nameless,
    })
  const base = listen.every((address) => LOOPBACK.test(address)) ? LOOPBACK_LIMITS : PUBLIC_LIMITS
  const inboundMax = role === 'super' ? SUPER_INBOUND_MAX : base.inboundMax
  const limits = { ...base, inboundMax, ...options.limits }
  return { secretKey, networkId, listen, peers, role, limits, preSharedKey, dataDir }
}
