import {
  type Allocation,
  accountIdOf,
  activeEd25519,
  carve,
  createRuntime,
  defaultScheme,
  ed25519Validators,
  formatAddress,
  type Genesis,
  genesisHash,
  type KeyPair,
  keyPairFromSecret,
  type PreparedTransaction,
  prepareTransaction,
  type Runtime,
  sha256,
  signTransaction,
  toHex,
  tokenAllocations,
  transactionId,
  transferArgsCodec,
  utf8,
} from '@armchain/core'
import { standardModules } from '@armchain/shard'
import { type ArmNode, createNode, type NodeOptions } from './node.ts'

/** For tests: a main shard and two vShards of one validator, on which a few accounts are funded; blocks on command. */
const validator = testKey('validator')
const faucet = testKey('faucet')
const USERS = 8
const USER_MOTES = 1_000_000_000_000n
const SHARDS = [0, 1, 2]

export const users: readonly KeyPair[] = Array.from({ length: USERS }, (_, i) => testKey(`user ${i}`))

export function testKey(name: string): KeyPair {
  return keyPairFromSecret(sha256(utf8(name)))
}

export const testGenesis: Genesis = {
  scheme: defaultScheme({
    chainId: 7,
    networkId: 'node-test',
    shards: SHARDS.map((vShard) => ({ vShard, engine: 'solo', ...ed25519Validators([validator.publicKey]) })),
    modules: ['bank', 'vesting', 'fees', 'evidence'],
  }),
  timeMs: 1_000_000,
  allocations: carve(
    tokenAllocations(),
    'pre-mainnet-rewards',
    SHARDS.flatMap((vShard) =>
      [faucet, ...users].map(
        ({ account }): Allocation => ({ purpose: 'test', vShard, account, motes: USER_MOTES, lock: 'free' }),
      ),
    ),
  ),
}

const hash = genesisHash(testGenesis)
export const testRuntime: Runtime = createRuntime(testGenesis.scheme, standardModules(testGenesis.scheme, hash), hash)

export const testSigner: NodeOptions['signer'] = () => ({
  index: 0,
  account: validator.account,
  sign: (message) => activeEd25519().sign(message, validator.secretKey),
})

/** A node of that chain, in memory unless told otherwise; serves RPC on a free port. */
export function startTestChain(options: Partial<NodeOptions> = {}): Promise<ArmNode> {
  return createNode({
    genesis: testGenesis,
    signer: testSigner,
    pace: { blockTimeMs: 0, idleMs: 0, mode: 'manual' },
    rpc: {},
    dev: { faucet },
    ...options,
  })
}

export type TestTransfer = {
  readonly from: KeyPair
  readonly to?: KeyPair
  readonly nonce: number
  readonly vShard?: number
  readonly toShard?: number
  readonly amount?: bigint
  readonly tip?: bigint
}

export function signTransfer(transfer: TestTransfer): Uint8Array {
  const { from, to = from, nonce, vShard = 1, toShard = vShard, amount = 1n, tip = 1n } = transfer
  return signTransaction(
    testRuntime.transactions,
    {
      version: testRuntime.scheme.version,
      chainId: testRuntime.scheme.chainId,
      vShard,
      keyType: 1,
      senderKey: from.publicKey,
      nonce,
      gasLimit: 3_000,
      maxFee: 1_000n,
      tip,
      expiryHeight: 100_000,
      call: {
        module: 'bank',
        method: 'transfer',
        args: transferArgsCodec.encode({ to: to.account, vShard: toShard, amount }),
      },
    },
    testRuntime.txDomain,
    (message) => activeEd25519().sign(message, from.secretKey),
  )
}

/** As the intake hands it on. */
export function prepared(raw: Uint8Array): PreparedTransaction {
  const at = testRuntime.types.senderKeyOffset
  const outcome = prepareTransaction(testRuntime, raw, transactionId(raw), accountIdOf(raw.subarray(at, at + 32)))
  if (outcome.ok) return outcome.value
  throw new Error(outcome.reason.message)
}

export function idOf(raw: Uint8Array): string {
  return toHex(transactionId(raw))
}

export function addressOf({ account }: KeyPair, vShard: number): string {
  return formatAddress({ account, vShard }, testRuntime.scheme.addressPrefix)
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Answer = any

/** The answer to a call or a batch. */
export async function post(node: ArmNode, body: unknown): Promise<Answer> {
  return await (await fetch(node.url as string, { method: 'POST', body: JSON.stringify(body) })).json()
}

export function call(method: string, params: unknown = {}, id: unknown = 1): object {
  return { jsonrpc: '2.0', id, method, params }
}

/** The result of a call; throws an error with the code that it was refused with. */
export async function ask(node: ArmNode, method: string, params: unknown = {}): Promise<Answer> {
  const { result, error } = await post(node, call(method, params))
  if (error) throw Object.assign(new Error(error.message), { code: error.data.code, data: error.data })
  return result
}
