// Signs a part of the senders' transfers beforehand, packed as the bodies of binary submits.
import { parentPort, workerData } from 'node:worker_threads'
import { activeEd25519, signTransaction, toHex, transactionId, transferArgsCodec } from '@armchain/core'
import { genesisOf, otherAccount, othersOf, runtimeOf, type Sender, type Setting, sendersOf } from './chain.ts'

export type SignJob = {
  readonly setting: Setting
  /** This worker's place among the workers. */
  readonly index: number
  readonly workers: number
  /** Transfers in a body, bodies of this worker, and each sender's first nonce. */
  readonly batch: number
  readonly bodies: number
  readonly firstNonce: number
  readonly expiryHeight: number
}

/** A body, and the id of its last transfer, which stands for all of it. */
export type SignedBody = { readonly body: Uint8Array<ArrayBuffer>; readonly lastId: string }

const job = workerData as SignJob
const runtime = runtimeOf(genesisOf(job.setting))
const own = sendersOf(job.setting).filter((_, i) => i % job.workers === job.index)
const others = othersOf(job.setting)
let next = 0
for (let i = 0; i < job.bodies; i++) {
  const signed = body()
  parentPort?.postMessage(signed, [signed.body.buffer])
}

function body(): SignedBody {
  const raws = Array.from({ length: job.batch }, () => {
    const n = next++
    return transfer(own[n % own.length] as Sender, job.firstNonce + Math.floor(n / own.length), n)
  })
  const bytes = new Uint8Array(raws.reduce((sum, raw) => sum + 4 + raw.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const raw of raws) {
    view.setUint32(at, raw.length)
    bytes.set(raw, at + 4)
    at += 4 + raw.length
  }
  return { body: bytes, lastId: toHex(transactionId(raws.at(-1) as Uint8Array)) }
}

function transfer({ key, vShard }: Sender, nonce: number, n: number): Uint8Array {
  const to = otherAccount(vShard, (n * 7_919 + 13 * job.index) % others)
  return signTransaction(
    runtime.transactions,
    {
      version: 1,
      chainId: 1337,
      vShard,
      keyType: 1,
      senderKey: key.publicKey,
      nonce,
      gasLimit: 3_000,
      maxFee: 10_000n,
      tip: 1n,
      expiryHeight: job.expiryHeight,
      call: { module: 'bank', method: 'transfer', args: transferArgsCodec.encode({ to, vShard, amount: 1n }) },
    },
    runtime.txDomain,
    (message) => activeEd25519().sign(message, key.secretKey),
  )
}
