import { ArmError } from './errors.ts'

const HEX_CODES = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** Bytes turned into text at a time: what one call may take as arguments, and the buffer that is kept. */
const HEX_CHUNK = 1_024
const hexCodes = new Uint8Array(2 * HEX_CHUNK)

/** Lower-case hex without a prefix. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += HEX_CHUNK) {
    const end = Math.min(bytes.length, start + HEX_CHUNK)
    for (let i = start, at = 0; i < end; i++) {
      const byte = bytes[i] as number
      hexCodes[at++] = HEX_CODES[byte >> 4] as number
      hexCodes[at++] = HEX_CODES[byte & 15] as number
    }
    // One flat string: pieces put together would be flattened again whenever it is looked up.
    text += String.fromCharCode.apply(null, hexCodes.subarray(0, 2 * (end - start)) as unknown as number[])
  }
  return text
}

/** Reads hex, with or without `0x`. Throws `ARM_HEX` on anything else. */
export function fromHex(text: string): Uint8Array {
  const start = text.startsWith('0x') ? 2 : 0
  const digits = text.length - start
  if (digits % 2 !== 0) throw new ArmError('ARM_HEX', 'hex text has an odd number of digits', { digits })
  const bytes = new Uint8Array(digits / 2)
  for (let i = 0; i < bytes.length; i++) {
    const high = hexDigit(text.charCodeAt(start + 2 * i))
    const low = hexDigit(text.charCodeAt(start + 2 * i + 1))
    if (high < 0 || low < 0)
      throw new ArmError('ARM_HEX', 'text holds a character that is not hex', { index: start + 2 * i })
    bytes[i] = (high << 4) | low
  }
  return bytes
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Copies 32 bytes. A loop, as `set` needs a view made for each copy: there are dozens a transaction. */
export function copy32(from: Uint8Array, start: number, to: Uint8Array, at: number): void {
  for (let i = 0; i < 32; i++) to[at + i] = from[start + i] as number
}

/** Unsigned byte order; a prefix comes before what it is a prefix of. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

const SLAB_BYTES = 4_096
/** Larger ones get memory of their own: a slab holds several at least. */
const CARVED_BYTES_MAX = SLAB_BYTES / 8
let slab = new ArrayBuffer(SLAB_BYTES)
let carvedBytes = 0

/**
 * Zeroed bytes that may share their buffer with others. For what is made in great numbers and soon forgotten: a JavaScript
 * engine keeps arrays above 64 bytes outside its heap, and takes ten times as long to make them and again to free them.
 * The buffer lives as long as anything in it, and must not be transferred to another thread.
 */
export function carveBytes(sizeBytes: number): Uint8Array {
  if (sizeBytes > CARVED_BYTES_MAX) return new Uint8Array(sizeBytes)
  if (carvedBytes + sizeBytes > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES)
    carvedBytes = 0
  }
  const carved = new Uint8Array(slab, carvedBytes, sizeBytes)
  carvedBytes += sizeBytes
  return carved
}

const encoder = new TextEncoder()

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

function hexDigit(charCode: number): number {
  if (charCode >= 48 && charCode <= 57) return charCode - 48
  if (charCode >= 97 && charCode <= 102) return charCode - 87
  if (charCode >= 65 && charCode <= 70) return charCode - 55
  return -1
}
