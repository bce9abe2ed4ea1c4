import { fetchChainContext, type RpcClient } from '@armchain/client'
import {
  ArmError,
  activeEd25519,
  formatAddress,
  fromHex,
  type KeyPair,
  keyPairFromSecret,
  signTransaction,
  transferArgsCodec,
} from '@armchain/core'

export type LoadOptions = {
  readonly accounts: readonly { readonly secretKey: string }[]
  /** Transfers in all. */
  readonly count: number
  /** Part that goes to another vShard. */
  readonly crossPercent: number
  readonly onProgress?: (line: string) => void
  /** How long an account may stay where it is before the load gives up; a minute by default. */
  readonly stallMs?: number
}

export type LoadResult = {
  readonly included: number
  readonly wallMs: number
  readonly tps: number
  readonly crossPercent: number
}

const BATCH = 500
const IN_FLIGHT = 4
const GAS_LIMIT = 3_000
const STALL_MS = 60_000
const POLL_MS = 5

/**
 * Signs transfers beforehand, submits them in the binary form, and waits until all are in durable blocks. The clock
 * runs from the first submission until the last block.
 */
export async function runLoad(
  rpc: RpcClient,
  { accounts, count, crossPercent, onProgress = () => {}, stallMs = STALL_MS }: LoadOptions,
): Promise<LoadResult> {
  onProgress(`signing ${count} transfers`)
  const { batches, watch } = await prepare(rpc, accounts, count, crossPercent)
  onProgress('submitting')
  const start = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) {
        const { refused } = await rpc.submitRaw(batch)
        const [first] = refused
        if (first !== undefined)
          throw new ArmError('ARM_RPC_RESPONSE', `the node refused a transfer: ${first.code} ${first.message}`, {
            refused: refused.length,
            hint: 'are the accounts in use elsewhere?',
          })
      }
    }),
  )
  for (const sender of watch) await reach(rpc, sender, stallMs)
  const wallMs = Math.max(1, Math.round(performance.now() - start))
  return { included: count, wallMs, tps: Math.round((count / wallMs) * 1000), crossPercent }
}

type Target = { readonly address: string; readonly nonce: number }

/** Waits until an account has come to a nonce. Throws `ARM_RPC_TIMEOUT` where it no longer comes nearer. */
async function reach(rpc: RpcClient, { address, nonce }: Target, stallMs: number): Promise<void> {
  let seen = -1
  let sinceMs = performance.now()
  for (;;) {
    const now = (await rpc.call('arm_getAccount', { address })).nonce
    if (now >= nonce) return
    if (now !== seen) sinceMs = performance.now()
    else if (performance.now() - sinceMs > stallMs)
      throw new ArmError('ARM_RPC_TIMEOUT', `${address} stays at nonce ${now} of ${nonce}`, {
        hint: 'blocks may be made by hand only (dev_mine), or transfers have been dropped from the pool',
      })
    seen = now
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function prepare(
  rpc: RpcClient,
  accounts: readonly { readonly secretKey: string }[],
  count: number,
  crossPercent: number,
): Promise<{ batches: Uint8Array[][]; watch: Target[] }> {
  const context = await fetchChainContext(rpc)
  const { network, scheme } = context
  const shards = network.shards.map(({ vShard }) => vShard).filter((vShard) => vShard !== 0)
  const usable = shards.length === 0 ? [0] : shards
  const senders = await readSenders(rpc, network.addressPrefix, usable, accounts)
  const raws: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const sender = senders[i % senders.length] as (typeof senders)[number]
    const receiver = senders[(i * 7 + 1) % senders.length] as (typeof senders)[number]
    const cross = usable.length > 1 && (i * 37) % 100 < crossPercent
    const to = cross ? (usable[(usable.indexOf(sender.vShard) + 1) % usable.length] as number) : sender.vShard
    const unsigned = {
      version: scheme.version,
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
    raws.push(
      signTransaction(context.transactions, unsigned, context.domain, (message) =>
        activeEd25519().sign(message, sender.key.secretKey),
      ),
    )
  }
  const batches: Uint8Array[][] = []
  for (let i = 0; i < raws.length; i += BATCH) batches.push(raws.slice(i, i + BATCH))
  return { batches, watch: senders.map(({ address, nonce }) => ({ address, nonce })) }
}

type Sender = {
  readonly key: KeyPair
  readonly vShard: number
  readonly address: string
  nonce: number
  readonly expiry: number
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
      senders.push({ ...each, nonce: state.value.nextNonce, expiry: state.value.height + EXPIRY_BLOCKS })
    })
  }
  return senders
}

const EXPIRY_BLOCKS = 100_000
