import type { Reader, Writer } from './codec.ts'
import * as primitives from './primitives.ts'
import {
  fixedSize,
  lengthHeaderBytes,
  listHeaderBytes,
  minSize,
  type Schema,
  type StructSchema,
  structHeaderBytes,
} from './schema.ts'

/**
 * The codec as straight-line code. Only numbers and field names checked by `checkSchema` reach the source text.
 * Which bytes are accepted and written is `interpret.ts`'s; tests hold the two together.
 */
export function compileWriter(schema: Schema): Writer {
  const names = new Names()
  const size = build('v', `let n = 0;${sizeCode(schema, 'v', names)} return n;`)
  const write = build('v, o, p', `${writeCode(schema, 'v', names)} return p;`)
  return { size: size as Writer['size'], write: write as Writer['write'] }
}

/** `ByteStrings`: whether the byte strings of structs are views made at once, or made anew each time they are read. */
export function compileReader(schema: Schema, byteStrings: ByteStrings): Reader {
  const names = new Names(byteStrings)
  const body = `let x;${readCode(schema, 'x', names, false)} s.at = p; return x;`
  return build('b, p, e, s', body, names.classes.join('\n')) as Reader
}

export type ByteStrings = 'at-once' | 'on-demand'

class Names {
  readonly byteStrings: ByteStrings
  /** Of structs whose byte strings are made on demand. */
  readonly classes: string[] = []
  #next = 0

  constructor(byteStrings: ByteStrings = 'at-once') {
    this.byteStrings = byteStrings
  }

  fresh(): string {
    return `t${this.#next++}`
  }
}

function build(parameters: string, body: string, classes = ''): unknown {
  const keys = Object.keys(primitives)
  const source = `'use strict'; const {${keys.join(',')}} = primitives; ${classes}
    return function (${parameters}) {${body}}`
  return new Function('primitives', source)(primitives)
}

function sizeCode(schema: Schema, value: string, names: Names): string {
  switch (schema.type) {
    case 'blob':
      return `n += ${lengthHeaderBytes(schema.max)} + checkBytes(${value}, 0, ${schema.max}).length;`
    case 'text':
      return `n += ${lengthHeaderBytes(schema.max)} + textSize(${value}, ${schema.max});`
    case 'option': {
      return `if (${value} === undefined) n += 1; else { ${sizeCode(schema.of, value, names)} }`
    }
    case 'list': {
      const items = names.fresh()
      const fixed = fixedSize(schema.of)
      const head = `const ${items} = checkList(${value}, ${schema.max}); n += ${listHeaderBytes(schema.max)};`
      if (fixed !== undefined) return `${head} n += ${fixed} * ${items}.length;`
      const item = names.fresh()
      return `${head} for (const ${item} of ${items}) { ${sizeCode(schema.of, item, names)} }`
    }
    case 'struct': {
      const fixed = fixedSize(schema)
      if (fixed !== undefined) return `n += ${fixed};`
      const record = names.fresh()
      const fields = schema.fields.map(([name, field]) => sizeCode(field, `${record}.${name}`, names))
      return `const ${record} = checkRecord(${value}); n += ${structHeaderBytes(fields.length)};${fields.join('')}`
    }
    default:
      return `n += ${fixedSize(schema)};`
  }
}

function writeCode(schema: Schema, value: string, names: Names): string {
  switch (schema.type) {
    case 'bool':
      return `o[p++] = checkBool(${value}) ? 0xc3 : 0xc2;`
    case 'u8':
      return `o[p] = 0xcc; o[p + 1] = checkUint(${value}, 255); p += 2;`
    case 'u16': {
      const n = names.fresh()
      return `const ${n} = checkUint(${value}, 65535); o[p] = 0xcd; o[p + 1] = ${n} >>> 8; o[p + 2] = ${n}; p += 3;`
    }
    case 'u32':
      return `o[p] = 0xce; writeU32(o, p + 1, checkUint(${value}, 4294967295)); p += 5;`
    case 'u53':
      return `o[p] = 0xcf; writeU53(${value}, o, p + 1); p += 9;`
    case 'u64':
      return `o[p] = 0xcf; writeU64(${value}, o, p + 1); p += 9;`
    case 'bytes':
    case 'blob': {
      const content = names.fresh()
      const [min, max] = schema.type === 'bytes' ? [schema.size, schema.size] : [0, schema.max]
      return `const ${content} = checkBytes(${value}, ${min}, ${max});
        p = writeLengthHeader(o, p, ${content}.length, ${max}, false); o.set(${content}, p); p += ${content}.length;`
    }
    case 'text':
      return `p = writeLengthHeader(o, p, textSize(${value}, ${schema.max}), ${schema.max}, true);
        p = writeText(${value}, o, p, ${schema.max});`
    case 'option':
      return `if (${value} === undefined) o[p++] = 0xc0; else { ${writeCode(schema.of, value, names)} }`
    case 'list': {
      const items = names.fresh()
      const item = names.fresh()
      return `const ${items} = checkList(${value}, ${schema.max});
        p = writeListHeader(o, p, ${items}.length, ${schema.max});
        for (const ${item} of ${items}) { ${writeCode(schema.of, item, names)} }`
    }
    case 'struct':
      return writeStructCode(schema, value, names)
  }
}

function writeStructCode(schema: StructSchema, value: string, names: Names): string {
  const record = names.fresh()
  const count = schema.fields.length
  const header = count <= 15 ? `o[p++] = ${0x90 | count};` : `p = writeListHeader(o, p, ${count}, 65535);`
  const fields = schema.fields.map(([name, field]) => writeCode(field, `${record}.${name}`, names))
  return `const ${record} = checkRecord(${value}); ${header} ${fields.join('\n')}`
}

/** `sized`: the caller has checked that the whole fixed-size value lies within the input. */
function readCode(schema: Schema, target: string, names: Names, sized: boolean): string {
  const fixed = fixedSize(schema)
  const check = (prefix: string): string =>
    sized
      ? `if (${prefix}) fail(p, 'expected ${schema.type}');`
      : `if (p + ${fixed} > e || ${prefix}) fail(p, 'expected ${schema.type}');`
  switch (schema.type) {
    case 'bool':
      return `${check('(b[p] & 0xfe) !== 0xc2')} ${target} = b[p] === 0xc3; p += 1;`
    case 'u8':
      return `${check('b[p] !== 0xcc')} ${target} = b[p + 1]; p += 2;`
    case 'u16':
      return `${check('b[p] !== 0xcd')} ${target} = (b[p + 1] << 8) | b[p + 2]; p += 3;`
    case 'u32':
      return `${check('b[p] !== 0xce')} ${target} = readU32(b, p + 1); p += 5;`
    case 'u53':
      return `${check('b[p] !== 0xcf')} ${target} = readU53(b, p + 1); p += 9;`
    case 'u64':
      return `${check('b[p] !== 0xcf')} ${target} = readU64(b, p + 1); p += 9;`
    case 'bytes': {
      const header = lengthHeaderBytes(schema.size)
      return `${check(`${lengthPrefix(header, false)} || ${lengthCode(header)} !== ${schema.size}`)}
        ${target} = b.subarray(p + ${header}, p + ${fixed}); p += ${fixed};`
    }
    case 'blob':
    case 'text':
      return readStringCode(schema.max, target, names, schema.type === 'text')
    case 'option':
      return `if (p < e && b[p] === 0xc0) { ${target} = undefined; p += 1; } else { ${readCode(schema.of, target, names, false)} }`
    case 'list':
      return readListCode(schema.of, schema.max, target, names)
    case 'struct':
      return readStructCode(schema, target, names, sized)
  }
}

function readStringCode(max: number, target: string, names: Names, isText: boolean): string {
  const header = lengthHeaderBytes(max)
  const length = names.fresh()
  const content = isText
    ? `decodeText(b, p + ${header}, p + ${header} + ${length})`
    : `b.subarray(p + ${header}, p + ${header} + ${length})`
  return `${blobLengthCode(max, length, isText ? 'text' : 'blob')}
    ${target} = ${content}; p += ${header} + ${length};`
}

function readListCode(of: Schema, max: number, target: string, names: Names): string {
  const header = listHeaderBytes(max)
  const count = names.fresh()
  const items = names.fresh()
  const index = names.fresh()
  const item = names.fresh()
  return `if (p + ${header} > e || b[p] !== ${header === 3 ? 0xdc : 0xdd}) fail(p, 'expected a list');
    const ${count} = ${lengthCode(header)};
    if (${count} > ${max} || ${count} * ${minSize(of)} > e - p - ${header}) fail(p, 'list is too long');
    p += ${header};
    const ${items} = [];
    for (let ${index} = 0; ${index} < ${count}; ${index}++) {
      let ${item}; ${readCode(of, item, names, false)} ${items}.push(${item});
    }
    ${target} = ${items};`
}

function readStructCode(schema: StructSchema, target: string, names: Names, sized: boolean): string {
  const count = schema.fields.length
  const header = structHeaderBytes(count)
  const fixed = fixedSize(schema)
  const prefix = header === 1 ? `b[p] !== ${0x90 | count}` : `b[p] !== 0xdc || b[p + 1] !== 0 || b[p + 2] !== ${count}`
  const bound = sized ? '' : `p + ${fixed ?? header} > e || `
  const locals = schema.fields.map(() => names.fresh())
  const start = `if (${bound}${prefix}) fail(p, 'expected a struct of ${count} fields'); p += ${header};`
  if (names.byteStrings === 'on-demand' && schema.fields.some(([, field]) => isByteString(field)))
    return start + readOnDemandCode(schema, target, names, fixed !== undefined)
  const reads = schema.fields.map(([, field], i) => readCode(field, locals[i] as string, names, fixed !== undefined))
  const record = schema.fields.map(([name], i) => `${name}: ${locals[i]}`)
  return `${start} ${locals.length > 0 ? `let ${locals.join(', ')};` : ''} ${reads.join('\n')}
    ${target} = {${record.join(', ')}};`
}

function isByteString(schema: Schema): schema is Schema & { type: 'bytes' | 'blob' } {
  return schema.type === 'bytes' || schema.type === 'blob'
}

/** A struct as an object of a class of its own, which knows where its byte strings stand. */
function readOnDemandCode(schema: StructSchema, target: string, names: Names, sized: boolean): string {
  const className = names.fresh()
  const reads: string[] = []
  const given: string[] = ['b']
  const taken: string[] = ['b']
  const members: string[] = ['#b;']
  const assigned: string[] = ['this.#b = b;']
  schema.fields.forEach(([name, field], i) => {
    const local = names.fresh()
    given.push(local)
    taken.push(`f${i}`)
    if (!isByteString(field)) {
      reads.push(`let ${local}; ${readCode(field, local, names, sized)}`)
      assigned.push(`this.${name} = f${i};`)
      return
    }
    const length = field.type === 'blob' ? names.fresh() : undefined
    reads.push(`${placeCode(field, local, length, sized)}`)
    members.push(`#f${i};`)
    assigned.push(`this.#f${i} = f${i};`)
    let end = `this.#f${i} + ${field.type === 'bytes' ? field.size : 0}`
    if (length !== undefined) {
      given.push(length)
      taken.push(`n${i}`)
      members.push(`#n${i};`)
      assigned.push(`this.#n${i} = n${i};`)
      end = `this.#f${i} + this.#n${i}`
    }
    members.push(`get ['${name}']() { return this.#b.subarray(this.#f${i}, ${end}); }`)
  })
  names.classes.push(
    `class ${className} { ${members.join(' ')} constructor(${taken.join(', ')}) { ${assigned.join(' ')} } }`,
  )
  return `${reads.join('\n')} ${target} = new ${className}(${given.join(', ')});`
}

/** Checks a byte string and steps over it; `start` is where its content begins, `length` its length where that varies. */
function placeCode(
  schema: Schema & { type: 'bytes' | 'blob' },
  start: string,
  length: string | undefined,
  sized: boolean,
): string {
  if (schema.type === 'blob') {
    const header = lengthHeaderBytes(schema.max)
    return `${blobLengthCode(schema.max, length as string, 'blob')}
      const ${start} = p + ${header}; p += ${header} + ${length};`
  }
  const header = lengthHeaderBytes(schema.size)
  const bound = sized ? '' : `p + ${header + schema.size} > e || `
  return `if (${bound}${lengthPrefix(header, false)} || ${lengthCode(header)} !== ${schema.size}) fail(p, 'expected bytes');
    const ${start} = p + ${header}; p += ${header + schema.size};`
}

/** Checks the header of a `blob` or `text` and that its content lies within the input. */
function blobLengthCode(max: number, length: string, type: 'blob' | 'text'): string {
  const header = lengthHeaderBytes(max)
  return `if (p + ${header} > e || ${lengthPrefix(header, type === 'text')}) fail(p, 'expected ${type}');
    const ${length} = ${lengthCode(header)};
    if (${length} > ${max} || p + ${header} + ${length} > e) fail(p, '${type} has a bad length');`
}

function lengthPrefix(header: number, isText: boolean): string {
  return `b[p] !== ${(isText ? 0xd9 : 0xc4) + (header === 2 ? 0 : header === 3 ? 1 : 2)}`
}

function lengthCode(header: number): string {
  if (header === 2) return 'b[p + 1]'
  return header === 3 ? '((b[p + 1] << 8) | b[p + 2])' : 'readU32(b, p + 1)'
}
