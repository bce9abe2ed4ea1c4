import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isBlsNative } from '@armchain/consensus'
import {
  type Allocation,
  ArmError,
  type CertificateKind,
  carve,
  createMnemonic,
  decodeGenesis,
  defaultScheme,
  encodeGenesis,
  formatAddress,
  fromHex,
  type Genesis,
  genesisHash,
  invariant,
  type KeyPair,
  keyPairFromSecret,
  MOTES_PER_AC,
  mnemonicKeys,
  type RuntimeModule,
  type Scheme,
  toHex,
  tokenAllocations,
} from '@armchain/core'
import { type ArmNode, createNode, type DataDir, type Log, openDataDir, paceOf } from '@armchain/node'
import type { PoolLimits } from '@armchain/shard'
import { committeeOf, signerOf, type ValidatorKeys, withVotingKey } from './validator-keys.ts'
import { ValidatorProcesses } from './validator-processes.ts'
import { Validators } from './validators.ts'

export type TestnetEngine = 'simplex' | 'poa'

/** A development network: a validator or several, a main shard and vShards, funded accounts. */
export type TestnetOptions = {
  /** Every validator in a process of its own, on libp2p over loopback; in this process without it. */
  readonly processes?: boolean
  /**
   * Validators of every shard, 1 to 31, by default one, or four as processes; of several, fewer than a third may fail in
   * any way.
   */
  readonly validators?: number
  /**
   * How several validators decide: `simplex`, which bears Byzantine ones (default), or `poa`, which bears crashes of up
   * to half. A list is for the main shard and each vShard in turn; its last one is for all that follow.
   */
  readonly engine?: TestnetEngine | readonly TestnetEngine[]
  /** What blocks are certified with: by default `bls` for several validators, where its native library loads, else `ed25519`. */
  readonly certificates?: CertificateKind
  /** vShards beside the main shard, 0 to 64. */
  readonly shards?: number
  /** Funded accounts; each holds the same on the main shard and on every vShard. */
  readonly accounts?: number
  readonly balanceMotes?: bigint
  /** Milliseconds between blocks; 0 makes them on demand, `manual` only when told. */
  readonly blockTime?: number | 'manual'
  /** Kept across restarts; in memory without it. What it was made with stays: another shape is refused. */
  readonly dataDir?: string
  readonly reset?: boolean
  readonly host?: string
  readonly port?: number
  /** Derives keys and funded accounts; random if left out. */
  readonly mnemonic?: string
  readonly networkId?: string
  /** Runtime modules beside bank, vesting, fees and evidence. */
  readonly modules?: readonly RuntimeModule[]
  /** Changes to the default scheme. */
  readonly scheme?: Partial<Scheme>
  readonly log?: Log
  readonly poolLimits?: PoolLimits
  readonly onFailure?: (error: unknown) => void
  readonly nowMs?: number
}

export type TestAccount = {
  /** On vShard 1, or on the main shard where there is no other. */
  readonly address: string
  readonly secretKey: string
  /** Derives the key by SLIP-10, path m/44'/1'/index'/0'/0'. */
  readonly mnemonic: string
  readonly index: number
  /** On each vShard. */
  readonly balanceMotes: string
}

export interface Testnet extends AsyncDisposable {
  /** The first validator; throws `ARM_NOT_FOUND` where it is in another process. */
  readonly node: ArmNode
  /** All of them, to look at and to make suffer; undefined where there is one, or they are in other processes. */
  readonly validators: Validators | undefined
  /** The same for those that are processes. */
  readonly processes: ValidatorProcesses | undefined
  readonly genesis: Genesis
  readonly networkId: string
  readonly rpcUrl: string
  readonly wsUrl: string
  readonly accounts: readonly TestAccount[]
  readonly dataDir: string | undefined
  /** False when it went on from a data folder. */
  readonly fresh: boolean
  close(): Promise<void>
}

/** What a data folder says of its testnet, so that a restart finds the same keys. */
type Saved = {
  readonly format: typeof FORMAT
  readonly genesis: string
  readonly mnemonic: string
  readonly accounts: number
  readonly balanceMotes: string
}

const FILE = 'testnet.json'
/** Of the file; 1 had committees without weights, in a genesis that does not decode any more. */
const FORMAT = 2
const SHARDS_MAX = 64
const ACCOUNTS_MAX = 2_000_000
const FAUCET_MOTES: bigint = 1_000_000n * MOTES_PER_AC
/** What a validator has on the main shard, to pay for reports of others. */
const VALIDATOR_MOTES: bigint = 100n * MOTES_PER_AC
/** Accounts that are listed with their keys; the others derive from the same mnemonic. */
const LISTED_MAX = 1_000
const FAUCET_INDEX = 1_000_000_001
/** Validator n has the key of this index plus n, but for the first, which keeps the one that it always had. */
const VALIDATOR_INDEX = 1_000_000_001
const FIRST_VALIDATOR_INDEX = 1_000_000_000
/** Of the first validator's network key, where validators are processes; the others follow. */
const FIRST_NETWORK_INDEX = 1_100_000_000
const VALIDATORS_MAX = 31
/** Of processes, where nobody says how many. */
const PROCESSES = 4

/** Starts a testnet. Resolves when it has made its first blocks and answers. */
export async function startTestnet(options: TestnetOptions = {}): Promise<Testnet> {
  checkOptions(options)
  const { reset = false } = options
  // Before anything is deleted: options that make no genesis must not cost the old one.
  const anew = reset || options.dataDir === undefined ? createSaved(options) : undefined
  const dataDir = options.dataDir === undefined ? undefined : await openDataDir(options.dataDir, { reset })
  try {
    const { saved, fresh } = await loadOrCreate(options, dataDir, anew)
    const genesis = decodeGenesis(fromHex(saved.genesis))
    const run = await startValidators(options, { saved, genesis, dataDir })
    const { rpcUrl, wsUrl, validators, processes } = run
    const close = async (): Promise<void> => {
      await run.close()
      await dataDir?.release()
    }
    return {
      get node() {
        return run.node()
      },
      validators,
      processes,
      genesis,
      networkId: genesis.scheme.networkId,
      rpcUrl,
      wsUrl,
      accounts: listAccounts(saved, genesis),
      dataDir: dataDir?.path,
      fresh,
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await dataDir?.release()
    throw error
  }
}

type Run = {
  readonly node: () => ArmNode
  readonly rpcUrl: string
  readonly wsUrl: string
  readonly validators: Validators | undefined
  readonly processes: ValidatorProcesses | undefined
  readonly close: () => Promise<void>
}

type RunParts = { readonly saved: Saved; readonly genesis: Genesis; readonly dataDir: DataDir | undefined }

/** One validator alone, or several with a network between them, in this process or in their own. */
async function startValidators(options: TestnetOptions, parts: RunParts): Promise<Run> {
  const { saved, genesis, dataDir } = parts
  const [main] = genesis.scheme.shards
  invariant(main !== undefined, 'a scheme has a main shard')
  const keys = validatorKeys(saved.mnemonic, { count: main.validators.length, certificates: main.certificates })
  if (options.processes) return startProcesses(options, { ...parts, keys })
  const faucet = derive(saved.mnemonic, FAUCET_INDEX)
  const { host = '127.0.0.1', port = 0, reset = false } = options
  const common = {
    genesis,
    ...(options.modules && { modules: options.modules }),
    pace: paceOf(options.blockTime ?? 0),
    ...(options.log && { log: options.log }),
    ...(options.poolLimits && { poolLimits: options.poolLimits }),
    ...(options.onFailure && { onFailure: options.onFailure }),
  }
  const [validator] = keys
  if (keys.length > 1) {
    const validators = await Validators.start({ ...common, keys, faucet, dataDir: dataDir?.path, reset, host, port })
    const { url, wsUrl } = validators.node(0)
    return {
      node: () => validators.node(0),
      rpcUrl: url as string,
      wsUrl: wsUrl as string,
      validators,
      processes: undefined,
      close: () => validators.close(),
    }
  }
  invariant(validator !== undefined, 'a testnet has a validator')
  const node = await createNode({
    ...common,
    signer: signerOf(validator),
    ...(dataDir && { dataDir }),
    rpc: { host, port },
    dev: { faucet },
  })
  return {
    node: () => node,
    rpcUrl: node.url as string,
    wsUrl: node.wsUrl as string,
    validators: undefined,
    processes: undefined,
    close: () => node.close(),
  }
}

async function startProcesses(
  options: TestnetOptions,
  { saved: { mnemonic }, genesis, dataDir, keys }: RunParts & { readonly keys: readonly ValidatorKeys[] },
): Promise<Run> {
  const { reset = false, host = '127.0.0.1', port = 0, blockTime = 0, log } = options
  if (keys.length === 1 || blockTime === 'manual')
    throw new ArmError('ARM_ARGUMENT', 'processes are for several validators', {
      validators: keys.length,
      hint: 'ask for 4 validators, in a folder of their own',
    })
  const processes = await ValidatorProcesses.start({
    genesis,
    keys,
    networkKeys: keys.map((_, i) => derive(mnemonic, FIRST_NETWORK_INDEX + i)),
    faucet: derive(mnemonic, FAUCET_INDEX),
    dataDir: dataDir?.path,
    reset,
    blockTimeMs: blockTime,
    host,
    port,
    log,
  })
  const { rpc: rpcUrl, ws: wsUrl } = processes.ready(0)
  const node = (): never => {
    throw new ArmError('ARM_NOT_FOUND', 'the validators are in other processes', { hint: `ask over RPC: ${rpcUrl}` })
  }
  return { node, rpcUrl, wsUrl, validators: undefined, processes, close: () => processes.close() }
}

function validatorKeys(
  mnemonic: string,
  { count, certificates }: { readonly count: number; readonly certificates: CertificateKind },
): readonly ValidatorKeys[] {
  return Array.from({ length: count }, (_, i) => {
    const index = i === 0 ? FIRST_VALIDATOR_INDEX : VALIDATOR_INDEX + i
    return withVotingKey(derive(mnemonic, index), { certificates, mnemonic, index })
  })
}

/** The key of a listed account. */
export function accountKey({ secretKey }: Pick<TestAccount, 'secretKey'>): KeyPair {
  return keyPairFromSecret(fromHex(secretKey))
}

async function loadOrCreate(
  options: TestnetOptions,
  dataDir: DataDir | undefined,
  anew: Saved | undefined,
): Promise<{ saved: Saved; fresh: boolean }> {
  const file = dataDir && join(dataDir.path, FILE)
  const stored = file === undefined || anew !== undefined ? undefined : await readSaved(file)
  if (stored !== undefined) {
    checkSame(stored, options)
    return { saved: stored, fresh: false }
  }
  const saved = anew ?? createSaved(options)
  if (file !== undefined) {
    // Whole or not at all: without it the folder is of no use.
    await writeFile(`${file}.tmp`, `${JSON.stringify(saved, null, 2)}\n`, { mode: 0o600, flush: true })
    await rename(`${file}.tmp`, file)
  }
  return { saved, fresh: true }
}

/** A folder goes on as it was made: an option that says otherwise is refused rather than ignored. */
function checkSame({ genesis, mnemonic, accounts, balanceMotes }: Saved, options: TestnetOptions): void {
  const { scheme } = decodeGenesis(fromHex(genesis))
  const [main] = scheme.shards
  const validators = main?.validators.length ?? 1
  const made = {
    shards: scheme.shards.length - 1,
    validators,
    engine: scheme.shards.map(({ engine }) => engine).join(','),
    certificates: main?.certificates,
    accounts,
    balanceMotes,
    networkId: scheme.networkId,
    mnemonic,
  }
  for (const name of Object.keys(made) as (keyof typeof made)[]) {
    const given = name === 'engine' ? enginesOf(options, scheme.shards.length) : options[name]
    if (given === undefined || words(given) === words(made[name] ?? '')) continue
    const was = name === 'mnemonic' ? 'another mnemonic' : `${name} ${made[name]}, not ${given}`
    throw new ArmError('ARM_DATA_DIR', `the data folder was made with ${was}`, {
      hint: 'leave the option out to go on, choose another folder, or start this one over with --reset',
    })
  }
}

/** Engine of a vShard; those of a list are the main shard's, then that of each vShard, and the last one that of all others. */
function engineOf({ validators = 1, engine = 'simplex' }: TestnetOptions, vShard: number): string {
  if (validators === 1) return 'solo'
  const list = typeof engine === 'string' ? [engine] : engine
  return list[Math.min(vShard, list.length - 1)] ?? 'simplex'
}

/** The engines that options ask for, as a list in words; undefined if they leave it open. */
function enginesOf(options: TestnetOptions, shards: number): string | undefined {
  if (options.engine === undefined) return undefined
  const validators = options.validators ?? 4
  return Array.from({ length: shards }, (_, vShard) => engineOf({ ...options, validators }, vShard)).join(',')
}

function words(value: string | number | bigint): string {
  return String(value).trim().replace(/\s+/g, ' ')
}

async function readSaved(file: string): Promise<Saved | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ArmError('ARM_DATA_DIR', `${file} cannot be read`, { hint: 'check its permissions' }, { cause: error })
  }
  const saved = parsed(text)
  if (saved?.format === FORMAT && typeof saved.genesis === 'string' && typeof saved.mnemonic === 'string') return saved
  if (Number.isInteger(saved?.format) && saved?.format !== FORMAT)
    throw new ArmError('ARM_DATA_DIR', `${file} has format ${saved?.format}, not ${FORMAT}`, {
      hint: 'start it with the version that made it, choose another folder, or start this one over with --reset',
    })
  throw new ArmError('ARM_DATA_DIR', `${file} is damaged`, {
    hint: 'restore it from a copy, or start over with --reset',
  })
}

/** Undefined for a file that is no JSON object; its fields are still to be looked at. */
function parsed(text: string): Saved | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Saved) : undefined
  } catch {
    return undefined
  }
}

function createSaved(options: TestnetOptions): Saved {
  const mnemonic = options.mnemonic ?? createMnemonic()
  const accounts = options.accounts ?? 10
  const balance = options.balanceMotes ?? 10_000n * MOTES_PER_AC
  const vShards = Array.from({ length: (options.shards ?? 2) + 1 }, (_, i) => i)
  const count = options.validators ?? (options.processes ? PROCESSES : 1)
  const { certificates = count > 1 && isBlsNative() ? 'bls' : 'ed25519' } = options
  const keys = validatorKeys(mnemonic, { count, certificates })
  const seats = committeeOf(certificates, keys)
  const shards = vShards.map((vShard) => ({
    vShard,
    engine: engineOf({ ...options, validators: count }, vShard),
    ...seats,
  }))
  const modules = ['bank', 'vesting', 'fees', 'evidence', ...(options.modules ?? []).map(({ name }) => name)]
  const networkId = options.networkId ?? 'armchain-testnet'
  const scheme = defaultScheme({ chainId: 1337, networkId, shards, modules, ...options.scheme })
  const holders = Array.from({ length: accounts }, (_, i) => derive(mnemonic, i).account)
  const faucet = derive(mnemonic, FAUCET_INDEX).account
  const funded = vShards.flatMap((vShard): Allocation[] => [
    { purpose: 'faucet', vShard, account: faucet, motes: FAUCET_MOTES, lock: 'free' },
    ...holders.map((account) => ({ purpose: 'test-account', vShard, account, motes: balance, lock: 'free' })),
  ])
  // One that is alone has nobody to report.
  const reporters = count === 1 ? [] : keys
  for (const { account } of reporters)
    funded.push({ purpose: 'validator', vShard: 0, account, motes: VALIDATOR_MOTES, lock: 'free' })
  // Test money comes out of the pre-mainnet rewards, so that the supply is the paper's.
  const genesis: Genesis = {
    scheme,
    timeMs: options.nowMs ?? Date.now(),
    allocations: carve(tokenAllocations(), 'pre-mainnet-rewards', funded),
  }
  genesisHash(genesis)
  return {
    format: FORMAT,
    genesis: toHex(encodeGenesis(genesis)),
    mnemonic,
    accounts,
    balanceMotes: balance.toString(),
  }
}

const deriving = new Map<string, (index: number) => KeyPair>()
const derived = new Map<string, KeyPair>()

function derive(mnemonic: string, index: number): KeyPair {
  const name = `${index}:${mnemonic}`
  const known = derived.get(name)
  if (known !== undefined) return known
  const keys = deriving.get(mnemonic) ?? mnemonicKeys(mnemonic)
  deriving.set(mnemonic, keys)
  const key = keys(index)
  if (derived.size < 4 * LISTED_MAX) derived.set(name, key)
  return key
}

function listAccounts({ mnemonic, accounts, balanceMotes }: Saved, { scheme }: Genesis): TestAccount[] {
  const vShard = scheme.shards[1]?.vShard ?? 0
  return Array.from({ length: Math.min(accounts, LISTED_MAX) }, (_, index) => {
    const key = derive(mnemonic, index)
    return {
      address: formatAddress({ account: key.account, vShard }, scheme.addressPrefix),
      secretKey: toHex(key.secretKey),
      mnemonic,
      index,
      balanceMotes,
    }
  })
}

function checkOptions(options: TestnetOptions): void {
  const { processes = false, engine, shards = 2, accounts = 10, blockTime = 0 } = options
  const { validators = processes ? PROCESSES : 1 } = options
  const integer = (value: number, min: number, max: number): boolean =>
    Number.isInteger(value) && value >= min && value <= max
  if (!integer(validators, 1, VALIDATORS_MAX))
    throw new ArmError('ARM_ARGUMENT', `validators is outside [1, ${VALIDATORS_MAX}]`, {
      validators,
      hint: 'one makes blocks alone; 4 bear one that fails in any way, 7 two',
    })
  if (processes && (options.modules !== undefined || options.poolLimits !== undefined))
    throw new ArmError('ARM_ARGUMENT', 'modules and pool limits do not reach other processes', {
      hint: 'leave processes out',
    })
  const unknown = [engine ?? []].flat().find((name) => name !== 'simplex' && name !== 'poa')
  if (unknown !== undefined)
    throw new ArmError('ARM_ARGUMENT', `unknown engine "${unknown}"`, { hint: 'simplex or poa' })
  if (engine !== undefined && validators === 1)
    throw new ArmError('ARM_ARGUMENT', 'an engine is for several validators', {
      engine,
      hint: 'ask for 4 validators, or leave the engine out',
    })
  if (blockTime === 'manual' && validators > 1)
    throw new ArmError('ARM_ARGUMENT', 'blocks are made by hand only where a validator is alone', {
      validators,
      hint: 'ask for one validator, or give a block time in milliseconds',
    })
  if (!integer(shards, 0, SHARDS_MAX))
    throw new ArmError('ARM_ARGUMENT', `shards is outside [0, ${SHARDS_MAX}]`, {
      shards,
      hint: 'a testnet has one main shard, and this many vShards beside it; 2 is usual',
    })
  if (!integer(accounts, 1, ACCOUNTS_MAX))
    throw new ArmError('ARM_ARGUMENT', `accounts is outside [1, ${ACCOUNTS_MAX}]`, { accounts, hint: '10 is usual' })
  if (blockTime !== 'manual' && !integer(blockTime, 0, 3_600_000))
    throw new ArmError('ARM_ARGUMENT', 'block time is outside [0, 3600000] ms', {
      blockTime,
      hint: 'for example 1000, 0 for blocks on demand, or manual',
    })
}
