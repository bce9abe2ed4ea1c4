import {
  type Allocation,
  accountIdOf,
  activeEd25519,
  bank,
  bytes32,
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
  sha256,
  signTransaction,
  struct,
  toHex,
  tokenAllocations,
  transactionId,
  transactionMessage,
  u32,
  u64,
  utf8,
  vesting,
} from '@armchain/core'
import { genesisLayout, type Layout } from '@armchain/shard'
import { validatorKey } from './cluster-keys.ts'
import { flipped, type Random } from './random.ts'
import type { Op } from './scenario.ts'

/** A chain to simulate: a main shard, vShards, users with money on each, and a module whose messages fail as asked. */
export type WholeChain = {
  readonly genesis: Genesis
  readonly runtime: Runtime
  readonly layout: Layout
  /** By seat, the same on every shard. */
  readonly validators: readonly KeyPair[]
}

export const WHOLE_VSHARDS = 3
export const WHOLE_USERS = 6
const USER_MOTES = 1_000_000_000_000n
const CHAIN_ID = 7

const users: readonly KeyPair[] = Array.from({ length: WHOLE_USERS }, (_, i) =>
  keyPairFromSecret(sha256(utf8(`simulated user ${i}`))),
)

type Fate = (Op & { type: 'transfer' })['fate']
const FATES: readonly Fate[] = ['accept', 'refuse', 'gas', 'nowhere', 'expire']

type SendArgs = { readonly to: Uint8Array; readonly vShard: number; readonly amount: bigint; readonly fate: number }
const sendSchema = struct(['to', bytes32], ['vShard', u32], ['amount', u64], ['fate', u32])
const sendCodec: Codec<SendArgs> = compile<SendArgs>(sendSchema)
const noteSchema = struct(['fate', u32])
const noteCodec = compile<{ fate: number }>(noteSchema)

/** Sends value to a handler that does with it what the sender says. */
const courier: RuntimeModule = {
  name: 'courier',
  calls: {
    send: defineCall<SendArgs>({
      args: sendSchema,
      gas: 0,
      run: (context, { to, vShard, amount, fate }) =>
        context.send(context.sender, {
          vShard,
          to,
          value: amount,
          expiryBlocks: FATES[fate] === 'expire' ? 0 : 10_000,
          callGas: FATES[fate] === 'gas' ? 10 : 2_000,
          call: {
            module: 'courier',
            method: FATES[fate] === 'nowhere' ? 'nowhere' : 'note',
            args: noteCodec.encode({ fate }),
          },
        }),
    }),
  },
  messages: {
    note: defineCall<{ fate: number }>({
      args: noteSchema,
      gas: 50,
      run(context, { fate }) {
        context.set(context.receiver, 'last', noteCodec.encode({ fate }))
        return FATES[fate] === 'refuse' ? { code: 'ARM_CALL_FAILED', message: 'refused as asked' } : undefined
      },
    }),
  },
}

const built = new Map<string, WholeChain>()

/** Always the same chain for an engine and a number of validators: it costs more to make than a run. */
export function wholeChain(engine: string, nodes: number): WholeChain {
  const name = `${engine} ${nodes}`
  const known = built.get(name)
  if (known !== undefined) return known
  const made = buildChain(engine, nodes)
  built.set(name, made)
  return made
}

function buildChain(engine: string, nodes: number): WholeChain {
  const validators = Array.from({ length: nodes }, (_, seat) => validatorKey(seat))
  const shards = Array.from({ length: WHOLE_VSHARDS + 1 }, (_, vShard) => ({
    vShard,
    engine,
    ...ed25519Validators(validators.map(({ publicKey }) => publicKey)),
  }))
  const modules = ['bank', 'vesting', 'fees', 'courier']
  const scheme = defaultScheme({ chainId: CHAIN_ID, networkId: 'sim', shards, modules })
  const funded = shards.flatMap(({ vShard }) =>
    users.map(({ account }): Allocation => ({ purpose: 'user', vShard, account, motes: USER_MOTES, lock: 'free' })),
  )
  const genesis: Genesis = { scheme, timeMs: 0, allocations: carve(tokenAllocations(), 'early-sales', funded) }
  const hash = genesisHash(genesis)
  const runtime = createRuntime(scheme, [bank, fees, vesting, courier], hash)
  return { genesis, runtime, layout: genesisLayout(genesis, hash).layout, validators }
}

export function userAccount(user: number): Uint8Array {
  return (users[user % WHOLE_USERS] as KeyPair).account
}

/** A signed transfer as an operation asks for it. */
export function prepareTransfer(
  runtime: Runtime,
  op: Op & { type: 'transfer' },
  nonce: number,
): PreparedTransaction | undefined {
  const key = users[op.user % WHOLE_USERS] as KeyPair
  const to = userAccount(op.user + 1)
  const args = sendCodec.encode({ to, vShard: op.to, amount: BigInt(op.motes), fate: FATES.indexOf(op.fate) })
  const unsigned = {
    version: 1,
    chainId: CHAIN_ID,
    vShard: op.from,
    keyType: 1,
    senderKey: key.publicKey,
    nonce,
    gasLimit: 20_000,
    maxFee: 1_000_000n,
    tip: 1n,
    expiryHeight: 1_000,
    call: { module: 'courier', method: 'send', args },
  }
  const bytes = signTransaction(runtime.transactions, unsigned, runtime.txDomain, (message) =>
    activeEd25519().sign(message, key.secretKey),
  )
  return prepare(runtime, bytes)
}

/** A transaction as received; undefined for bytes that are none. */
export function prepare(runtime: Runtime, bytes: Uint8Array): PreparedTransaction | undefined {
  const at = runtime.types.senderKeyOffset
  const prepared = prepareTransaction(runtime, bytes, transactionId(bytes), accountIdOf(bytes.subarray(at, at + 32)))
  return prepared.ok ? prepared.value : undefined
}

/** A transfer that would be includable, had its sender signed it. */
export function unsignedTransfer(
  runtime: Runtime,
  place: { readonly user: number; readonly from: number; readonly nonce: number; readonly random: Random },
): PreparedTransaction | undefined {
  const { user, from, nonce, random } = place
  const to = random.below(WHOLE_VSHARDS + 1)
  const op = {
    type: 'transfer',
    atMs: 0,
    node: 0,
    user,
    from,
    to,
    motes: random.between(1, 1_000),
    fate: 'accept',
  } as const
  const signed = prepareTransfer(runtime, op, nonce)
  if (signed === undefined) return undefined
  const bytes = signed.bytes.slice()
  bytes.set(flipped(bytes.subarray(-64), random), bytes.length - 64)
  return prepare(runtime, bytes)
}

/** Whether the signature of a transaction holds and its key may own an account; each is checked once. */
export type Signatures = (transaction: PreparedTransaction) => boolean

export function createSignatures({ txDomain }: Runtime): Signatures {
  const known = new Map<string, boolean>()
  return ({ tx, bytes, id }) => {
    const name = toHex(id)
    const verdict = known.get(name)
    if (verdict !== undefined) return verdict
    const { signature, senderKey: publicKey } = tx
    const ed25519 = activeEd25519()
    const message = transactionMessage(txDomain, bytes)
    const holds = ed25519.isAccountKey(publicKey) && ed25519.verify({ publicKey, message, signature })
    known.set(name, holds)
    return holds
  }
}
