import { dirname, join, resolve } from 'node:path'
import { ArmError, equalBytes, type Genesis, genesisHash, isArmError, keyPairFromSecret, toHex } from '@armchain/core'
import { type Network, type PeerId, peerIdOf } from '@armchain/network'
import { type NetworkLog, openNetwork } from '@armchain/network/node'
import {
  type ArmNode,
  createNode,
  type DataDir,
  type Log,
  NETWORK_BLOCK_BYTES_MAX,
  type NetworkTransport,
  networkTransport,
  openDataDir,
  paceOf,
  type ValidatorControl,
} from '@armchain/node'
import { DEFAULT_PORT } from '../commands/command.ts'
import { signerOf, type ValidatorKeys } from '../validator-keys.ts'
import { configError, type NodeConfig, readNodeConfig } from './node-config.ts'
import { type NodeKeys, readBytes, readGenesis, readJson, readKeys, readNetworkKey } from './node-files.ts'

export type RunNodeOptions = {
  readonly log: Log
  /** Told when the node cannot go on, as when its disk fails. */
  readonly onFailure: (error: unknown) => void
  /** Of a development network: what `dev_fault` and the like do. */
  readonly control?: ValidatorControl
}

/** A node that runs by its configuration. */
export interface RunningProcess extends AsyncDisposable {
  readonly node: ArmNode
  readonly peerId: PeerId
  /** Where others reach it. */
  readonly addresses: readonly string[]
  /** Number of the validator that it is. */
  readonly validator: number | undefined
  readonly genesis: Genesis
  /** Takes it out of a part of its network. */
  cut(peers: readonly number[]): void
  close(): Promise<void>
}

/** What a configuration names, read and found to fit together. */
export type NodeSetup = {
  readonly file: string
  readonly config: NodeConfig
  readonly genesis: Genesis
  readonly keys: NodeKeys
  /** Secret network key, and the peer id that follows from it. */
  readonly networkKey: Uint8Array
  readonly peerId: PeerId
  /** Of each validator, as far as it is known. */
  readonly validatorPeers: readonly (PeerId | undefined)[]
  /** Seat on the main shard; undefined for one that only follows. */
  readonly validator: number | undefined
  readonly dataDir: string
  readonly preSharedKey: Uint8Array | undefined
}

/** Roles that this version has not got, and what they wait for. */
const ROLES_TO_COME: Readonly<Record<string, string>> = {
  light: 'a light client that keeps up by itself; until then createLightClient of @armchain/client checks any node',
  shard: 'nodes that hold some vShards only; until then run a full node',
  storage: 'the Ledger File System; until then run a full node',
}

/**
 * Reads a configuration and what it names; `overrides` stand in place of its own fields.
 *
 * @throws ArmError ARM_CONFIG, ARM_FILE, or what is wrong with a key.
 */
export async function readSetup(path: string, overrides: { readonly rpc?: object } = {}): Promise<NodeSetup> {
  const file = resolve(path)
  const beside = (name: string): string => resolve(dirname(file), name)
  const written = await readJson(file)
  const rpc = { ...(written.rpc as object | undefined), ...overrides.rpc }
  const config = readNodeConfig({ ...written, ...overrides, ...(overrides.rpc && { rpc }) }, path)
  const { role, network = {} } = config
  const awaited = ROLES_TO_COME[role]
  if (awaited !== undefined) throw configError(path, `the role ${role} is not there yet`, `it comes with ${awaited}`)
  const genesis = await readGenesis(beside(config.genesis))
  if (genesis.scheme.blocks.maxBytes > NETWORK_BLOCK_BYTES_MAX)
    throw new ArmError('ARM_SCHEME', 'blocks of this chain may be larger than a network carries', {
      maxBytes: genesis.scheme.blocks.maxBytes,
      limitBytes: NETWORK_BLOCK_BYTES_MAX,
      hint: 'make a genesis with a lower blocks.maxBytes',
    })
  const keys = config.keys === undefined ? NO_KEYS : await readKeys(beside(config.keys))
  const validator = role === 'validator' ? seatOf(path, genesis, keys) : undefined
  const networkKey = await readNetworkKey(beside(network.key ?? 'network.key'))
  const peerId = peerIdOf(keyPairFromSecret(networkKey).publicKey)
  return {
    file: path,
    config,
    genesis,
    keys,
    networkKey,
    peerId,
    validator,
    validatorPeers: validatorPeers({ file: path, config, genesis, validator, self: peerId }),
    dataDir: beside(config.dataDir),
    preSharedKey: network.preSharedKey === undefined ? undefined : await readBytes(beside(network.preSharedKey)),
  }
}

/**
 * The composition of a node in a process of its own: data folder, network, chain, RPC. Resolves when it serves, which
 * may be before it has caught up (`node.behind`).
 *
 * @throws ArmError of the folder, of the network, or of the node.
 */
export async function runNode(setup: NodeSetup, options: RunNodeOptions): Promise<RunningProcess> {
  const { config, genesis, keys, validator } = setup
  const { log, onFailure, control } = options
  const dataDir = await openDataDir(setup.dataDir, { reset: false })
  let network: Network | undefined
  try {
    network = await connect(setup, dataDir, options)
    const transport = networkTransport(network, {
      networkId: networkIdOf(genesis),
      vShards: genesis.scheme.shards.map(({ vShard }) => vShard),
      validatorPeers: setup.validatorPeers,
      log,
    })
    const node = await createNode({
      genesis,
      signer: signerFor(keys, validator),
      ...(validator !== undefined && keys.validator && { reporter: keys.validator }),
      pace: paceOf(config.blockTimeMs ?? 0),
      ...(config.timing && { timing: config.timing }),
      ...(config.durability && { durability: config.durability }),
      ...(config.verifyWorkers && { verifyWorkers: config.verifyWorkers }),
      dataDir,
      transport,
      rpc: { host: config.rpc?.host ?? '127.0.0.1', port: config.rpc?.port ?? DEFAULT_PORT },
      ...(config.testnet && {
        dev: { ...(keys.faucet && { faucet: keys.faucet }), ...(control && { validators: control }) },
      }),
      log,
      onFailure,
    })
    return runningProcess({ setup, node, network, transport, dataDir })
  } catch (error) {
    await network?.close()
    await dataDir.release()
    throw error
  }
}

function runningProcess(parts: {
  readonly setup: NodeSetup
  readonly node: ArmNode
  readonly network: Network
  readonly transport: NetworkTransport
  readonly dataDir: DataDir
}): RunningProcess {
  const { setup, node, network, transport, dataDir } = parts
  const close = async (): Promise<void> => {
    await node.close()
    await network.close()
    await dataDir.release()
  }
  return {
    node,
    peerId: network.self,
    get addresses() {
      return network.addresses
    },
    validator: setup.validator,
    genesis: setup.genesis,
    cut: (peers) => transport.cut(peers),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function connect(setup: NodeSetup, dataDir: DataDir, { log, onFailure }: RunNodeOptions): Promise<Network> {
  const { file, config, genesis, networkKey: secretKey, preSharedKey } = setup
  const { listen, peers = [] } = config.network ?? {}
  try {
    return await openNetwork({
      secretKey,
      networkId: networkIdOf(genesis),
      ...(listen && { listen }),
      peers,
      role: config.role === 'super' ? 'super' : 'member',
      ...(preSharedKey && { preSharedKey }),
      dataDir: join(dataDir.path, 'network'),
      log: networkLog(log),
      onFailure,
    })
  } catch (error) {
    if (!isArmError(error) || error.code !== 'ARM_NETWORK') throw error
    throw configError(
      file,
      `the network cannot start on ${(listen ?? ['loopback']).join(', ')}: ${String(error.cause ?? error.message)}`,
      'choose another port in network.listen, or an address of this machine',
      error,
    )
  }
}

/** Also of its genesis: two networks of one name have nothing to say to each other. */
export function networkIdOf(genesis: Genesis): string {
  const name = genesis.scheme.networkId
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 20)
  return `${name === '' ? 'chain' : name}-${toHex(genesisHash(genesis)).slice(0, 8)}`
}

const NO_KEYS: NodeKeys = { validator: undefined, voting: undefined, faucet: undefined }

function seatOf(file: string, { scheme }: Genesis, { validator, voting }: NodeKeys): number {
  const hint = 'name the file with the keys of a validator of this genesis in keys, or take the role full'
  if (validator === undefined) throw configError(file, 'a validator needs validatorSecretKey', hint)
  const validators = scheme.shards[0]?.validators ?? []
  const seat = validators.findIndex(({ publicKey }) => equalBytes(publicKey, validator.publicKey))
  if (seat < 0) throw configError(file, `the key ${toHex(validator.publicKey)} has no seat in the genesis`, hint)
  const { blsKey } = validators[seat] ?? {}
  if (blsKey !== undefined && !(voting !== undefined && equalBytes(voting.publicKey, blsKey)))
    throw configError(file, 'votingSecretKey is not that of the seat in the genesis', hint)
  return seat
}

/** As configured; a validator's own place needs no saying, and must not be somebody else's. */
function validatorPeers(
  place: Pick<NodeSetup, 'file' | 'config' | 'genesis' | 'validator'> & { readonly self: PeerId },
): (PeerId | undefined)[] {
  const { file, config, genesis, validator, self } = place
  const named = config.network?.validators ?? []
  const seats = genesis.scheme.shards[0]?.validators ?? []
  const hint = 'armchain node --config FILE --peer-id prints that of a node'
  if (named.length > seats.length)
    throw configError(file, `network.validators names ${named.length} validators, and there are ${seats.length}`, hint)
  const peers = seats.map((_, seat) => named[seat] ?? undefined)
  const other = validator === undefined ? undefined : peers[validator]
  if (other !== undefined && other !== self)
    throw configError(file, `network.validators.${validator} is ${other}, and this node is ${self}`, hint)
  if (validator !== undefined) peers[validator] = self
  return peers
}

function signerFor({ validator, voting }: NodeKeys, seat: number | undefined): ReturnType<typeof signerOf> {
  if (validator === undefined || seat === undefined) return () => undefined
  const keys: ValidatorKeys = { ...validator, bls: voting }
  return signerOf(keys)
}

function networkLog(log: Log): NetworkLog {
  const own = log.child({ part: 'network' })
  return (level, message, data) => own[level](message, data)
}
