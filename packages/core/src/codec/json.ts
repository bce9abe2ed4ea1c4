import { fromHex, toHex, utf8 } from '../bytes.ts'
import { ArmError } from '../errors.ts'
import type { Schema } from './schema.ts'

/**
 * Values as JSON, for RPC and people: byte strings as hex, `u64` as decimal text, absent options as null.
 * `jsonToValue(schema, valueToJson(schema, v))` is v.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

export function valueToJson(schema: Schema, value: unknown): Json {
  switch (schema.type) {
    case 'u64':
      return String(value)
    case 'bytes':
    case 'blob':
      return toHex(value as Uint8Array)
    case 'list':
      return (value as readonly unknown[]).map((item) => valueToJson(schema.of, item))
    case 'option':
      return value === undefined ? null : valueToJson(schema.of, value)
    case 'struct': {
      const record = value as Readonly<Record<string, unknown>>
      return Object.fromEntries(schema.fields.map(([name, field]) => [name, valueToJson(field, record[name])]))
    }
    default:
      return value as Json
  }
}

/** A value that the schema's codec takes. Throws `ARM_ARGUMENT` where the JSON does not fit, `ARM_HEX` for no hex. */
export function jsonToValue(schema: Schema, json: unknown, path = 'args'): unknown {
  switch (schema.type) {
    case 'bool':
      if (typeof json !== 'boolean') throw misfit(path, 'true or false')
      return json
    case 'u64':
      return readU64(json, path)
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u53': {
      const max = schema.type === 'u53' ? Number.MAX_SAFE_INTEGER : 2 ** Number(schema.type.slice(1)) - 1
      if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= max) return json
      throw misfit(path, `an integer from 0 to ${max}`)
    }
    case 'bytes':
    case 'blob': {
      const bytes = typeof json === 'string' ? fromHex(json) : undefined
      const exact = schema.type === 'bytes'
      if (bytes !== undefined && (exact ? bytes.length === schema.size : bytes.length <= schema.max)) return bytes
      throw misfit(path, exact ? `hex text of ${schema.size} bytes` : `hex text of at most ${schema.max} bytes`)
    }
    case 'text':
      if (typeof json === 'string' && json.isWellFormed() && utf8(json).length <= schema.max) return json
      throw misfit(path, `text of at most ${schema.max} bytes`)
    case 'option':
      return json === null || json === undefined ? undefined : jsonToValue(schema.of, json, path)
    case 'list':
      if (!Array.isArray(json) || json.length > schema.max) throw misfit(path, `a list of at most ${schema.max}`)
      return json.map((item, i) => jsonToValue(schema.of, item, `${path}[${i}]`))
    case 'struct': {
      if (typeof json !== 'object' || json === null || Array.isArray(json)) throw misfit(path, 'an object')
      const record = json as Readonly<Record<string, unknown>>
      const unknown = Object.keys(record).find((key) => !schema.fields.some(([name]) => name === key))
      if (unknown !== undefined) throw misfit(`${path}.${unknown}`, 'no such field')
      return Object.fromEntries(
        schema.fields.map(([name, field]) => [
          name,
          jsonToValue(field, Object.hasOwn(record, name) ? record[name] : undefined, `${path}.${name}`),
        ]),
      )
    }
  }
}

function readU64(json: unknown, path: string): bigint {
  const decimal = typeof json === 'string' && /^[0-9]{1,20}$/.test(json)
  const value = decimal || (typeof json === 'number' && Number.isSafeInteger(json)) ? BigInt(json) : -1n
  if (value >= 0n && value < 2n ** 64n) return value
  throw misfit(path, 'an integer from 0 to 2^64 - 1, as a decimal string')
}

function misfit(path: string, expected: string): ArmError {
  return new ArmError('ARM_ARGUMENT', `${path} does not fit the schema: expected ${expected}`, { path })
}
