import { ArmError } from '../errors.ts'

/** The pieces that generated and interpreted codecs share: checks on values, text, and failures. */

const scratch = new DataView(new ArrayBuffer(8))
const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const U64_MAX = 2n ** 64n - 1n

export function fail(offset: number, why: string): never {
  throw new ArmError('ARM_CODEC_INPUT', `malformed input: ${why}`, { offset })
}

export function badValue(why: string, value: unknown): never {
  throw new ArmError('ARM_CODEC_VALUE', `value does not fit the schema: ${why}`, { kind: typeof value })
}

export function checkUint(value: unknown, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value
  return badValue(`expected an integer in [0, ${max}]`, value)
}

export function writeU32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24
  out[at + 1] = value >>> 16
  out[at + 2] = value >>> 8
  out[at + 3] = value
}

export function writeU53(value: unknown, out: Uint8Array, at: number): void {
  const checked = checkUint(value, Number.MAX_SAFE_INTEGER)
  writeU32(out, at, Math.floor(checked / 0x1_0000_0000))
  writeU32(out, at + 4, checked >>> 0)
}

export function writeU64(value: unknown, out: Uint8Array, at: number): void {
  if (typeof value !== 'bigint' || value < 0n || value > U64_MAX) badValue('expected a bigint in [0, 2^64)', value)
  scratch.setBigUint64(0, value as bigint)
  writeU32(out, at, scratch.getUint32(0))
  writeU32(out, at + 4, scratch.getUint32(4))
}

export function readU32(input: Uint8Array, at: number): number {
  return (
    (input[at] as number) * 0x100_0000 +
    (((input[at + 1] as number) << 16) | ((input[at + 2] as number) << 8) | (input[at + 3] as number))
  )
}

export function readU53(input: Uint8Array, at: number): number {
  const high = readU32(input, at)
  if (high > 0x1f_ffff) fail(at, 'integer above 2^53 - 1')
  return high * 0x1_0000_0000 + readU32(input, at + 4)
}

export function readU64(input: Uint8Array, at: number): bigint {
  scratch.setUint32(0, readU32(input, at))
  scratch.setUint32(4, readU32(input, at + 4))
  return scratch.getBigUint64(0)
}

export function checkBytes(value: unknown, min: number, max: number): Uint8Array {
  if (value instanceof Uint8Array && value.length >= min && value.length <= max) return value
  return badValue(min === max ? `expected ${max} bytes` : `expected at most ${max} bytes`, value)
}

export function checkList(value: unknown, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= max) return value
  return badValue(`expected a list of at most ${max} items`, value)
}

export function checkRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  return badValue('expected an object', value)
}

export function checkBool(value: unknown): boolean {
  return typeof value === 'boolean' ? value : badValue('expected a boolean', value)
}

/** Text is short (names, codes), so it is encoded twice: once to size, once to write. */
export function encodeText(value: unknown, max: number): Uint8Array {
  if (typeof value !== 'string' || !value.isWellFormed()) return badValue('expected well-formed text', value)
  const encoded = textEncoder.encode(value)
  return encoded.length <= max ? encoded : badValue(`text is longer than ${max} bytes`, value)
}

export function textSize(value: unknown, max: number): number {
  if (typeof value === 'string' && isAscii(value) && value.length <= max) return value.length
  return encodeText(value, max).length
}

export function writeText(value: unknown, out: Uint8Array, at: number, max: number): number {
  if (typeof value === 'string' && isAscii(value)) {
    for (let i = 0; i < value.length; i++) out[at + i] = value.charCodeAt(i)
    return at + value.length
  }
  const encoded = encodeText(value, max)
  out.set(encoded, at)
  return at + encoded.length
}

/** Names come again and again: the same text is given for the same bytes, and whatever finds things by it has its hash. */
const NAME_BYTES = 24
const NAME_SLOTS = 256
const names: (string | undefined)[] = new Array(NAME_SLOTS).fill(undefined)

export function decodeText(input: Uint8Array, from: number, to: number): string {
  const isName = to - from <= NAME_BYTES
  let hash = 0
  for (let i = from; i < to; i++) {
    const byte = input[i] as number
    if (byte >= 0x80) return decodeUtf8(input, from, to)
    if (isName) hash = Math.imul(hash ^ byte, 0x0100_0193)
  }
  if (!isName) return asciiText(input, from, to)
  const slot = (hash ^ (hash >>> 15)) & (NAME_SLOTS - 1)
  const known = names[slot]
  if (known !== undefined && isText(known, input, from, to)) return known
  const text = asciiText(input, from, to)
  names[slot] = text
  return text
}

function isText(text: string, input: Uint8Array, from: number, to: number): boolean {
  if (text.length !== to - from) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== input[from + i]) return false
  return true
}

function asciiText(input: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(input[i] as number)
  return text
}

function decodeUtf8(input: Uint8Array, from: number, to: number): string {
  try {
    return textDecoder.decode(input.subarray(from, to))
  } catch {
    return fail(from, 'text is not valid UTF-8')
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

/** Writes the header of `blob`, `text` or `bytes`; its width depends on the type's maximum alone. */
export function writeLengthHeader(out: Uint8Array, at: number, length: number, max: number, isText: boolean): number {
  if (max <= 0xff) {
    out[at] = isText ? 0xd9 : 0xc4
    out[at + 1] = length
    return at + 2
  }
  if (max <= 0xffff) {
    out[at] = isText ? 0xda : 0xc5
    out[at + 1] = length >>> 8
    out[at + 2] = length
    return at + 3
  }
  out[at] = isText ? 0xdb : 0xc6
  writeU32(out, at + 1, length)
  return at + 5
}

export function writeListHeader(out: Uint8Array, at: number, count: number, max: number): number {
  if (max <= 0xffff) {
    out[at] = 0xdc
    out[at + 1] = count >>> 8
    out[at + 2] = count
    return at + 3
  }
  out[at] = 0xdd
  writeU32(out, at + 1, count)
  return at + 5
}
