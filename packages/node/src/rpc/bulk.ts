import { ArmError, copy32 } from '@armchain/core'
import { submitFailure } from './request.ts'
import type { ChunkWriter, SubmitResult, Submitter } from './submit.ts'

/** The binary submit: `u32` big-endian length, then the bytes, again and again. */

const LENGTH_BYTES = 4

/** Whether the answer names each transaction's id. */
export type BulkIds = 'with-ids' | 'without-ids'

/** Submits all transactions of a body; the answer as JSON. Throws `ARM_RPC_PARSE` or `ARM_RPC_TOO_LARGE`. */
export async function submitBulk(
  body: Uint8Array,
  ids: BulkIds,
  limitCalls: number,
  submitter: Submitter,
): Promise<string> {
  const raws = readFrames(body, limitCalls, submitter.writer)
  return bulkText(raws.length === 0 ? [] : await submitter.submitNow(raws), ids)
}

/** Checked as a whole before any is submitted: a broken body submits nothing. */
export function readFrames(body: Uint8Array, limitCalls: number, writer: ChunkWriter): readonly Uint8Array[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const raws: Uint8Array[] = []
  for (let offset = 0; offset < body.length; ) {
    if (raws.length >= limitCalls)
      throw new ArmError('ARM_RPC_TOO_LARGE', `one submit takes at most ${limitCalls} transactions`, { limitCalls })
    if (body.length - offset < LENGTH_BYTES) throw badFrame('the length is cut short', offset, raws.length)
    const length = view.getUint32(offset)
    const start = offset + LENGTH_BYTES
    if (length > body.length - start) throw badFrame('the transaction is cut short', offset, raws.length)
    raws.push(writer.copy(body, start, length))
    offset = start + length
  }
  return raws
}

function badFrame(message: string, offset: number, index: number): ArmError {
  return new ArmError('ARM_RPC_PARSE', `${message} at byte ${offset}`, {
    offset,
    index,
    hint: 'each transaction is its length as a big-endian u32, then its bytes',
  })
}

function bulkText(results: readonly SubmitResult[], ids: BulkIds): string {
  let accepted = 0
  let refused = ''
  for (let index = 0; index < results.length; index++) {
    const result = results[index] as SubmitResult
    if (result.ok) {
      accepted++
      continue
    }
    const { code, message } = submitFailure(result)
    refused += `${refused === '' ? '' : ','}{"index":${index},"code":"${code}","message":${JSON.stringify(message)}}`
  }
  return `{"accepted":${accepted},"refused":[${refused}]${ids === 'with-ids' ? `,"txIds":[${idsText(results)}]` : ''}}`
}

/** Cut from the hex of all ids together: turned into text one by one, they would be an eighth of what a transaction allocates. */
function idsText(results: readonly SubmitResult[]): string {
  const ids = Buffer.alloc(32 * results.length)
  for (let i = 0; i < results.length; i++) {
    const result = results[i] as SubmitResult
    if (result.ok) copy32(result.id, 0, ids, 32 * i)
  }
  const hex = ids.toString('hex')
  return results.map(({ ok }, i) => (ok ? `"${hex.slice(64 * i, 64 * (i + 1))}"` : 'null')).join(',')
}
