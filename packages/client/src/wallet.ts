import {
  type Address,
  ArmError,
  accountIdOf,
  activeEd25519,
  BASE_TRANSACTION_SCHEMA,
  type Codec,
  compile,
  formatAddress,
  fromHex,
  type Json,
  jsonToValue,
  type KeyPair,
  parseAddress,
  parseSchema,
  type Scheme,
  schemeCodec,
  signTransaction,
  struct,
  type Transaction,
  toHex,
} from '@armchain/core'
import type { RpcClient } from './rpc-client.ts'
import type { Finality, Network, Receipt } from './rpc-schema.ts'

/** What signing needs to know of a chain; fetched once. */
export type ChainContext = {
  readonly network: Network
  readonly scheme: Scheme
  readonly transactions: Codec<Transaction>
  readonly domain: Uint8Array
  /** Argument schemas of the chain's calls, by `module.call`. */
  readonly calls: ReadonlyMap<string, string>
}

export type SendOptions = {
  /** Sub-account that pays: a vShard id. */
  readonly vShard: number
  /** Units of gas; by default what a transfer or a small call needs, with room. */
  readonly gasLimit?: number
  /** Most motes per unit of gas; by default four times the base fee. */
  readonly maxFeeMotes?: bigint
  readonly tipMotes?: bigint
  /** Blocks until it expires. */
  readonly expiryBlocks?: number
  /** What the chain's transactions have beyond the usual fields, as JSON by the scheme's schema: a memo, say. */
  readonly fields?: Readonly<Record<string, Json>>
}

export interface Wallet {
  readonly account: Uint8Array
  /** Text address of this key's sub-account on a vShard. */
  address(vShard: number): string
  balance(vShard: number): Promise<bigint>
  /** Signs without sending; the nonce is the next one unless given. */
  sign(call: CallRequest, options: SendOptions & { readonly nonce?: number }): Promise<Uint8Array>
  /** Signs and sends any call; arguments as JSON by the call's schema. Those of one sub-account go one after another. */
  send(call: CallRequest, options: SendOptions): Promise<string>
  /** Pays `amountMotes` from this key's sub-account on `from` (default: the receiver's vShard) to an address. */
  transfer(to: string, amountMotes: bigint, options?: Partial<SendOptions>): Promise<string>
  /** Moves money between this key's own sub-accounts, in one call (requirement B4). */
  move(amountMotes: bigint, path: { readonly from: number; readonly to: number }): Promise<string>
  wait(txId: string, finality?: Finality): Promise<Receipt>
}

export type CallRequest = { readonly module: string; readonly method: string; readonly args: Json }

const GAS_DEFAULT = 5_000
const EXPIRY_BLOCKS = 1_000

/** Reads what signing needs from a node. A light client checks the node; the genesis hash alone ties signatures to a chain. */
export async function fetchChainContext(rpc: RpcClient): Promise<ChainContext> {
  const [network, answer] = await Promise.all([rpc.call('arm_network'), rpc.call('arm_scheme')])
  const { encoded, calls } = answer as { encoded: string; calls: Record<string, Record<string, string>> }
  const scheme = schemeCodec.decode(fromHex(encoded))
  const schemas = Object.entries(calls).flatMap(([module, own]) =>
    Object.entries(own).map(([call, schema]) => [`${module}.${call}`, schema] as const),
  )
  return {
    network,
    scheme,
    transactions: compile<Transaction>(parseSchema(scheme.transaction)),
    domain: fromHex(network.signingDomain),
    calls: new Map(schemas),
  }
}

export async function createWallet(rpc: RpcClient, key: KeyPair): Promise<Wallet> {
  const context = await fetchChainContext(rpc)
  const { network, scheme } = context
  const prefix = network.addressPrefix
  const account = accountIdOf(key.publicKey)
  const address = (vShard: number): string => formatAddress({ account, vShard }, prefix)

  async function sign(call: CallRequest, options: SendOptions & { readonly nonce?: number }): Promise<Uint8Array> {
    const [state, fees] = await Promise.all([
      rpc.call('arm_getAccount', { address: address(options.vShard) }),
      rpc.call('arm_getFees', { vShard: options.vShard }),
    ])
    const unsigned: Omit<Transaction, 'signature'> = {
      version: fees.rulesVersion,
      chainId: scheme.chainId,
      vShard: options.vShard,
      keyType: 1,
      senderKey: key.publicKey,
      nonce: options.nonce ?? state.nextNonce,
      gasLimit: options.gasLimit ?? GAS_DEFAULT,
      maxFee: options.maxFeeMotes ?? BigInt(fees.suggestedMaxFeeMotes),
      tip: options.tipMotes ?? BigInt(fees.suggestedTipMotes),
      expiryHeight: state.height + (options.expiryBlocks ?? EXPIRY_BLOCKS),
      call: { module: call.module, method: call.method, args: encodeArgs(context, call) },
      ...extraFields(context, options.fields ?? {}),
    }
    return signTransaction(context.transactions, unsigned, context.domain, (message) =>
      activeEd25519().sign(message, key.secretKey),
    )
  }

  const turns = new Map<number, Promise<unknown>>()

  /** In turn, because two that ask at once would be given the same nonce. */
  function send(call: CallRequest, options: SendOptions): Promise<string> {
    const turn = (turns.get(options.vShard) ?? Promise.resolve()).then(async () => {
      const raw = toHex(await sign(call, options))
      return (await rpc.call('arm_sendTransaction', { raw })).txId
    })
    turns.set(
      options.vShard,
      turn.catch(() => undefined),
    )
    return turn
  }

  function transferCall(to: Address, amountMotes: bigint): CallRequest {
    return {
      module: 'bank',
      method: 'transfer',
      args: { to: toHex(to.account), vShard: to.vShard, amount: amountMotes.toString() },
    }
  }

  return {
    account,
    address,
    sign,
    send,
    balance: async (vShard) => BigInt((await rpc.call('arm_getAccount', { address: address(vShard) })).balanceMotes),
    async transfer(to, amountMotes, options = {}) {
      const receiver = parseAddress(to, prefix)
      return await send(transferCall(receiver, amountMotes), { vShard: receiver.vShard, ...options })
    },
    move: (amountMotes, { from, to }) => send(transferCall({ account, vShard: to }, amountMotes), { vShard: from }),
    wait: (txId, finality = 'shard-final') => rpc.call('arm_waitForReceipt', { txId, finality }),
  }
}

/** The fields between the call and the signature, which a scheme may have more. Throws `ARM_ARGUMENT`. */
function extraFields({ transactions }: ChainContext, fields: Readonly<Record<string, Json>>): object {
  const { schema } = transactions
  const known = schema.type === 'struct' ? schema.fields.slice(BASE_TRANSACTION_SCHEMA.fields.length - 1, -1) : []
  return jsonToValue(struct(...known), fields, 'fields') as object
}

/** Arguments of a call by the schema that the chain publishes for it. Throws `ARM_TX_CALL_UNKNOWN` or `ARM_ARGUMENT`. */
export function encodeArgs({ calls }: ChainContext, { module, method, args }: CallRequest): Uint8Array {
  const schema = calls.get(`${module}.${method}`)
  if (schema === undefined) {
    throw new ArmError('ARM_TX_CALL_UNKNOWN', `the chain has no call ${module}.${method}`, {
      module,
      method,
      hint: 'arm_network lists the modules and their calls',
    })
  }
  const parsed = parseSchema(schema)
  return compile(parsed).encode(jsonToValue(parsed, args))
}
