// Runs in the browser: a payment, its receipt, and the new balance checked against a certified head.
import { createLightClient, createRpcClient, createWallet, trustOnFirstUse } from '@armchain/client'
import { fromHex, keyPairFromSecret, parseAc } from '@armchain/core'

declare const setup: { readonly url: string; readonly secretKey: string; readonly to: string }

async function pay(): Promise<string> {
  const rpc = createRpcClient({ url: setup.url })
  const root = await trustOnFirstUse(rpc)
  const light = createLightClient(rpc, root)
  const before = (await light.account(setup.to)).account?.balance ?? 0n
  const heads: unknown[] = []
  const subscription = await rpc.subscribe('heads', { vShard: 1 }, (head) => heads.push(head))
  const wallet = await createWallet(rpc, keyPairFromSecret(fromHex(setup.secretKey)), { root })
  const receipt = await wallet.wait(await wallet.transfer(setup.to, parseAc('1.5')))
  const { account, head } = await light.account(setup.to)
  if (!receipt.ok || account?.balance !== before + parseAc('1.5'))
    throw new Error('the payment is not in the proven balance')
  if (heads.length === 0) throw new Error('no head came over the WebSocket')
  await subscription[Symbol.asyncDispose]()
  await rpc.close()
  return `paid in block ${receipt.height}, balance proven at height ${head.height}, ${heads.length} heads over WebSocket`
}

const result = await pay().then(
  (detail) => ({ ok: true, detail }),
  (error: unknown) => ({ ok: false, detail: String(error) }),
)
await fetch('/', { method: 'POST', body: JSON.stringify(result) })
