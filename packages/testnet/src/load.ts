import { type Finality, fetchChainContext, type RpcClient } from '@armchain/client'
import {
  ArmError,
  activeEd25519,
  formatAddress,
  fromHex,
  type KeyPair,
  keyPairFromSecret,
  signTransaction,
  toHex,
  transactionId,
  transferArgsCodec,
} from '@armchain/core'

export type LoadOptions = {
  readonly accounts: readonly { readonly secretKey: string }[]
  /** Transfers in all. */
  readonly count: number
  /** Part that goes to another vShard, in percent. */
  readonly crossPercent: number
  readonly onProgress?: (line: string) => void
  /** Longest wait for the last receipts once all is submitted, at most two minutes; that by default. */
  readonly waitMs?: number
}

export type LoadResult = {
  readonly included: number
  readonly wallMs: number
  readonly tps: number
  readonly crossPercent: number
}

/** Transfers signed beforehand, in the order in which to submit them. */
export type SignedLoad = {
  readonly transactions: readonly Uint8Array[]
  readonly senders: readonly {
    readonly address: string
    /** Its nonce once all are in blocks. */
    readonly nonce: number
    /** Id of its last transfer; undefined if it has none. */
    readonly lastId: string | undefined
  }[]
}

const BATCH = 500
const IN_FLIGHT = 4
const GAS_LIMIT = 3_000
const EXPIRY_BLOCKS = 100_000
const WAIT_MS_MAX = 120_000
/** On top of the wait itself. */
const ANSWER_MS = 10_000

/**
 * Signs transfers beforehand, submits them in the binary form, and waits until all are in durable blocks. The clock
 * runs from the first submission until the last receipt.
 */
export async function runLoad(rpc: RpcClient, options: LoadOptions): Promise<LoadResult> {
  const { count, crossPercent, onProgress = () => {}, waitMs = WAIT_MS_MAX } = options
  onProgress(`signing ${count} transfers`)
  const load = await signLoad(rpc, options)
  onProgress('submitting')
  const start = performance.now()
  await inBatches(load.transactions, async (batch) => {
    const { refused } = await rpc.submitRaw(batch)
    const [first] = refused
    if (first !== undefined)
      throw new ArmError('ARM_RPC_RESPONSE', `the node refused a transfer: ${first.code} ${first.message}`, {
        refused: refused.length,
        hint: 'are the accounts in use elsewhere?',
      })
  })
  await loadIncluded(rpc, load, { finality: 'shard-final', waitMs })
  const wallMs = Math.max(1, Math.round(performance.now() - start))
  return { included: count, wallMs, tps: Math.round((count / wallMs) * 1000), crossPercent }
}

/**
 * Resolves when the last transfer of every sender, and so all, stands in a durable block of that finality.
 * Throws `ARM_RPC_TIMEOUT` if one does not within `waitMs`.
 */
export async function loadIncluded(
  rpc: RpcClient,
  { senders }: SignedLoad,
  { finality, waitMs = WAIT_MS_MAX }: { readonly finality: Finality; readonly waitMs?: number },
): Promise<void> {
  const last = senders.flatMap(({ lastId }) => (lastId === undefined ? [] : [lastId]))
  await inBatches(last, async (txIds) => {
    const calls = txIds.map((txId) => ['arm_waitForReceipt', { txId, timeoutMs: waitMs, finality }] as const)
    for (const outcome of await rpc.batch(calls, { timeoutMs: waitMs + ANSWER_MS })) {
      if (outcome.ok) continue
      if (outcome.reason.code !== 'ARM_RPC_TIMEOUT') throw outcome.reason
      throw new ArmError('ARM_RPC_TIMEOUT', `a transfer is in no block ${waitMs} ms after it was submitted`, {
        hint: 'blocks may be made by hand only (dev_mine), or transfers have been dropped from the pool',
      })
    }
  })
}

/** Hands items to `send` 500 at a time, four batches in flight. */
async function inBatches<Item>(items: readonly Item[], send: (batch: readonly Item[]) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const batch = items.slice(next, next + BATCH)
      next += BATCH
      await send(batch)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
}

/** Signs `count` transfers between the accounts, in turn, with their next nonces; senders are spread over the vShards. */
export async function signLoad(
  rpc: RpcClient,
  { accounts, count, crossPercent }: Pick<LoadOptions, 'accounts' | 'count' | 'crossPercent'>,
): Promise<SignedLoad> {
  const context = await fetchChainContext(rpc)
  const { network, scheme } = context
  const shards = network.shards.map(({ vShard }) => vShard).filter((vShard) => vShard !== 0)
  const usable = shards.length === 0 ? [0] : shards
  const { rulesVersion } = await rpc.call('arm_getFees', { vShard: 0 })
  const senders = await readSenders(rpc, network.addressPrefix, usable, accounts)
  const transactions: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const sender = senders[i % senders.length] as Sender
    const receiver = senders[(i * 7 + 1) % senders.length] as Sender
    const cross = usable.length > 1 && (i * 37) % 100 < crossPercent
    const to = cross ? (usable[(usable.indexOf(sender.vShard) + 1) % usable.length] as number) : sender.vShard
    const unsigned = {
      version: rulesVersion,
      chainId: scheme.chainId,
      vShard: sender.vShard,
      keyType: 1,
      senderKey: sender.key.publicKey,
      nonce: sender.nonce++,
      gasLimit: GAS_LIMIT,
      maxFee: 10_000n,
      tip: 1n,
      expiryHeight: sender.expiry,
      call: {
        module: 'bank',
        method: 'transfer',
        args: transferArgsCodec.encode({ to: receiver.key.account, vShard: to, amount: 1n }),
      },
    }
    sender.last = signTransaction(context.transactions, unsigned, context.domain, (message) =>
      activeEd25519().sign(message, sender.key.secretKey),
    )
    transactions.push(sender.last)
  }
  return {
    transactions,
    senders: senders.map(({ address, nonce, last }) => ({
      address,
      nonce,
      lastId: last && toHex(transactionId(last)),
    })),
  }
}

type Sender = {
  readonly key: KeyPair
  readonly vShard: number
  readonly address: string
  nonce: number
  readonly expiry: number
  last: Uint8Array | undefined
}

/** Keys and nonces of the accounts, spread over the vShards; asked for in batches. */
async function readSenders(
  rpc: RpcClient,
  prefix: string,
  vShards: readonly number[],
  accounts: readonly { readonly secretKey: string }[],
): Promise<Sender[]> {
  const senders: Sender[] = []
  for (let i = 0; i < accounts.length; i += BATCH) {
    const keys = accounts.slice(i, i + BATCH).map(({ secretKey }, k) => {
      const key = keyPairFromSecret(fromHex(secretKey))
      const vShard = vShards[(i + k) % vShards.length] as number
      return { key, vShard, address: formatAddress({ account: key.account, vShard }, prefix) }
    })
    const states = await rpc.batch(keys.map(({ address }) => ['arm_getAccount', { address }] as const))
    keys.forEach((each, k) => {
      const state = states[k]
      if (!state?.ok) throw state?.reason ?? new ArmError('ARM_RPC_RESPONSE', 'an answer is missing')
      const { nextNonce, height } = state.value
      senders.push({ ...each, nonce: nextNonce, expiry: height + EXPIRY_BLOCKS, last: undefined })
    })
  }
  return senders
}
