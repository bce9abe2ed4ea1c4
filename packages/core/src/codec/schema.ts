import { ArmError } from '../errors.ts'

/**
 * The shape of a value, as data: a scheme carries schemas as text, and `compile` turns them into a codec.
 *
 * Every type has exactly one MessagePack form, of a width fixed by the type, so that fixed fields sit at fixed
 * offsets and a value has one encoding:
 *
 * | type | form |
 * | --- | --- |
 * | `u8` `u16` `u32` | `cc` `cd` `ce` and 1, 2, 4 bytes |
 * | `u53` | `cf` and 8 bytes, at most 2^53 - 1: a JavaScript number |
 * | `u64` | `cf` and 8 bytes: a bigint |
 * | `bool` | `c2` or `c3` |
 * | `bytes(n)` | exactly n bytes, `c4`, `c5` or `c6` by n |
 * | `blob(max)` `text(max)` | up to max bytes, header width by max |
 * | `list(of,max)` | `dc` when max is below 2^16, else `dd` |
 * | `struct(a:..,b:..)` | array of the fields in order, `9x` up to 15 fields, else `dc` |
 * | `option(of)` | `c0`, or the value |
 */
export type Schema =
  | { readonly type: 'u8' | 'u16' | 'u32' | 'u53' | 'u64' | 'bool' }
  | { readonly type: 'bytes'; readonly size: number }
  | { readonly type: 'blob' | 'text'; readonly max: number }
  | { readonly type: 'list'; readonly of: Schema; readonly max: number }
  | { readonly type: 'option'; readonly of: Schema }
  | StructSchema

export type StructSchema = { readonly type: 'struct'; readonly fields: readonly Field[] }
export type Field = readonly [name: string, schema: Schema]

export const u8: Schema = { type: 'u8' }
export const u16: Schema = { type: 'u16' }
export const u32: Schema = { type: 'u32' }
export const u53: Schema = { type: 'u53' }
export const u64: Schema = { type: 'u64' }
export const bool: Schema = { type: 'bool' }
export const bytes32: Schema = { type: 'bytes', size: 32 }

export function bytes(size: number): Schema {
  return { type: 'bytes', size }
}
export function blob(max: number): Schema {
  return { type: 'blob', max }
}
export function text(max: number): Schema {
  return { type: 'text', max }
}
export function list(of: Schema, max: number): Schema {
  return { type: 'list', of, max }
}
export function option(of: Schema): Schema {
  return { type: 'option', of }
}
export function struct(...fields: readonly Field[]): StructSchema {
  return { type: 'struct', fields }
}

/** Nesting deeper than this is refused: it bounds the reader's recursion, and no real schema comes near. */
export const SCHEMA_DEPTH_MAX = 16
const SIZE_MAX = 2 ** 31 - 1
const NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/

/** Bytes of the header before the content of `blob`, `text` and `bytes`. */
export function lengthHeaderBytes(max: number): number {
  if (max <= 0xff) return 2
  return max <= 0xffff ? 3 : 5
}

export function listHeaderBytes(max: number): number {
  return max <= 0xffff ? 3 : 5
}

export function structHeaderBytes(fieldCount: number): number {
  return fieldCount <= 15 ? 1 : 3
}

/** Encoded bytes if every value of the schema has the same length, else undefined. */
export function fixedSize(schema: Schema): number | undefined {
  switch (schema.type) {
    case 'bool':
      return 1
    case 'u8':
      return 2
    case 'u16':
      return 3
    case 'u32':
      return 5
    case 'u53':
    case 'u64':
      return 9
    case 'bytes':
      return lengthHeaderBytes(schema.size) + schema.size
    case 'struct': {
      let total = structHeaderBytes(schema.fields.length)
      for (const [, field] of schema.fields) {
        const size = fixedSize(field)
        if (size === undefined) return undefined
        total += size
      }
      return total
    }
    default:
      return undefined
  }
}

/** Fewest bytes that a value can take; bounds how many list items a given input can hold. */
export function minSize(schema: Schema): number {
  switch (schema.type) {
    case 'blob':
    case 'text':
      return lengthHeaderBytes(schema.max)
    case 'list':
      return listHeaderBytes(schema.max)
    case 'option':
      return 1
    case 'struct':
      return schema.fields.reduce((sum, [, field]) => sum + minSize(field), structHeaderBytes(schema.fields.length))
    default:
      return fixedSize(schema) as number
  }
}

/** Offset at which field `name` starts, if every field before it has a fixed size. Throws `ARM_SCHEMA` otherwise. */
export function fieldOffset(schema: StructSchema, name: string): number {
  let offset = structHeaderBytes(schema.fields.length)
  for (const [field, type] of schema.fields) {
    if (field === name) return offset
    const size = fixedSize(type)
    if (size === undefined) break
    offset += size
  }
  throw new ArmError('ARM_SCHEMA', 'field is absent or does not sit at a fixed offset', { name })
}

/** The one text form of a schema, as a scheme stores it. */
export function formatSchema(schema: Schema): string {
  switch (schema.type) {
    case 'bytes':
      return `bytes(${schema.size})`
    case 'blob':
    case 'text':
      return `${schema.type}(${schema.max})`
    case 'list':
      return `list(${formatSchema(schema.of)},${schema.max})`
    case 'option':
      return `option(${formatSchema(schema.of)})`
    case 'struct':
      return `struct(${schema.fields.map(([name, field]) => `${name}:${formatSchema(field)}`).join(',')})`
    default:
      return schema.type
  }
}

/** Reads what `formatSchema` wrote. Throws `ARM_SCHEMA` on anything else, so that a schema has one text. */
export function parseSchema(source: string): Schema {
  const cursor = { source, at: 0 }
  const schema = parseType(cursor, 0)
  if (cursor.at !== source.length) throw malformed(cursor, 'text after the schema')
  checkSchema(schema)
  if (formatSchema(schema) !== source) throw malformed(cursor, 'not the canonical spelling')
  return schema
}

/** Refuses what no codec can be compiled for. Throws `ARM_SCHEMA`. */
export function checkSchema(schema: Schema, depth = 0): void {
  if (depth > SCHEMA_DEPTH_MAX) throw new ArmError('ARM_SCHEMA', 'schema nests too deep', { max: SCHEMA_DEPTH_MAX })
  switch (schema.type) {
    case 'bytes':
      return checkSize(schema.size)
    case 'blob':
    case 'text':
      return checkSize(schema.max)
    case 'list':
      checkSize(schema.max)
      return checkSchema(schema.of, depth + 1)
    case 'option':
      if (schema.of.type === 'option') throw new ArmError('ARM_SCHEMA', 'an option of an option has two empty values')
      return checkSchema(schema.of, depth + 1)
    case 'struct':
      return checkFields(schema, depth)
    default:
      return
  }
}

function checkFields(schema: StructSchema, depth: number): void {
  const seen = new Set<string>()
  if (schema.fields.length > 0xff) {
    throw new ArmError('ARM_SCHEMA', 'a struct has at most 255 fields', { fields: schema.fields.length })
  }
  for (const [name, field] of schema.fields) {
    if (!NAME.test(name) || seen.has(name))
      throw new ArmError('ARM_SCHEMA', 'field name is malformed or twice', { name })
    seen.add(name)
    checkSchema(field, depth + 1)
  }
}

function checkSize(size: number): void {
  if (Number.isInteger(size) && size >= 0 && size <= SIZE_MAX) return
  throw new ArmError('ARM_SCHEMA', 'size is outside [0, 2^31)', { size })
}

type Cursor = { readonly source: string; at: number }

function parseType(cursor: Cursor, depth: number): Schema {
  if (depth > SCHEMA_DEPTH_MAX) throw malformed(cursor, 'nested too deep')
  const name = word(cursor)
  switch (name) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u53':
    case 'u64':
    case 'bool':
      return { type: name }
    case 'bytes':
      return inParentheses(cursor, () => ({ type: 'bytes', size: number(cursor) }))
    case 'blob':
    case 'text':
      return inParentheses(cursor, () => ({ type: name, max: number(cursor) }))
    case 'option':
      return inParentheses(cursor, () => ({ type: 'option', of: parseType(cursor, depth + 1) }))
    case 'list':
      return inParentheses(cursor, () => {
        const of = parseType(cursor, depth + 1)
        expect(cursor, ',')
        return { type: 'list', of, max: number(cursor) }
      })
    case 'struct':
      return inParentheses(cursor, () => ({ type: 'struct', fields: parseFields(cursor, depth) }))
    default:
      throw malformed(cursor, 'unknown type')
  }
}

function parseFields(cursor: Cursor, depth: number): Field[] {
  const fields: Field[] = []
  if (cursor.source[cursor.at] === ')') return fields
  do {
    const name = word(cursor)
    expect(cursor, ':')
    fields.push([name, parseType(cursor, depth + 1)])
  } while (skip(cursor, ','))
  return fields
}

function inParentheses<Value>(cursor: Cursor, inner: () => Value): Value {
  expect(cursor, '(')
  const value = inner()
  expect(cursor, ')')
  return value
}

function word(cursor: Cursor): string {
  return match(cursor, /[a-zA-Z0-9_]*/y)
}

function number(cursor: Cursor): number {
  return Number(match(cursor, /[0-9]{1,10}/y) || Number.NaN)
}

function match(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.at
  const found = pattern.exec(cursor.source)?.[0] ?? ''
  cursor.at += found.length
  return found
}

function skip(cursor: Cursor, character: string): boolean {
  if (cursor.source[cursor.at] !== character) return false
  cursor.at++
  return true
}

function expect(cursor: Cursor, character: string): void {
  if (!skip(cursor, character)) throw malformed(cursor, `expected "${character}"`)
}

function malformed(cursor: Cursor, why: string): ArmError {
  return new ArmError('ARM_SCHEMA', `schema text is malformed: ${why}`, { offset: cursor.at })
}
