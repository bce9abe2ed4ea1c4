import { fetchChainContext, type RpcClient } from '@armchain/client'
import {
  ArmError,
  activeEd25519,
  bank,
  compile,
  formatAddress,
  fromHex,
  keyPairFromSecret,
  signTransaction,
  type TransferArgs,
} from '@armchain/core'

export type LoadOptions = {
  readonly accounts: readonly { readonly secretKey: string }[]
  /** Transfers in all. */
  readonly count: number
  /** Part that goes to another vShard. */
  readonly crossPercent: number
  readonly onProgress?: (line: string) => void
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
const transferSchema = bank.calls?.['transfer']?.schema

/**
 * Signs transfers beforehand, submits them in the binary form, and waits until all are in durable blocks. The clock
 * runs from the first submission until the last block.
 */
export async function runLoad(
  rpc: RpcClient,
  { accounts, count, crossPercent, onProgress = () => {} }: LoadOptions,
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
  for (const { address, nonce } of watch) {
    while ((await rpc.call('arm_getAccount', { address })).nonce < nonce)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const wallMs = Math.round(performance.now() - start)
  return { included: count, wallMs, tps: Math.round((count / wallMs) * 1000), crossPercent }
}

async function prepare(
  rpc: RpcClient,
  accounts: readonly { readonly secretKey: string }[],
  count: number,
  crossPercent: number,
): Promise<{ batches: Uint8Array[][]; watch: { address: string; nonce: number }[] }> {
  const context = await fetchChainContext(rpc)
  const { network, scheme } = context
  const args = compile<TransferArgs>(transferSchema as NonNullable<typeof transferSchema>)
  const shards = network.shards.map(({ vShard }) => vShard).filter((vShard) => vShard !== 0)
  const usable = shards.length === 0 ? [0] : shards
  const senders = await Promise.all(
    accounts.map(async ({ secretKey }, i) => {
      const key = keyPairFromSecret(fromHex(secretKey))
      const vShard = usable[i % usable.length] as number
      const address = formatAddress({ account: key.account, vShard }, network.addressPrefix)
      const state = await rpc.call('arm_getAccount', { address })
      return { key, vShard, address, nonce: state.nextNonce, expiry: state.height + 100_000 }
    }),
  )
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
        args: args.encode({ to: receiver.key.account, vShard: to, amount: 1n }),
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
