import { ArmError } from '../errors.ts'
import { compileReader, compileWriter } from './generate.ts'
import { interpretReader, interpretWriter } from './interpret.ts'
import { checkSchema, type Schema } from './schema.ts'

/** Writes a value from `at` and returns the offset after it. Values have been sized before. */
export type Writer = {
  readonly size: (value: unknown) => number
  readonly write: (value: unknown, out: Uint8Array, at: number) => number
}
/** Reads one value from `at` within `[0, end)`, and leaves the offset after it in `position.at`. */
export type Reader = (input: Uint8Array, at: number, end: number, position: { at: number }) => unknown

export interface Codec<Value> {
  readonly schema: Schema
  /** Throws `ARM_CODEC_VALUE` where the value does not fit the schema. */
  encode(value: Value): Uint8Array
  /** Bytes that `encode` will give. */
  size(value: Value): number
  /** Encodes into `out` from `at`; returns the offset after the value. */
  encodeInto(value: Value, out: Uint8Array, at: number): number
  /**
   * Strict: the one encoding of a value and nothing after it, else `ARM_CODEC_INPUT`.
   * Byte strings in the result alias `input`, which must not change afterwards.
   */
  decode(input: Uint8Array): Value
  /**
   * As `decode`, for values that are kept while few look at their byte strings: of a struct, byte strings are made anew
   * each time they are read. They are no own properties then, so spreading the struct leaves them out.
   */
  view(input: Uint8Array): Value
  /** Decodes a value that starts at `at`; `next` is the offset after it. */
  decodeAt(input: Uint8Array, at: number): { readonly value: Value; readonly next: number }
}

/**
 * Compiles a schema to straight-line code, or to closures where the platform forbids code from text (a strict
 * content security policy): both accept and write the same bytes.
 */
export function compile<Value>(schema: Schema, how: 'auto' | 'generated' | 'interpreted' = 'auto'): Codec<Value> {
  checkSchema(schema)
  const generated = how === 'generated' || (how === 'auto' && codeFromTextAllowed())
  const { size, write } = generated ? compileWriter(schema) : interpretWriter(schema)
  const read = generated ? compileReader(schema, 'at-once') : interpretReader(schema)
  let readView: Reader | undefined

  function whole(reader: Reader, input: Uint8Array): Value {
    const position = { at: 0 }
    const value = reader(input, 0, input.length, position) as Value
    if (position.at === input.length) return value
    throw new ArmError('ARM_CODEC_INPUT', 'bytes after the end of the value', {
      offset: position.at,
      length: input.length,
    })
  }
  return {
    schema,
    size: (value) => size(value),
    encode(value) {
      const out = new Uint8Array(size(value))
      write(value, out, 0)
      return out
    },
    encodeInto: (value, out, at) => write(value, out, at),
    decode: (input) => whole(read, input),
    view(input) {
      readView ??= generated ? compileReader(schema, 'on-demand') : read
      return whole(readView, input)
    },
    decodeAt(input, at) {
      const position = { at }
      const value = read(input, at, input.length, position) as Value
      return { value, next: position.at }
    },
  }
}

let allowed: boolean | undefined

function codeFromTextAllowed(): boolean {
  if (allowed === undefined) {
    try {
      allowed = new Function('return 1')() === 1
    } catch {
      allowed = false
    }
  }
  return allowed
}
