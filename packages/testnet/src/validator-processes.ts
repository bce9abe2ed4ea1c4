import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ArmError, type Genesis, invariant, isArmError, type KeyPair } from '@armchain/core'
import { peerIdOf } from '@armchain/network'
import { type Log, openDataDir, Serial, silentLog, type ValidatorControl, type ValidatorState } from '@armchain/node'
import type { NodeConfig } from './node-process/node-config.ts'
import { writeGenesis, writeKeys, writeNetworkKey, writeWhole } from './node-process/node-files.ts'
import type { LinkHandlers } from './node-process/process-link.ts'
import type { NodeReady } from './node-process/supervised.ts'
import { ValidatorProcess } from './node-process/validator-process.ts'
import type { ValidatorKeys } from './validator-keys.ts'

export type ValidatorProcessesOptions = {
  readonly genesis: Genesis
  readonly keys: readonly ValidatorKeys[]
  /** Of each validator. */
  readonly networkKeys: readonly KeyPair[]
  readonly faucet: KeyPair
  /** Holds a folder for each; a temporary one without it, which goes with the testnet. */
  readonly dataDir: string | undefined
  readonly reset: boolean
  readonly blockTimeMs: number
  readonly host: string
  /** Of the first validator's RPC; those of the others are free ones. */
  readonly port: number
  readonly log: Log | undefined
}

/** Messages cross a loopback in a millisecond, but the processes of a testnet share the processors of one machine. */
const TIMING = { deltaMs: 250, deltaMaxMs: 5_000, skipAfterMs: 2_000 }
/** For the first block of every shard. */
const FIRST_BLOCK_MS = 60_000
const POLL_MS = 20
/** For processes whose testnet was killed to end. */
const ORPHAN_MS_MAX = 5_000

/**
 * Several validators, each a process of its own that runs `armchain node` by a configuration in its folder, on libp2p
 * between loopback ports. They crash by SIGKILL and stand still by SIGSTOP; who is cut off from whom, each is told.
 */
export class ValidatorProcesses implements ValidatorControl {
  readonly #options: ValidatorProcessesOptions
  readonly #root: string
  readonly #log: Log
  readonly #members: (ValidatorProcess | undefined)[] = []
  /** Of each validator, one kill or start after the other. */
  readonly #changes: readonly Serial[]
  /** Whom a validator does not hear. */
  readonly #cuts: Map<number, readonly number[]> = new Map()
  #closed = false

  private constructor(options: ValidatorProcessesOptions, root: string) {
    this.#options = options
    this.#changes = options.keys.map(() => new Serial())
    this.#root = root
    this.#log = options.log ?? silentLog
  }

  /** Writes their folders, starts all, and resolves when every shard has made its first block. */
  static async start(options: ValidatorProcessesOptions): Promise<ValidatorProcesses> {
    const root = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'armchain-')))
    const validators = new ValidatorProcesses(options, root)
    try {
      await validators.#writeFolders()
      await Promise.all(options.keys.map((_, i) => validators.restart(i)))
      await validators.#firstBlocks()
      return validators
    } catch (error) {
      await validators.close()
      throw error
    }
  }

  /** What a validator that runs has said of itself. */
  ready(validator: number): NodeReady {
    return this.#member(validator).ready
  }

  pid(validator: number): number {
    return this.#member(validator).pid
  }

  /** Folder with a validator's configuration, keys, chain and log. */
  folder(validator: number): string {
    return join(this.#root, `validator-${validator}`)
  }

  async list(): Promise<readonly ValidatorState[]> {
    return Promise.all(
      this.#options.keys.map(async (_, validator): Promise<ValidatorState> => {
        const member = this.#members[validator]
        if (member === undefined) return { validator, state: 'down', rpcUrl: undefined, heights: [] }
        const state = member.isPaused ? 'paused' : 'running'
        return { validator, state, rpcUrl: member.ready.rpc, heights: await member.heights() }
      }),
    )
  }

  kill(validator: number): Promise<void> {
    return this.#changesOf(validator).run(async () => {
      const member = this.#members[validator]
      this.#members[validator] = undefined
      await member?.kill()
    })
  }

  restart(validator: number): Promise<void> {
    return this.#changesOf(validator).run(async () => {
      if (this.#members[validator] === undefined && !this.#closed) await this.#boot(validator)
    })
  }

  pause(validator: number): Promise<void> {
    return this.#member(validator).pause()
  }

  resume(validator: number): void {
    this.#member(validator).resume()
  }

  async partition(groups: readonly (readonly number[])[]): Promise<void> {
    for (const group of groups) {
      const others = groups.filter((each) => each !== group).flat()
      for (const validator of group) this.#cuts.set(validator, others)
    }
    await this.#tellCuts()
  }

  async heal(): Promise<void> {
    this.#cuts.clear()
    await this.#tellCuts()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#changes.map((changes) => changes.idle()))
    await Promise.all(this.#members.map((member) => member?.stop()))
    if (this.#options.dataDir === undefined) await rm(this.#root, { recursive: true, force: true })
  }

  #member(validator: number): ValidatorProcess {
    const member = this.#members[validator]
    if (member === undefined)
      throw new ArmError('ARM_NOT_FOUND', `validator ${validator} does not run`, { hint: 'restart it first' })
    return member
  }

  #changesOf(validator: number): Serial {
    const changes = this.#changes[validator]
    invariant(changes !== undefined, `there is no validator ${validator}`)
    return changes
  }

  async #boot(validator: number): Promise<void> {
    const member = await ValidatorProcess.start(this.folder(validator), this.#handlers())
    this.#members[validator] = member
    void member.ended.then((how) => {
      if (this.#members[validator] !== member || this.#closed) return
      this.#members[validator] = undefined
      this.#log.error("a validator's process has ended", { validator, how, folder: this.folder(validator) })
    })
    await member.cut(this.#cuts.get(validator) ?? [])
  }

  /** What a validator passes on of `dev_fault` and the like. */
  #handlers(): LinkHandlers {
    type One = { readonly validator: number }
    return {
      list: () => this.list(),
      kill: ({ validator }: One) => this.kill(validator),
      restart: ({ validator }: One) => this.restart(validator),
      pause: ({ validator }: One) => this.pause(validator),
      resume: ({ validator }: One) => this.resume(validator),
      partition: ({ groups }: { readonly groups: readonly (readonly number[])[] }) => this.partition(groups),
      heal: () => this.heal(),
    }
  }

  async #tellCuts(): Promise<void> {
    await Promise.all(this.#members.map((member, validator) => member?.cut(this.#cuts.get(validator) ?? [])))
  }

  async #writeFolders(): Promise<void> {
    const { genesis, keys, networkKeys, faucet, reset, port } = this.#options
    await writeGenesis(join(this.#root, 'genesis.json'), genesis)
    const ports = await freePorts(2 * keys.length)
    const peers = networkKeys.map(({ publicKey }) => peerIdOf(publicKey))
    const addresses = peers.map((peer, i) => `/ip4/127.0.0.1/tcp/${ports[i]}/p2p/${peer}`)
    for (const [i, key] of keys.entries()) {
      // Marked as a node's folder before other things are in it.
      await markFolder(this.folder(i), reset)
      // Peers of another testnet are strangers.
      if (reset) await rm(join(this.folder(i), 'network'), { recursive: true, force: true })
      const rpcPort = i === 0 && port !== 0 ? port : (ports[keys.length + i] ?? 0)
      const config = this.#config({ self: i, addresses, peers, listenPort: ports[i] ?? 0, rpcPort })
      await writeWhole(join(this.folder(i), 'config.json'), config)
      await writeKeys(join(this.folder(i), 'keys.json'), { validator: key, voting: key.bls, faucet })
      await writeNetworkKey(join(this.folder(i), 'network.key'), (networkKeys[i] as KeyPair).secretKey)
    }
  }

  #config(place: {
    readonly self: number
    readonly addresses: readonly string[]
    readonly peers: readonly string[]
    readonly listenPort: number
    readonly rpcPort: number
  }): NodeConfig {
    const { blockTimeMs, dataDir, host, log } = this.#options
    return {
      genesis: '../genesis.json',
      role: 'validator',
      dataDir: '.',
      keys: 'keys.json',
      network: {
        key: 'network.key',
        listen: [`/ip4/127.0.0.1/tcp/${place.listenPort}`],
        peers: place.addresses.filter((_, i) => i !== place.self),
        validators: place.peers,
      },
      rpc: { host, port: place.rpcPort },
      blockTimeMs,
      timing: TIMING,
      // A temporary folder does not survive the machine anyway.
      durability: dataDir === undefined ? 'process' : 'machine',
      // All of them share the processors.
      verifyWorkers: Math.max(1, Math.floor(availableParallelism() / place.peers.length)),
      testnet: true,
      log: log === undefined || log.level === 'silent' ? 'warn' : (log.level as NonNullable<NodeConfig['log']>),
    }
  }

  async #firstBlocks(): Promise<void> {
    const untilMs = performance.now() + FIRST_BLOCK_MS
    for (;;) {
      const heights = await this.#member(0).heights()
      if (heights.length > 0 && heights.every(({ height }) => height > 0)) return
      if (performance.now() > untilMs)
        throw new ArmError('ARM_INTERNAL', `the validators made no block in ${FIRST_BLOCK_MS / 1_000} s`, {
          hint: `start with --log info, and look at node.log in the folders below ${this.#root}`,
        })
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

/** The processes of a testnet that was killed take a moment to end themselves. */
async function markFolder(folder: string, reset: boolean): Promise<void> {
  const untilMs = performance.now() + ORPHAN_MS_MAX
  for (;;) {
    try {
      await (await openDataDir(folder, { reset })).release()
      return
    } catch (error) {
      const isHeld = isArmError(error) && error.code === 'ARM_DATA_DIR_LOCKED'
      if (!isHeld || performance.now() > untilMs) throw error
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

/** Loopback ports that were free a moment ago: each process has to know those of the others before any has started. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  try {
    return await Promise.all(servers.map(listeningPort))
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function listeningPort(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
