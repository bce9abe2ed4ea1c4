import { fromHex, toHex } from '../bytes.ts'
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

/** Throws `ARM_ARGUMENT` where the JSON does not fit; ranges are left to the codec. */
export function jsonToValue(schema: Schema, json: unknown, path = 'args'): unknown {
  switch (schema.type) {
    case 'bool':
      if (typeof json !== 'boolean') throw misfit(path, 'true or false')
      return json
    case 'u64':
      if (typeof json === 'string' && /^[0-9]{1,20}$/.test(json)) return BigInt(json)
      if (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0) return BigInt(json)
      throw misfit(path, 'an unsigned integer, as a decimal string')
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u53':
      if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0) throw misfit(path, 'an unsigned integer')
      return json
    case 'bytes':
    case 'blob':
      if (typeof json !== 'string') throw misfit(path, 'hex text')
      return fromHex(json)
    case 'text':
      if (typeof json !== 'string') throw misfit(path, 'text')
      return json
    case 'option':
      return json === null || json === undefined ? undefined : jsonToValue(schema.of, json, path)
    case 'list':
      if (!Array.isArray(json)) throw misfit(path, 'a list')
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

function misfit(path: string, expected: string): ArmError {
  return new ArmError('ARM_ARGUMENT', `${path} does not fit the schema: expected ${expected}`, { path })
}
