import { hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { nobleEd25519, surelyInvalid } from '../crypto/noble-ed25519.ts'
import { createFastFilter, judge } from './native-ed25519.ts'
import {
  VERDICT_INVALID,
  VERDICT_KEY,
  VERDICT_UNJUDGED,
  VERDICT_VALID,
  type VerifyJob,
  type VerifyResult,
} from './verify-job.ts'

/**
 * A verifying thread. As a *filter* it leaves what the native library refuses unjudged; as a *judge* it decides those
 * by the reference. Two kinds, so that junk delays only junk.
 */
const judging: boolean = (workerData as { judging: boolean }).judging
const filter = createFastFilter()

/** Keys known to be good, with their account ids: a key is checked once. */
const known = new Map<string, string>()
const KNOWN_MAX = 200_000
const SIGNATURE_FIELD = 66
const KEY_TYPE = '\x01'

parentPort?.on('message', (job: VerifyJob) => {
  const result = job.type === 'items' ? verifyItems(job) : verifyTransactions(job)
  const transfer = [result.data, result.offsets, result.verdicts, result.ids, result.accounts].map(
    (array) => array.buffer as ArrayBuffer,
  )
  parentPort?.postMessage(result, [...new Set(transfer)])
})

function verifyItems({ id, data, offsets }: VerifyJob): VerifyResult {
  const count = offsets.length - 1
  const verdicts = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const at = offsets[i] as number
    const publicKey = data.subarray(at, at + 32)
    const signature = data.subarray(at + 32, at + 96)
    const message = data.subarray(at + 96, offsets[i + 1])
    verdicts[i] = decide(publicKey, message, signature)
  }
  return { id, data, offsets, verdicts, ids: new Uint8Array(0), accounts: new Uint8Array(0) }
}

function verifyTransactions({
  id,
  data,
  offsets,
  domain,
  keyOffset,
}: VerifyJob & { type: 'transactions' }): VerifyResult {
  const count = offsets.length - 1
  const verdicts = new Uint8Array(count)
  const ids = new Uint8Array(32 * count)
  const accounts = new Uint8Array(32 * count)
  let message = new Uint8Array(1024)
  for (let i = 0; i < count; i++) {
    const start = offsets[i] as number
    const end = offsets[i + 1] as number
    write(ids, 32 * i, hash('sha256', data.subarray(start, end), 'binary'))
    const signed = end - start - SIGNATURE_FIELD
    if (signed < keyOffset + 32) continue
    const publicKey = data.subarray(start + keyOffset, start + keyOffset + 32)
    const account = accountOf(publicKey)
    if (account === undefined) {
      verdicts[i] = judging ? VERDICT_KEY : VERDICT_UNJUDGED
      continue
    }
    write(accounts, 32 * i, account)
    if (message.length < 32 + signed) message = new Uint8Array(2 * (32 + signed))
    message.set(domain)
    message.set(data.subarray(start, start + signed), 32)
    verdicts[i] = decide(publicKey, message.subarray(0, 32 + signed), data.subarray(end - 64, end))
  }
  return { id, data, offsets, verdicts, ids, accounts }
}

function decide(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): number {
  if (judging) return judge({ publicKey, message, signature }) ? VERDICT_VALID : VERDICT_INVALID
  if (surelyInvalid({ publicKey, message, signature })) return VERDICT_INVALID
  return filter.accepts(publicKey, message, signature) ? VERDICT_VALID : VERDICT_UNJUDGED
}

/** The account id of a key that may own one, as latin1 text; undefined if it may not, or if a judge has to say. */
function accountOf(publicKey: Uint8Array): string | undefined {
  const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, 32).toString('latin1')
  const found = known.get(name)
  if (found !== undefined) return found
  if (!filter.acceptsKey(publicKey) && !(judging && nobleEd25519.isAccountKey(publicKey))) return undefined
  const account = hash('sha256', Buffer.from(KEY_TYPE + name, 'latin1'), 'binary')
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(name, account)
  return account
}

function write(out: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < 32; i++) out[at + i] = text.charCodeAt(i)
}
