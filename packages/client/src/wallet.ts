import {
  type Address,
  ArmError,
  accountIdOf,
  activeEd25519,
  BASE_TRANSACTION_SCHEMA,
  formatAc,
  formatAddress,
  type Json,
  jsonToValue,
  type KeyPair,
  MOTES_PER_AC,
  parseAddress,
  signTransaction,
  struct,
  type Transaction,
  toHex,
} from '@armchain/core'
import { countOf, DISTRUST, fieldsOf, motesOf } from './answer.ts'
import { type CallRequest, type ChainContext, encodeArgs, fetchChainContext } from './chain-context.ts'
import type { RpcClient } from './rpc-client.ts'
import type { Finality, Receipt } from './rpc-schema.ts'
import type { TrustedRoot } from './trusted-root.ts'

export type SendOptions = {
  /** Sub-account that pays: a vShard id. */
  readonly vShard: number
  /** Units of gas; by default what a transfer or a small call needs, with room. */
  readonly gasLimit?: number
  /** Most motes per unit of gas; by default four times the base fee, as the node says. */
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

const GAS_DEFAULT = 5_000
const EXPIRY_BLOCKS = 1_000

export type WalletOptions = {
  /** What the chain is known by beforehand; without it the node's word is taken, see `createWallet`. */
  readonly root?: TrustedRoot
  /** Most that one transaction may cost in gas, as gas limit times max fee, in motes; 1 AC by default. */
  readonly maxTotalFeeMotes?: bigint
}

/** Hundreds of times what the default gas limit may cost at the initial base fee: room for demand, and no fortune. */
const MAX_TOTAL_FEE_MOTES: bigint = MOTES_PER_AC

/**
 * A wallet of one key on the chain of a node. What is signed is tied to the genesis hash: with `root` to the one known
 * beforehand, and a node that says anything else is refused with `ARM_ROOT_MISMATCH`; without it to the one that the
 * node names now (trust on first use), so that a node which names another chain's gets signatures that are valid there.
 *
 * The node still chooses fees, nonce and expiry where the caller does not: what a transaction costs in gas is bounded
 * by `maxTotalFeeMotes`, beyond which nothing is signed (`ARM_TX_FEE_HIGH`).
 */
export async function createWallet(rpc: RpcClient, key: KeyPair, options: WalletOptions = {}): Promise<Wallet> {
  const { root, maxTotalFeeMotes = MAX_TOTAL_FEE_MOTES } = options
  const context = await fetchChainContext(rpc, root)
  const { scheme } = context
  const prefix = scheme.addressPrefix
  const account = accountIdOf(key.publicKey)
  const address = (vShard: number): string => formatAddress({ account, vShard }, prefix)

  async function sign(call: CallRequest, options: SendOptions & { readonly nonce?: number }): Promise<Uint8Array> {
    const [state, fees] = await Promise.all([
      rpc.call('arm_getAccount', { address: address(options.vShard) }).then(fieldsOf),
      rpc.call('arm_getFees', { vShard: options.vShard }).then(fieldsOf),
    ])
    const unsigned: Omit<Transaction, 'signature'> = {
      version: knownVersion(context, countOf(fees.rulesVersion)),
      chainId: scheme.chainId,
      vShard: options.vShard,
      keyType: 1,
      senderKey: key.publicKey,
      nonce: options.nonce ?? countOf(state.nextNonce),
      gasLimit: options.gasLimit ?? GAS_DEFAULT,
      maxFee: options.maxFeeMotes ?? motesOf(fees.suggestedMaxFeeMotes),
      tip: options.tipMotes ?? motesOf(fees.suggestedTipMotes),
      expiryHeight: countOf(state.height) + (options.expiryBlocks ?? EXPIRY_BLOCKS),
      call: { module: call.module, method: call.method, args: encodeArgs(context, call) },
      ...extraFields(context, options.fields ?? {}),
    }
    checkCost(unsigned, maxTotalFeeMotes)
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

/** The version of the rules that the node asks for, if the scheme has it. */
function knownVersion({ scheme }: ChainContext, rulesVersion: number): number {
  if (scheme.versions.some(({ version }) => version === rulesVersion)) return rulesVersion
  throw new ArmError('ARM_ROOT_MISMATCH', 'the node names a version of the rules that the scheme has not', {
    rulesVersion,
    ...DISTRUST,
  })
}

/** A gas limit that is no whole number is refused where the transaction is encoded. */
function checkCost({ gasLimit, maxFee }: Pick<Transaction, 'gasLimit' | 'maxFee'>, limitMotes: bigint): void {
  const costMotes = Number.isSafeInteger(gasLimit) ? BigInt(gasLimit) * maxFee : 0n
  if (costMotes <= limitMotes) return
  throw new ArmError(
    'ARM_TX_FEE_HIGH',
    `the transaction could cost ${formatAc(costMotes)} AC in gas, and ${formatAc(limitMotes)} AC are allowed`,
    {
      gasLimit,
      maxFeeMotes: maxFee.toString(),
      costMotes: costMotes.toString(),
      limitMotes: limitMotes.toString(),
      hint: 'compare the fees with another node; if they are right, raise maxTotalFeeMotes (--max-fee)',
    },
  )
}
