import type { Reader, Writer } from './codec.ts'
import {
  badValue,
  checkBool,
  checkBytes,
  checkList,
  checkRecord,
  checkUint,
  decodeText,
  fail,
  readU32,
  readU53,
  readU64,
  textSize,
  writeLengthHeader,
  writeListHeader,
  writeText,
  writeU32,
  writeU53,
  writeU64,
} from './primitives.ts'
import {
  lengthHeaderBytes,
  listHeaderBytes,
  minSize,
  type Schema,
  type StructSchema,
  structHeaderBytes,
} from './schema.ts'

/** The codec as closures: where no code may be made from text, and as the reference for the generated one. */
export function interpretWriter(schema: Schema): Writer {
  switch (schema.type) {
    case 'bool':
      return {
        size: () => 1,
        write(value, out, at) {
          out[at] = checkBool(value) ? 0xc3 : 0xc2
          return at + 1
        },
      }
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u53':
    case 'u64':
      return integerWriter(schema.type)
    case 'bytes':
    case 'blob': {
      const [min, max] = schema.type === 'bytes' ? [schema.size, schema.size] : [0, schema.max]
      return {
        size: (value) => lengthHeaderBytes(max) + checkBytes(value, min, max).length,
        write(value, out, at) {
          const content = checkBytes(value, min, max)
          const start = writeLengthHeader(out, at, content.length, max, false)
          out.set(content, start)
          return start + content.length
        },
      }
    }
    case 'text':
      return {
        size: (value) => lengthHeaderBytes(schema.max) + textSize(value, schema.max),
        write(value, out, at) {
          const start = writeLengthHeader(out, at, textSize(value, schema.max), schema.max, true)
          return writeText(value, out, start, schema.max)
        },
      }
    case 'list':
      return listWriter(schema.of, schema.max)
    case 'option': {
      const inner = interpretWriter(schema.of)
      return {
        size: (value) => (value === undefined ? 1 : inner.size(value)),
        write(value, out, at) {
          if (value !== undefined) return inner.write(value, out, at)
          out[at] = 0xc0
          return at + 1
        },
      }
    }
    case 'struct':
      return structWriter(schema)
  }
}

export function interpretReader(schema: Schema): Reader {
  switch (schema.type) {
    case 'bool':
      return (input, at, end, position) => {
        const byte = at < end ? input[at] : undefined
        if (byte !== 0xc2 && byte !== 0xc3) fail(at, 'expected a boolean')
        position.at = at + 1
        return byte === 0xc3
      }
    case 'u8':
    case 'u16':
    case 'u32':
    case 'u53':
    case 'u64':
      return integerReader(schema.type)
    case 'bytes':
    case 'blob':
    case 'text':
      return stringReader(schema)
    case 'list':
      return listReader(schema.of, schema.max)
    case 'option': {
      const inner = interpretReader(schema.of)
      return (input, at, end, position) => {
        if (at >= end || input[at] !== 0xc0) return inner(input, at, end, position)
        position.at = at + 1
        return undefined
      }
    }
    case 'struct':
      return structReader(schema)
  }
}

const INTEGERS = {
  u8: { prefix: 0xcc, width: 1, max: 0xff },
  u16: { prefix: 0xcd, width: 2, max: 0xffff },
  u32: { prefix: 0xce, width: 4, max: 0xffff_ffff },
  u53: { prefix: 0xcf, width: 8, max: Number.MAX_SAFE_INTEGER },
  u64: { prefix: 0xcf, width: 8, max: 0 },
} as const

function integerWriter(type: keyof typeof INTEGERS): Writer {
  const { prefix, width, max } = INTEGERS[type]
  return {
    size: () => 1 + width,
    write(value, out, at) {
      out[at] = prefix
      if (type === 'u64') writeU64(value, out, at + 1)
      else if (type === 'u53') writeU53(value, out, at + 1)
      else if (type === 'u32') writeU32(out, at + 1, checkUint(value, max))
      else {
        const checked = checkUint(value, max)
        if (width === 2) out[at + 1] = checked >>> 8
        out[at + width] = checked
      }
      return at + 1 + width
    },
  }
}

function integerReader(type: keyof typeof INTEGERS): Reader {
  const { prefix, width } = INTEGERS[type]
  return (input, at, end, position) => {
    if (at + 1 + width > end || input[at] !== prefix) fail(at, `expected ${type}`)
    position.at = at + 1 + width
    if (type === 'u64') return readU64(input, at + 1)
    if (type === 'u53') return readU53(input, at + 1)
    if (type === 'u32') return readU32(input, at + 1)
    return width === 2 ? ((input[at + 1] as number) << 8) | (input[at + 2] as number) : (input[at + 1] as number)
  }
}

function stringReader(schema: Schema & { type: 'bytes' | 'blob' | 'text' }): Reader {
  const max = schema.type === 'bytes' ? schema.size : schema.max
  const isText = schema.type === 'text'
  const header = lengthHeaderBytes(max)
  const prefix = (isText ? 0xd9 : 0xc4) + (header === 2 ? 0 : header === 3 ? 1 : 2)
  return (input, at, end, position) => {
    if (at + header > end || input[at] !== prefix) fail(at, `expected ${schema.type}`)
    const length =
      header === 2
        ? (input[at + 1] as number)
        : header === 3
          ? ((input[at + 1] as number) << 8) | (input[at + 2] as number)
          : readU32(input, at + 1)
    const from = at + header
    const to = from + length
    if (length > max || to > end || (schema.type === 'bytes' && length !== max))
      fail(at, `${schema.type} has a bad length`)
    position.at = to
    return isText ? decodeText(input, from, to) : input.subarray(from, to)
  }
}

function listWriter(of: Schema, max: number): Writer {
  const inner = interpretWriter(of)
  return {
    size(value) {
      let total = listHeaderBytes(max)
      for (const item of checkList(value, max)) total += inner.size(item)
      return total
    },
    write(value, out, at) {
      const items = checkList(value, max)
      let next = writeListHeader(out, at, items.length, max)
      for (const item of items) next = inner.write(item, out, next)
      return next
    },
  }
}

function listReader(of: Schema, max: number): Reader {
  const inner = interpretReader(of)
  const header = listHeaderBytes(max)
  const least = minSize(of)
  return (input, at, end, position) => {
    if (at + header > end || input[at] !== (header === 3 ? 0xdc : 0xdd)) fail(at, 'expected a list')
    const count = header === 3 ? ((input[at + 1] as number) << 8) | (input[at + 2] as number) : readU32(input, at + 1)
    let next = at + header
    // Checked before anything is allocated: a short input cannot ask for a long list.
    if (count > max || count * least > end - next) fail(at, 'list is too long')
    const items: unknown[] = []
    for (let i = 0; i < count; i++) {
      items.push(inner(input, next, end, position))
      next = position.at
    }
    position.at = next
    return items
  }
}

function structWriter(schema: StructSchema): Writer {
  const fields = schema.fields.map(([name, field]) => [name, interpretWriter(field)] as const)
  const header = structHeaderBytes(fields.length)
  return {
    size(value) {
      const record = checkRecord(value)
      let total = header
      for (const [name, field] of fields) total += field.size(record[name])
      return total
    },
    write(value, out, at) {
      const record = checkRecord(value)
      if (header === 1) out[at] = 0x90 | fields.length
      else writeListHeader(out, at, fields.length, 0xffff)
      let next = at + header
      for (const [name, field] of fields) next = field.write(record[name], out, next)
      if (next > out.length) badValue('value changed while it was encoded', value)
      return next
    },
  }
}

function structReader(schema: StructSchema): Reader {
  const fields = schema.fields.map(([name, field]) => [name, interpretReader(field)] as const)
  const count = fields.length
  const header = structHeaderBytes(count)
  return (input, at, end, position) => {
    const matches =
      header === 1 ? input[at] === (0x90 | count) : input[at] === 0xdc && input[at + 1] === 0 && input[at + 2] === count
    if (at + header > end || !matches) fail(at, `expected a struct of ${count} fields`)
    const record: Record<string, unknown> = {}
    let next = at + header
    for (const [name, read] of fields) {
      record[name] = read(input, next, end, position)
      next = position.at
    }
    position.at = next
    return record
  }
}
