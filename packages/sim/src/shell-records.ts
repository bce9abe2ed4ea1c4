import { carveBytes, invariant } from '@armchain/core'

/** Records of the log by kind and epoch: a kind byte, the epoch in four bytes, then what the engine or the shell wrote. */
export const RecordKind = { engine: 1, amnesia: 2 } as const
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind]

export type ShellRecord = { readonly kind: RecordKind; readonly epoch: number; readonly bytes: Uint8Array }

const FRAME_BYTES = 5

export function writeRecord(kind: RecordKind, epoch: number, bytes: Uint8Array): Uint8Array {
  const record = carveBytes(FRAME_BYTES + bytes.length)
  record[0] = kind
  record[1] = epoch >>> 24
  record[2] = epoch >>> 16
  record[3] = epoch >>> 8
  record[4] = epoch
  record.set(bytes, FRAME_BYTES)
  return record
}

export function readRecord(record: Uint8Array): ShellRecord {
  const kind = record[0]
  invariant(kind === RecordKind.engine || kind === RecordKind.amnesia, 'the log holds a record of unknown kind')
  const epoch = new DataView(record.buffer, record.byteOffset).getUint32(1)
  return { kind, epoch, bytes: record.subarray(FRAME_BYTES) }
}

/** The guard: epoch and view of the last vote. Without a view nothing is known of the votes. */
export function writeGuard(epoch: number, guardView: number | undefined): Uint8Array {
  guardView64.setUint32(0, epoch)
  guardView64.setUint8(4, guardView === undefined ? 0 : 1)
  guardView64.setFloat64(5, guardView ?? 0)
  return guardBytes.slice()
}

/** What `writeGuard` copies: a view of an array costs more than the array. */
const guardBytes = new Uint8Array(13)
const guardView64 = new DataView(guardBytes.buffer)

export function readGuard(bytes: Uint8Array): { readonly epoch: number; readonly guardView?: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const epoch = view.getUint32(0)
  return view.getUint8(4) === 0 ? { epoch } : { epoch, guardView: view.getFloat64(5) }
}
