import fc from 'fast-check'
import { Unpackr } from 'msgpackr'
import { expect, test } from 'vitest'
import { utf8 } from '../bytes.ts'
import { anchorCodec, blockCodec, bodyCodec, headCodec, importCodec, shardTopCodec } from '../chain/block.ts'
import { decodeGenesis, encodeGenesis } from '../chain/genesis.ts'
import { messageCodec } from '../chain/message.ts'
import { BASE_DETAILS_SCHEMA, BASE_RECEIPT_SCHEMA, BASE_TRANSACTION_SCHEMA, schemeCodec } from '../chain/scheme.ts'
import { shardKeyCodec } from '../chain/shard-key.ts'
import { createTestChain, deed, doing, encodeTransaction, users } from '../chain.fixture.ts'
import { sha256 } from '../crypto/hash.ts'
import { isArmError } from '../errors.ts'
import { transferArgsCodec } from '../modules/bank.ts'
import { vestingScheduleCodec } from '../modules/vesting.ts'
import { prepareTransaction } from '../runtime/admission.ts'
import { encodeAccountProof, verifyAccountProof } from '../state/account-proof.ts'
import { ShardState } from '../state/shard-state.ts'
import { exportState, importState } from '../state/state-export.ts'
import { compile } from './codec.ts'
import { jsonToValue, valueToJson } from './json.ts'
import {
  blob,
  bool,
  bytes,
  bytes32,
  formatSchema,
  list,
  option,
  parseSchema,
  type Schema,
  struct,
  text,
  u8,
  u16,
  u32,
  u53,
  u64,
} from './schema.ts'

/** A random value of a schema. */
function arbitraryOf(schema: Schema): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case 'bool':
      return fc.boolean()
    case 'u8':
      return fc.nat(0xff)
    case 'u16':
      return fc.nat(0xffff)
    case 'u32':
      return fc.integer({ min: 0, max: 0xffff_ffff })
    case 'u53':
      return fc.maxSafeNat()
    case 'u64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
    case 'bytes':
      return fc.uint8Array({ minLength: schema.size, maxLength: schema.size })
    case 'blob':
      return fc.uint8Array({ maxLength: Math.min(schema.max, 40) })
    case 'text':
      return fc
        .string({ unit: 'grapheme', maxLength: 12 })
        .filter((each) => each.isWellFormed() && Buffer.byteLength(each) <= schema.max)
    case 'option':
      return fc.option(arbitraryOf(schema.of), { nil: undefined })
    case 'list':
      return fc.array(arbitraryOf(schema.of), { maxLength: Math.min(schema.max, 5) })
    case 'struct':
      return fc.record(Object.fromEntries(schema.fields.map(([name, field]) => [name, arbitraryOf(field)])), {
        noNullPrototype: true,
      })
  }
}

const leaf = fc.constantFrom<Schema>(
  u8,
  u16,
  u32,
  u53,
  u64,
  bool,
  bytes32,
  bytes(300),
  blob(10),
  blob(1000),
  blob(100_000),
  text(20),
  text(400),
)
const { schema: anySchema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.tuple(tie('schema'), fc.constantFrom(3, 70_000)).map(([of, max]) => list(of, max)),
    tie('schema')
      .filter((of) => of.type !== 'option')
      .map(option),
    fc
      .array(tie('schema'), { maxLength: 18 })
      .map((fields) => struct(...fields.map((field, i) => [`f${i}`, field] as const))),
  ),
}))

test('any value of any schema comes back, and both ways of compiling write the same bytes', () => {
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      ([schema, value]) => {
        const generated = compile(schema, 'generated')
        const interpreted = compile(schema, 'interpreted')
        const encoded = generated.encode(value)
        expect(interpreted.encode(value)).toEqual(encoded)
        expect(generated.size(value)).toBe(encoded.length)
        expect(generated.decode(encoded)).toEqual(value)
        expect(interpreted.decode(encoded)).toEqual(value)
        expect(parseSchema(formatSchema(schema))).toEqual(schema)
      },
    ),
    { numRuns: 500 },
  )
})

test('any MessagePack library reads what the codec wrote', () => {
  const unpackr = new Unpackr({ useRecords: false, int64AsType: 'bigint' })
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return [...value]
    if (Array.isArray(value)) return value.map(plain)
    return value
  }
  const flat = (schema: Schema, value: unknown): unknown => {
    if (schema.type === 'struct')
      return schema.fields.map(([name, field]) => flat(field, (value as Record<string, unknown>)[name]))
    if (schema.type === 'list') return (value as unknown[]).map((item) => flat(schema.of, item))
    if (schema.type === 'option') return value === undefined ? null : flat(schema.of, value)
    return schema.type === 'u53' ? BigInt(value as number) : plain(value)
  }
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      ([schema, value]) => {
        expect(plain(unpackr.unpack(compile(schema).encode(value)))).toEqual(flat(schema, value))
      },
    ),
    { numRuns: 300 },
  )
})

/** A generator of our own: fast-check would spend most of the time on shrinking that is never asked for. */
function seeded(start: number): (below: number) => number {
  let seed = start
  return (below) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
}

test('on any schema both ways of compiling accept the same bytes, read the same from them, and write them again', () => {
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      fc.nat(),
      ([schema, value], seed) => {
        const generated = compile(schema, 'generated')
        const interpreted = compile(schema, 'interpreted')
        const sample = generated.encode(value)
        const random = seeded(seed)
        for (let i = 0; i < 60; i++) {
          const input = mutate(sample, random, i)
          const [one, two] = [attempt(() => generated.decode(input)), attempt(() => interpreted.decode(input))]
          expect(one).toEqual(two)
          if ('code' in one || 'code' in two) {
            expect(one).toEqual({ code: 'ARM_CODEC_INPUT' })
            refused++
            continue
          }
          accepted++
          expect(Buffer.compare(generated.encode(one.value), input)).toBe(0)
          expect(Buffer.compare(interpreted.encode(two.value), input)).toBe(0)
        }
      },
    ),
    { numRuns: 400 },
  )
  expect(Math.min(accepted, refused)).toBeGreaterThan(1_000)
})

/** All of a view, as `decode` gives it. */
function copied(schema: Schema, value: unknown): unknown {
  if (schema.type === 'list') return (value as unknown[]).map((item) => copied(schema.of, item))
  if (schema.type === 'option') return value === undefined ? undefined : copied(schema.of, value)
  if (schema.type !== 'struct') return value
  return Object.fromEntries(
    schema.fields.map(([name, field]) => [name, copied(field, (value as Record<string, unknown>)[name])]),
  )
}

test('a view accepts the same bytes as decoding does, shows the same, and refuses the rest at the same place', () => {
  let accepted = 0
  let refused = 0
  const place = (run: () => unknown): unknown => {
    try {
      return { value: run() }
    } catch (error) {
      if (isArmError(error)) return { code: error.code, message: error.message, data: error.data }
      throw error
    }
  }
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      fc.nat(),
      fc.constantFrom('generated' as const, 'interpreted' as const),
      ([schema, value], seed, how) => {
        const codec = compile(schema, how)
        const sample = codec.encode(value)
        const random = seeded(seed)
        for (let i = 0; i < 60; i++) {
          const input = mutate(sample, random, i)
          const decoded = place(() => codec.decode(input))
          expect(place(() => copied(schema, codec.view(input)))).toEqual(decoded)
          if ('value' in (decoded as object)) accepted++
          else refused++
        }
      },
    ),
    { numRuns: 400 },
  )
  expect(Math.min(accepted, refused)).toBeGreaterThan(1_000)
})

test('a view writes as what it is a view of', () => {
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      ([schema, value]) => {
        const codec = compile(schema, 'generated')
        const encoded = codec.encode(value)
        expect(codec.encode(codec.view(encoded))).toEqual(encoded)
      },
    ),
    { numRuns: 200 },
  )
})

test('fields may be called what objects have anyway', () => {
  const fields = ['constructor', 'toString', 'valueOf', 'prototype', 'b', 'f0', 'n0'] as const
  const codec = compile<Record<string, Uint8Array>>(struct(...fields.map((name) => [name, blob(3)] as const)))
  const value = Object.fromEntries(fields.map((name, i) => [name, Uint8Array.of(i)]))
  const view = codec.view(codec.encode(value))
  for (const name of fields) expect(view[name]).toEqual(value[name])
})

test('a value that does not fit is refused by both ways of compiling, or written as the same bytes', () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(undefined, null, -1, 0.5, Number.NaN, 2 ** 53, 2n ** 64n, -1n, 'lone \ud800', '', [], {}),
    fc.constantFrom<unknown>(new Uint8Array(31), new Uint8Array(32), [1], ['a'], new Date(0), () => 1, Symbol.iterator),
    fc.anything(),
  )
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      odd,
      fc.nat(),
      ([schema, value], other, at) => {
        const changed = replaced(value, other, { left: at % 6 })
        const outcomes = (['generated', 'interpreted'] as const).map((how) =>
          attempt(() => compile(schema, how).encode(changed)),
        )
        expect(outcomes[0]).toEqual(outcomes[1])
        const [outcome] = outcomes
        if (outcome !== undefined && 'code' in outcome) expect(outcome.code).toBe('ARM_CODEC_VALUE')
      },
    ),
    { numRuns: 1_500 },
  )
})

/** The value with one of its parts, counted in depth, replaced by another. */
function replaced(value: unknown, other: unknown, at: { left: number }): unknown {
  if (at.left-- === 0) return other
  if (Array.isArray(value)) return value.map((item) => replaced(item, other, at))
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, replaced(part, other, at)]))
}

/** What comes out, or the code and place of our error. */
function attempt<Value>(run: () => Value): { value: Value } | { code: string } {
  try {
    return { value: run() }
  } catch (error) {
    if (isArmError(error)) return { code: error.code }
    throw error
  }
}

test('a value at an offset is read there, up to what follows it, and written there', () => {
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      fc.uint8Array({ maxLength: 9 }),
      fc.uint8Array({ maxLength: 9 }),
      ([schema, value], before, after) => {
        for (const how of ['generated', 'interpreted'] as const) {
          const codec = compile(schema, how)
          const size = codec.size(value)
          const out = new Uint8Array(before.length + size + after.length)
          out.set(before)
          out.set(after, before.length + size)
          expect(codec.encodeInto(value, out, before.length)).toBe(before.length + size)
          expect(out.subarray(0, before.length)).toEqual(before)
          expect(out.subarray(before.length + size)).toEqual(after)
          expect(codec.decodeAt(out, before.length)).toEqual({ value, next: before.length + size })
          if (after.length > 0) expect(attempt(() => codec.decode(out.subarray(before.length)))).toHaveProperty('code')
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('values come back from their JSON, and JSON that does not fit is refused with an error of ours', () => {
  fc.assert(
    fc.property(
      anySchema.chain((schema) => fc.tuple(fc.constant(schema), arbitraryOf(schema))),
      fc.jsonValue(),
      fc.nat(),
      ([schema, value], other, at) => {
        const json = JSON.parse(JSON.stringify(valueToJson(schema, value)))
        expect(jsonToValue(schema, json)).toEqual(value)
        const changed = replaced(json, other, { left: at % 6 })
        const outcome = attempt(() => compile(schema).encode(jsonToValue(schema, changed)))
        if ('code' in outcome) expect(outcome.code).toMatch(/^ARM_(ARGUMENT|HEX|CODEC_VALUE)$/)
      },
    ),
    { numRuns: 1_000 },
  )
})

const codecs = {
  transaction: compile(BASE_TRANSACTION_SCHEMA),
  details: compile(BASE_DETAILS_SCHEMA),
  receipt: compile(BASE_RECEIPT_SCHEMA),
  head: headCodec,
  body: bodyCodec,
  block: blockCodec,
  import: importCodec,
  anchor: anchorCodec,
  top: shardTopCodec,
  message: messageCodec,
  scheme: schemeCodec,
  'shard key': shardKeyCodec,
  'arguments of a transfer': transferArgsCodec,
  'vesting schedule': vestingScheduleCodec,
}

const chain = createTestChain()
const { genesis } = chain
const state = chain.state()
const ids = [users[0]?.account as Uint8Array, users[1]?.account as Uint8Array, new Uint8Array(32)]

function proofOf(i: number): Uint8Array {
  const id = ids[i] as Uint8Array
  const row = state.accounts.find(id)
  const record = new Uint8Array(32)
  if (state.accounts.exists(row)) state.accounts.record(row, record, 0)
  return encodeAccountProof({ ...state.proveAccount(id), ...(state.accounts.exists(row) && { record }) })
}

test.each(Object.entries(codecs))(
  '100,000 random or mutated inputs of %s: refused by an ArmError, or the one encoding of a value',
  (name, codec) => {
    const interpreted = compile(codec.schema, 'interpreted')
    const random = seeded(name.length)
    const samples = fc
      .sample(arbitraryOf(codec.schema), { numRuns: 20, seed: 42 })
      .map((value) => (codec.encode as (value: unknown) => Uint8Array)(value))
    let accepted = 0
    for (let i = 0; i < 100_000; i++) {
      const input = mutate(samples[i % samples.length] as Uint8Array, random, i)
      const outcome = decode(codec, input)
      if (i % 10 === 0) expect(decode(interpreted, input) === undefined).toBe(outcome === undefined)
      if (outcome === undefined) continue
      accepted++
      const again = (codec.encode as (value: unknown) => Uint8Array)(outcome)
      if (Buffer.compare(again, input) !== 0)
        throw new Error(`two encodings of one value: ${Buffer.from(input).toString('hex')}`)
    }
    expect(accepted).toBeGreaterThan(0)
  },
)

/** Readers that are more than a codec: what they make of bytes, as the bytes that they would have been made from. */
const readers: Record<
  string,
  { samples: readonly Uint8Array[]; again: (input: Uint8Array) => Uint8Array | undefined }
> = {
  genesis: { samples: [encodeGenesis(genesis)], again: (input) => encodeGenesis(decodeGenesis(input)) },
  'account proof': {
    samples: [...ids.keys()].map((i) => proofOf(i)),
    again(input) {
      verifyAccountProof(state.root(), ids[0] as Uint8Array, input)
      return proofOf(0)
    },
  },
  'part of a state': {
    samples: [...exportState(state)],
    again(input) {
      importState(new ShardState(1), input)
      return undefined
    },
  },
  'transaction of a chain': {
    samples: [encodeTransaction(chain, 0), encodeTransaction(chain, 1, { call: doing(deed('set')) })],
    again(input) {
      const prepared = prepareTransaction(chain.runtime, input, sha256(input), sha256(input))
      return prepared.ok ? chain.runtime.transactions.encode(prepared.value.tx) : undefined
    },
  },
  'text of a schema': {
    samples: Object.values(codecs).map(({ schema }) => utf8(formatSchema(schema))),
    again: (input) => utf8(formatSchema(parseSchema(new TextDecoder().decode(input)))),
  },
}

test.each(Object.keys(readers))(
  '100,000 random or mutated inputs, %s: an ArmError, or what they were made from',
  (name) => {
    const { samples, again } = readers[name] as (typeof readers)[string]
    const random = seeded(name.length)
    let accepted = 0
    for (let i = 0; i < 100_000; i++) {
      const input = mutate(samples[i % samples.length] as Uint8Array, random, i)
      const outcome = attempt(() => again(input))
      if ('code' in outcome) continue
      accepted++
      if (outcome.value !== undefined && Buffer.compare(outcome.value, input) !== 0)
        throw new Error(`accepted, and made from other bytes: ${Buffer.from(input).toString('hex')}`)
    }
    expect(accepted).toBeGreaterThan(0)
  },
)

function decode(codec: { decode(input: Uint8Array): unknown }, input: Uint8Array): unknown {
  try {
    return codec.decode(input)
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

function mutate(sample: Uint8Array, random: (below: number) => number, i: number): Uint8Array {
  if (i % 5 === 0) return Uint8Array.from({ length: random(64) }, () => random(256))
  const input = i % 5 === 1 ? sample.slice(0, random(sample.length + 1)) : sample.slice()
  const changes = random(3)
  for (let k = 0; k < changes && input.length > 0; k++) input[random(input.length)] = random(256)
  return i % 5 === 2 ? Uint8Array.of(...input.subarray(0, 2_000), random(256)) : input
}
