import { ArmError, blob, type Codec, compile, isArmError, type StructSchema, struct, u8, u16 } from '@armchain/core'
import { ENVELOPE_BYTES_MAX, EXTENSIONS_MAX } from './limits.ts'

/**
 * The form of every message inside the secure channel (requirement A5): `[version, encoding, type, flags, body, ...]` in
 * the canonical codec, so the head sits at fixed offsets, and is read and passed on without looking at the body.
 *
 * Rules, for this version and all to come:
 * 1. The five fields stay what and where they are. Later versions add fields after the body, each a byte string.
 * 2. The encoding is chosen message by message; both ends take any at any time.
 * 3. A router passes on the bytes that it received, whatever version, encoding, type, flags or further fields they have.
 * 4. A receiver that does not know the version, the encoding, the type, or a flag in the upper half (`FLAGS_CRITICAL`)
 *    ignores the message and blames nobody. Unknown flags in the lower half, and unknown further fields, change nothing.
 */
export type Envelope = EnvelopeHead & {
  readonly body: Uint8Array
  /** Fields after the body, for versions that know them. */
  readonly extensions: readonly Uint8Array[]
}

export type EnvelopeHead = {
  readonly version: number
  readonly encoding: number
  /** What the body means: see `MessageType`. */
  readonly type: number
  readonly flags: number
}

export const ENVELOPE_VERSION = 1

/** How the body is written. */
export const ENCODING_PLAIN = 0
/** The body is compressed: see `Compressor`. */
export const ENCODING_ZSTD = 1
/** The body is for one recipient alone: see `seal`. */
export const ENCODING_SEALED = 2

/** Of a sealed envelope: what is inside is compressed. */
export const FLAG_COMPRESSED = 0x0001
/** Flags that a receiver must know to understand the message. There are none yet. */
export const FLAGS_CRITICAL = 0xff00

/** Offsets of the head's values; a test holds them against the codec. */
const VERSION_AT = 2
const ENCODING_AT = 4
const TYPE_AT = 6
const FLAGS_AT = 9
/** Bytes before the body. */
export const ENVELOPE_HEAD_BYTES = 16
/** MessagePack: an array of up to 15, a byte, two bytes, a byte string with a length of four bytes. */
const ARRAY = 0x90
const U8 = 0xcc
const U16 = 0xcd
const BLOB = 0xc6
const FIELDS_MIN = 5

/**
 * Reads the head of an envelope of any version.
 *
 * @returns Undefined if the bytes are no envelope of any version, or are too many: no correct peer passes them on.
 */
export function readEnvelopeHead(bytes: Uint8Array): EnvelopeHead | undefined {
  if (bytes.length < ENVELOPE_HEAD_BYTES || bytes.length > ENVELOPE_BYTES_MAX) return undefined
  const fields = (bytes[0] as number) - ARRAY
  const tags =
    bytes[VERSION_AT - 1] === U8 &&
    bytes[ENCODING_AT - 1] === U8 &&
    bytes[TYPE_AT - 1] === U16 &&
    bytes[FLAGS_AT - 1] === U16
  if (!tags || fields < FIELDS_MIN || fields > FIELDS_MIN + EXTENSIONS_MAX) return undefined
  if (!endsAfter(bytes, ENVELOPE_HEAD_BYTES - 5, fields - FIELDS_MIN + 1)) return undefined
  const u16At = (at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  return {
    version: bytes[VERSION_AT] as number,
    encoding: bytes[ENCODING_AT] as number,
    type: u16At(TYPE_AT),
    flags: u16At(FLAGS_AT),
  }
}

/** @throws ArmError ARM_CODEC_VALUE if a field does not fit; ARM_ARGUMENT for more than `EXTENSIONS_MAX` further ones. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  const { version, encoding, type, flags, body, extensions } = envelope
  if (extensions.length > EXTENSIONS_MAX)
    throw new ArmError('ARM_ARGUMENT', 'extensions: more than an envelope may have', { max: EXTENSIONS_MAX })
  const named = Object.fromEntries(extensions.map((extension, i) => [extensionName(i), extension]))
  return codecFor(extensions.length).encode({ version, encoding, type, flags, body, ...named })
}

/** Undefined for what `readEnvelopeHead` refuses. Body and further fields are views of `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length > ENVELOPE_BYTES_MAX) return undefined
  const count = ((bytes[0] ?? 0) & 0x0f) - FIELDS_MIN
  if (count < 0 || count > EXTENSIONS_MAX) return undefined
  try {
    const { version, encoding, type, flags, body, ...named } = codecFor(count).decode(bytes)
    return { version, encoding, type, flags, body, extensions: Object.values(named) }
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

/** True if exactly `count` byte strings fill the bytes from `at` on. */
function endsAfter(bytes: Uint8Array, at: number, count: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let next = at
  for (let i = 0; i < count; i++) {
    if (next + 5 > bytes.length || bytes[next] !== BLOB) return false
    next += 5 + view.getUint32(next + 1)
  }
  return next === bytes.length
}

type Fields = EnvelopeHead & { readonly body: Uint8Array } & { readonly [extension: `x${number}`]: Uint8Array }

/** By the number of further fields; made when first needed. */
const codecs: Codec<Fields>[] = []

function codecFor(extensions: number): Codec<Fields> {
  codecs[extensions] ??= compile<Fields>(schemaFor(extensions))
  return codecs[extensions] as Codec<Fields>
}

function schemaFor(extensions: number): StructSchema {
  return struct(
    ['version', u8],
    ['encoding', u8],
    ['type', u16],
    ['flags', u16],
    ['body', blob(ENVELOPE_BYTES_MAX)],
    ...Array.from({ length: extensions }, (_, i) => [extensionName(i), blob(ENVELOPE_BYTES_MAX)] as const),
  )
}

function extensionName(index: number): `x${number}` {
  return `x${index}`
}
