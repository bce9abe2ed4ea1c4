// A small chain for tests: three vShards, a few keys that hold money, and a module that does what it is told.

import { utf8 } from './bytes.ts'
import { type Allocation, carve, type Genesis, genesisHash, genesisState, tokenAllocations } from './chain/genesis.ts'
import { defaultScheme, type Scheme } from './chain/scheme.ts'
import { wholeShard } from './chain/shard-key.ts'
import { type Call, type Transaction, transactionId } from './chain/transaction.ts'
import { ed25519Validators } from './chain/validator.ts'
import { compile } from './codec/codec.ts'
import { blob, bytes32, list, struct, text, u8, u32, u64 } from './codec/schema.ts'
import { sha256 } from './crypto/hash.ts'
import type { ErrorCode } from './errors.ts'
import { type KeyPair, keyPairFromSecret } from './keys/key-pair.ts'
import { bank, transferArgsCodec } from './modules/bank.ts'
import { fees } from './modules/fees.ts'
import { vesting } from './modules/vesting.ts'
import { type PreparedTransaction, prepareTransaction } from './runtime/admission.ts'
import { type BlockEnvironment, BlockExecution, type BlockResult } from './runtime/kernel.ts'
import { type CallContext, defineCall, type RuntimeModule } from './runtime/module.ts'
import { createRuntime, type Runtime } from './runtime/runtime.ts'
import { SHARD_OWNER, type ShardState } from './state/shard-state.ts'

export const USER_MOTES: bigint = 1_000_000_000n
export const users: readonly KeyPair[] = Array.from({ length: 4 }, (_, i) =>
  keyPairFromSecret(sha256(utf8(`user ${i}`))),
)
const validator = keyPairFromSecret(sha256(utf8('validator')))

/** One thing for the `probe` module to do. */
export type Deed = {
  /** See `runDeeds`. */
  readonly what: string
  readonly times: number
  readonly vShard: number
  readonly motes: bigint
  readonly bytes: Uint8Array
}

const DEED = struct(['what', text(16)], ['times', u32], ['vShard', u32], ['motes', u64], ['bytes', blob(65_535)])
const DEEDS = struct(['to', bytes32], ['deeds', list(DEED, 16)])
type Deeds = { readonly to: Uint8Array; readonly deeds: readonly Deed[] }
const deedsCodec = compile<Deeds>(DEEDS)

export function deed(what: string, parts: Partial<Omit<Deed, 'what'>> = {}): Deed {
  return { what, times: 1, vShard: 2, motes: 0n, bytes: new Uint8Array(0), ...parts }
}

/** Does its deeds in order: the last refusal that it does not choose to ignore is the call's own. */
export const probe: RuntimeModule = {
  name: 'probe',
  calls: { run: defineCall<Deeds>({ args: DEEDS, gas: 0, run: runDeeds }) },
  messages: { run: defineCall<Deeds>({ args: DEEDS, gas: 70, run: runDeeds }) },
  events: { told: struct(['bytes', blob(65_535)]), numbered: struct(['number', u8]) },
}

function runDeeds(context: CallContext, { to, deeds }: Deeds): ReturnType<CallContext['send']> {
  for (const { what, times, vShard, motes, bytes } of deeds) {
    for (let i = 0; i < times; i++) {
      if (what === 'set') context.set(context.receiver, `key ${i}`, bytes)
      if (what === 'set-shard') context.set(SHARD_OWNER, `key ${i}`, bytes)
      if (what === 'fill') context.set(context.receiver, 'filled', new Uint8Array(Number(motes)))
      if (what === 'name') context.set(context.receiver, 'n'.repeat(Number(motes)), bytes)
      if (what === 'surrogate') context.set(context.receiver, '\ud800', bytes)
      if (what === 'emit') context.emit('told', { bytes })
      if (what === 'charge') context.charge(Number(motes))
      if (what === 'throw') context.emit('no such event', {})
      if (what === 'refuse') return { code: 'ARM_CALL_FAILED', message: 'refused as asked' }
      // `ask` forgives what `send` passes on.
      if (what !== 'send' && what !== 'ask') continue
      const call = bytes.length === 0 ? {} : { call: { module: 'probe', method: 'run', args: bytes } }
      const refusal = context.send(context.receiver, { vShard, to, value: motes, callGas: 5_000, ...call })
      if (refusal !== undefined && what === 'send') return refusal
    }
  }
  return undefined
}

export type TestChain = {
  readonly genesis: Genesis
  readonly runtime: Runtime
  /** A fresh state of vShard 1 at genesis. */
  state(vShard?: number): ShardState
}

export function createTestChain(parts: Partial<Scheme> = {}): TestChain {
  const shards = [0, 1, 2].map((vShard) => ({ vShard, engine: 'solo', ...ed25519Validators([validator.publicKey]) }))
  const scheme = defaultScheme({
    chainId: 7,
    networkId: 'test',
    shards,
    modules: ['bank', 'vesting', 'fees', 'probe'],
    ...parts,
  })
  const funded = shards.flatMap(({ vShard }) =>
    users.map(({ account }): Allocation => ({ purpose: 'user', vShard, account, motes: USER_MOTES, lock: 'free' })),
  )
  const genesis: Genesis = { scheme, timeMs: 1_000, allocations: carve(tokenAllocations(), 'early-sales', funded) }
  const runtime = createRuntime(scheme, [bank, fees, vesting, probe], genesisHash(genesis))
  return { genesis, runtime, state: (vShard = 1) => genesisState(genesis, vShard) }
}

/** A block of vShard 1 on top of `state`. */
export function beginBlock(chain: TestChain, state: ShardState, parts: Partial<BlockEnvironment> = {}): BlockExecution {
  return new BlockExecution(
    {
      runtime: chain.runtime,
      shard: wholeShard(1),
      height: 1,
      timeMs: 2_000,
      mainHeight: 1,
      resolve: (vShard) => (vShard < 3 ? wholeShard(vShard) : undefined),
      ...parts,
    },
    state,
  )
}

/** Runs one block on vShard 1 and writes it to the state. */
export function runBlock(
  chain: TestChain,
  state: ShardState,
  run: (execution: BlockExecution) => void,
  parts: Partial<BlockEnvironment> = {},
): BlockResult {
  const execution = beginBlock(chain, state, parts)
  run(execution)
  const result = execution.end(1_000)
  state.apply(result.writes)
  return result
}

export type UnsignedParts = Partial<Omit<Transaction, 'signature'>>

/** Encoded, with a signature of zeros: neither admission nor kernel looks at it. */
export function encodeTransaction(chain: TestChain, user: number, parts: UnsignedParts = {}): Uint8Array {
  return chain.runtime.transactions.encode({
    version: 1,
    chainId: 7,
    vShard: 1,
    keyType: 1,
    senderKey: (users[user] as KeyPair).publicKey,
    nonce: 0,
    gasLimit: 20_000,
    maxFee: 1_000n,
    tip: 1n,
    expiryHeight: 100,
    call: transfer(1, 5n),
    signature: new Uint8Array(64),
    ...parts,
  })
}

export function prepare(chain: TestChain, user: number, parts: UnsignedParts = {}): PreparedTransaction {
  const bytes = encodeTransaction(chain, user, parts)
  const prepared = prepareTransaction(chain.runtime, bytes, transactionId(bytes), (users[user] as KeyPair).account)
  if (!prepared.ok) throw new Error(prepared.reason.message)
  return prepared.value
}

export function transfer(user: number, amount: bigint, vShard = 1): Call {
  const to = (users[user] as KeyPair).account
  return { module: 'bank', method: 'transfer', args: transferArgsCodec.encode({ to, vShard, amount }) }
}

/** A call of the probe, whose messages go to user 1. */
export function doing(...deeds: readonly Deed[]): Call {
  return { module: 'probe', method: 'run', args: deedArgs(...deeds) }
}

export function deedArgs(...deeds: readonly Deed[]): Uint8Array {
  return deedsCodec.encode({ to: (users[1] as KeyPair).account, deeds })
}

export function balanceOf(state: ShardState, account: Uint8Array): bigint {
  return state.accounts.balance(state.accounts.find(account))
}

/** The code of the ArmError that `run` throws; undefined if it throws none. */
export function codeOf(run: () => unknown): ErrorCode | undefined {
  try {
    run()
  } catch (error) {
    return (error as { code?: ErrorCode }).code ?? ('not an ArmError' as ErrorCode)
  }
  return undefined
}
