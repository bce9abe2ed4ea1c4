import { hash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { parentPort } from 'node:worker_threads'
import { createEd25519Kernel } from '@armchain/ed25519-batch'
import { AccountCache } from './account-cache.ts'
import { VERDICT_INVALID, VERDICT_KEY, type VerifyJob, type VerifyResult } from './verify-job.ts'

// The kernel is small and runs for the node's whole life: optimised at once, it never runs at a third of its speed.
setFlagsFromString('--no-liftoff')

/** A verifying thread: signatures by the kernel, a batch at a time; ids and accounts by OpenSSL. */
const kernel = createEd25519Kernel()

const KNOWN_MAX = 200_000
const SIGNATURE_FIELD = 66
const KEY_TYPE = 1
const known = new AccountCache(accountOf, { keysMax: KNOWN_MAX, secret: crypto.getRandomValues(new Uint32Array(4)) })

parentPort?.on('message', (job: VerifyJob) => {
  const { id, data, offsets } = job
  const verdicts = kernel.verifyBatch(job)
  const parts =
    job.type === 'items' ? { ids: new Uint8Array(0), accounts: new Uint8Array(0) } : nameTransactions(job, verdicts)
  const result: VerifyResult = { id, data, offsets, verdicts, ...parts }
  const transfer = [data, offsets, verdicts, parts.ids, parts.accounts].map((array) => array.buffer as ArrayBuffer)
  parentPort?.postMessage(result, [...new Set(transfer)])
})

/** Ids of all, and the senders' accounts; a key that may not own one is a verdict of its own. */
function nameTransactions(
  { data, offsets, keyOffset }: VerifyJob & { type: 'transactions' },
  verdicts: Uint8Array,
): Pick<VerifyResult, 'ids' | 'accounts'> {
  const count = offsets.length - 1
  const ids = new Uint8Array(32 * count)
  const accounts = new Uint8Array(32 * count)
  for (let i = 0; i < count; i++) {
    const start = offsets[i] as number
    const end = offsets[i + 1] as number
    write(ids, 32 * i, hash('sha256', data.subarray(start, end), 'binary'))
    if (end - start < keyOffset + 32 + SIGNATURE_FIELD) {
      verdicts[i] = VERDICT_INVALID
      continue
    }
    if (!known.write(data, start + keyOffset, accounts, 32 * i)) verdicts[i] = VERDICT_KEY
  }
  return { ids, accounts }
}

/** The account id of a key; undefined if it may not own one. */
function accountOf(key: Uint8Array): Uint8Array | undefined {
  return kernel.isAccountKey(key) ? hash('sha256', Buffer.concat([Buffer.of(KEY_TYPE), key]), 'buffer') : undefined
}

function write(out: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < 32; i++) out[at + i] = text.charCodeAt(i)
}
