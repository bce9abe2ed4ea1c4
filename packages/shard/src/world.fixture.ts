// A chain for tests: one validator, a few users with money on every vShard, and a module whose messages fail as asked.
import { type BlsKeys, blsKeysFromSeed, createSoloEngine, type EngineFactory, voteSigner } from '@armchain/consensus'
import {
  type Allocation,
  accountIdOf,
  activeEd25519,
  bank,
  bytes32,
  type Call,
  type Codec,
  carve,
  compile,
  createRuntime,
  defaultScheme,
  defineCall,
  ed25519Validators,
  fees,
  type Genesis,
  genesisHash,
  type KeyPair,
  keyPairFromSecret,
  type PreparedTransaction,
  prepareTransaction,
  type Runtime,
  type RuntimeModule,
  type Scheme,
  type ShardState,
  sha256,
  signTransaction,
  struct,
  type Transaction,
  tokenAllocations,
  transactionId,
  transferArgsCodec,
  u32,
  u64,
  utf8,
  vesting,
} from '@armchain/core'
import type { BlockContext } from './chain.ts'
import { ChainMachine } from './chain-machine.ts'
import { evidenceModule, genesisCommittees } from './evidence-module.ts'
import type { HostedShard } from './hosted-shard.ts'
import { genesisLayout, type Layout } from './layout.ts'
import type { MachineEffect, SealedBlock } from './machine-port.ts'

export const USERS = 5
export const USER_MOTES: bigint = 1_000_000_000n
export const validator: KeyPair = keyPairFromSecret(sha256(utf8('validator')))
export const validatorBls: BlsKeys = blsKeysFromSeed(validator.secretKey)
export const users: readonly KeyPair[] = Array.from({ length: USERS }, (_, i) =>
  keyPairFromSecret(sha256(utf8(`user ${i}`))),
)

export type SendArgs = {
  readonly to: Uint8Array
  readonly vShard: number
  readonly amount: bigint
  readonly expiryBlocks: number
  /** What its handler does: 0 accept, 1 refuse, 2 run out of gas, 3 not exist. */
  readonly refuse: number
}
const sendArgs = struct(['to', bytes32], ['vShard', u32], ['amount', u64], ['expiryBlocks', u32], ['refuse', u32])
export const sendCodec: Codec<SendArgs> = compile<SendArgs>(sendArgs)
const noteArgs = struct(['refuse', u32])
const noteCodec = compile<{ refuse: number }>(noteArgs)

/** Sends value with a handler call that accepts, refuses, runs out of gas, does not exist, or comes too late. */
const courier: RuntimeModule = {
  name: 'courier',
  calls: {
    send: defineCall<SendArgs>({
      args: sendArgs,
      gas: 0,
      run: (context, { to, vShard, amount, expiryBlocks, refuse }) =>
        context.send(context.sender, {
          vShard,
          to,
          value: amount,
          expiryBlocks,
          callGas: refuse === 2 ? 10 : 2_000,
          call: { module: 'courier', method: refuse === 3 ? 'nowhere' : 'note', args: noteCodec.encode({ refuse }) },
        }),
    }),
  },
  messages: {
    note: defineCall<{ refuse: number }>({
      args: noteArgs,
      gas: 50,
      run(context, { refuse }) {
        context.set(context.receiver, 'last', noteCodec.encode({ refuse }))
        return refuse === 1 ? { code: 'ARM_CALL_FAILED', message: 'refused as asked' } : undefined
      },
    }),
  },
}

export type World = {
  readonly genesis: Genesis
  readonly runtime: Runtime
  readonly layout: Layout
  /** Fresh states at genesis, in the order of the layout. */
  states(): readonly ShardState[]
  /** A fresh machine at genesis that seals only when told to; with another engine in the place of the solo one. */
  create(engine?: EngineFactory): ChainMachine
}

export function createWorld(vShards: number, parts: Partial<Scheme> = {}): World {
  const shards = Array.from({ length: vShards + 1 }, (_, vShard) => ({
    vShard,
    engine: 'solo',
    ...ed25519Validators([validator.publicKey]),
  }))
  const scheme = defaultScheme({
    chainId: 7,
    networkId: 'test',
    shards,
    modules: ['bank', 'vesting', 'fees', 'evidence', 'courier'],
    ...parts,
  })
  const funded = shards.flatMap(({ vShard }) =>
    users.map(({ account }): Allocation => ({ purpose: 'user', vShard, account, motes: USER_MOTES, lock: 'free' })),
  )
  const genesis: Genesis = { scheme, timeMs: 1_000, allocations: carve(tokenAllocations(), 'early-sales', funded) }
  const hash = genesisHash(genesis)
  const committee = genesisCommittees(scheme)
  const evidence = evidenceModule({ genesisHash: hash, schemaVersion: scheme.version, committee })
  const runtime = createRuntime(scheme, [bank, fees, vesting, evidence, courier], hash)
  const states = () => genesisLayout(genesis, hash).states
  const { layout } = genesisLayout(genesis, hash)
  const create = (engine: EngineFactory = createSoloEngine) =>
    new ChainMachine({
      runtime,
      layout,
      states: states(),
      engines: { solo: engine },
      pace: { blockTimeMs: 0, idleMs: 0, mode: 'manual' },
      signer: ({ certificates }) => {
        const secrets = { secretKey: validator.secretKey, blsSecretKey: validatorBls.secretKey }
        return { index: 0, account: validator.account, sign: voteSigner(certificates, secrets) }
      },
    })
  return { genesis, runtime, layout, states, create }
}

export function signAsValidator(message: Uint8Array): Uint8Array {
  return activeEd25519().sign(message, validator.secretKey)
}

export type TransactionParts = Partial<Omit<Transaction, 'signature'>>

/** A signed transaction of a user; a transfer of 5 motes to user 1 unless told otherwise. */
export function prepare({ runtime }: World, user: number, parts: TransactionParts = {}): PreparedTransaction {
  const key = users[user] as KeyPair
  const vShard = parts.vShard ?? 1
  const unsigned = {
    version: 1,
    chainId: 7,
    vShard,
    keyType: 1,
    senderKey: key.publicKey,
    nonce: 0,
    gasLimit: 8_000,
    maxFee: 1_000n,
    tip: 1n,
    expiryHeight: 1_000,
    call: transfer(1, 5n, vShard),
    ...parts,
  }
  const bytes = signTransaction(runtime.transactions, unsigned, runtime.txDomain, (message) =>
    activeEd25519().sign(message, key.secretKey),
  )
  const prepared = prepareTransaction(runtime, bytes, transactionId(bytes), accountIdOf(key.publicKey))
  if (!prepared.ok) throw new Error(prepared.reason.message)
  return prepared.value
}

export function transfer(user: number, amount: bigint, vShard: number): Call {
  const to = (users[user] as KeyPair).account
  return { module: 'bank', method: 'transfer', args: transferArgsCodec.encode({ to, vShard, amount }) }
}

/** What is known of a block that was made here: every signature was checked, and no clock bounds it. */
export function knowing(mainHead: BlockContext['mainHead']): BlockContext {
  return { mainHead, latestTimeMs: Number.MAX_SAFE_INTEGER, round: 'certified', verified: () => true }
}

/** What a machine has done, as a shell hears of it. */
export type Heard = { readonly records: Uint8Array[]; readonly sealed: SealedBlock[] }

export function hearing(): Heard {
  return { records: [], sealed: [] }
}

/** Seals one vShard and hears what happened. */
export function seal(machine: ChainMachine, shard: number, nowMs: number, heard: Heard = hearing()): Heard {
  const effects: readonly MachineEffect[] = machine.step(nowMs, { type: 'seal', shard })
  for (const effect of effects) {
    if (effect.type === 'append') heard.records.push(effect.record)
    if (effect.type === 'sealed') heard.sealed.push(effect.sealed)
  }
  return heard
}

export function hosted(machine: ChainMachine, vShard: number): HostedShard {
  const shard = machine.shard(vShard)
  if (shard === undefined) throw new Error(`no vShard ${vShard}`)
  return shard
}
