import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ArmError, invariant, type KeyPair } from '@armchain/core'
import {
  type ArmNode,
  createNode,
  type DataDir,
  LocalNetwork,
  type NodeOptions,
  openDataDir,
  Serial,
  type ValidatorControl,
  type ValidatorState,
} from '@armchain/node'
import { signerOf, type ValidatorKeys } from './validator-keys.ts'

/** What all validators of a testnet have in common. */
export type ValidatorsOptions = Omit<NodeOptions, 'signer' | 'dataDir' | 'transport' | 'dev' | 'rpc'> & {
  readonly keys: readonly ValidatorKeys[]
  readonly faucet: KeyPair
  /** Holds a folder for each; a temporary one without it, which goes with the testnet. */
  readonly dataDir: string | undefined
  readonly reset: boolean
  readonly host: string
  /** Of the first validator's RPC; those of the others are free ones. */
  readonly port: number
}

/** Link delays within a process are below a millisecond, and disks take some: nobody is waited for as across a continent. */
const TIMING = { deltaMs: 100, deltaMaxMs: 5_000, skipAfterMs: 2_000 }
/** For the first block of every shard. */
const FIRST_BLOCK_MS = 30_000

/** Several validators in this process: each a whole node with its own folder, log and RPC, on a network between them. */
export class Validators implements ValidatorControl {
  readonly network: LocalNetwork = new LocalNetwork()
  readonly #options: ValidatorsOptions
  readonly #root: string
  readonly #members: (Member | undefined)[] = []
  /** Of each validator, one kill or start after the other. */
  readonly #changes: readonly Serial[]
  readonly #paused: Set<number> = new Set()
  readonly #ports: number[]
  #closed = false

  private constructor(options: ValidatorsOptions, root: string) {
    this.#options = options
    this.#changes = options.keys.map(() => new Serial())
    this.#root = root
    this.#ports = options.keys.map((_, i) => (i === 0 ? options.port : 0))
  }

  /** Starts all, and resolves when every shard has made its first block. */
  static async start(options: ValidatorsOptions): Promise<Validators> {
    const root = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'armchain-')))
    const validators = new Validators(options, root)
    try {
      await Promise.all(options.keys.map((_, i) => validators.#boot(i, options.reset)))
      await validators.#firstBlocks()
      return validators
    } catch (error) {
      await validators.close()
      throw error
    }
  }

  /** A validator that runs. */
  node(validator: number): ArmNode {
    const node = this.#members[validator]?.node
    if (node === undefined)
      throw new ArmError('ARM_NOT_FOUND', `validator ${validator} does not run`, { hint: 'restart it first' })
    return node
  }

  list(): readonly ValidatorState[] {
    return this.#options.keys.map((_, validator): ValidatorState => {
      const node = this.#members[validator]?.node
      const state = node === undefined ? 'down' : this.#paused.has(validator) ? 'paused' : 'running'
      const shards = node?.host.machine.shards ?? []
      const heights = shards.map(({ vShard, chain }) => ({ vShard, height: chain.tip.height }))
      return { validator, state, rpcUrl: node?.url, heights }
    })
  }

  kill(validator: number): Promise<void> {
    return this.#changesOf(validator).run(async () => {
      const member = this.#members[validator]
      if (member === undefined) return
      this.#members[validator] = undefined
      this.#paused.delete(validator)
      this.network.resume(validator)
      await member.node.kill()
      await member.dataDir.release()
    })
  }

  restart(validator: number): Promise<void> {
    return this.#changesOf(validator).run(async () => {
      if (this.#members[validator] === undefined && !this.#closed) await this.#boot(validator, false)
    })
  }

  pause(validator: number): void {
    this.node(validator).host.pause()
    this.network.pause(validator)
    this.#paused.add(validator)
  }

  resume(validator: number): void {
    const { host } = this.node(validator)
    this.#paused.delete(validator)
    host.resume()
    this.network.resume(validator)
  }

  partition(groups: readonly (readonly number[])[]): void {
    this.network.partition(groups)
  }

  heal(): void {
    this.network.heal()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#changes.map((changes) => changes.idle()))
    await Promise.all(
      this.#members.map(async (member) => {
        await member?.node.close()
        await member?.dataDir.release()
      }),
    )
    if (this.#options.dataDir === undefined) await rm(this.#root, { recursive: true, force: true })
  }

  #changesOf(validator: number): Serial {
    const changes = this.#changes[validator]
    invariant(changes !== undefined, `there is no validator ${validator}`)
    return changes
  }

  async #boot(validator: number, reset: boolean): Promise<void> {
    const {
      keys,
      faucet,
      host,
      dataDir: kept,
      reset: _reset,
      port: _port,
      dataDir: _dataDir,
      ...options
    } = this.#options
    const key = keys[validator]
    invariant(key !== undefined, `no key for validator ${validator}`)
    const dataDir = await openDataDir(join(this.#root, `validator-${validator}`), { reset })
    const transport = this.network.join(
      validator,
      keys.map((_, i) => i),
    )
    try {
      const node = await createNode({
        ...options,
        signer: signerOf(key),
        reporter: key,
        dataDir,
        timing: TIMING,
        // A temporary folder does not survive the machine anyway.
        durability: kept === undefined ? 'process' : 'machine',
        transport,
        rpc: { host, port: this.#ports[validator] ?? 0 },
        dev: { faucet, validators: this },
      })
      // Whoever follows it finds it where it was when it comes back.
      this.#ports[validator] = Number(new URL(node.url as string).port)
      this.#members[validator] = { node, dataDir }
    } catch (error) {
      transport.close()
      await dataDir.release()
      throw error
    }
  }

  async #firstBlocks(): Promise<void> {
    const untilMs = performance.now() + FIRST_BLOCK_MS
    const shards = this.node(0).host.machine.shards
    while (shards.some(({ chain }) => chain.tip.height === 0)) {
      if (performance.now() > untilMs)
        throw new ArmError('ARM_INTERNAL', `the validators made no block in ${FIRST_BLOCK_MS / 1_000} s`, {
          hint: 'start with --log info and report what it says',
        })
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await this.node(0).host.settled()
  }
}

type Member = { readonly node: ArmNode; readonly dataDir: DataDir }
