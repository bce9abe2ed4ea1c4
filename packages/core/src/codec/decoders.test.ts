import fc from 'fast-check'
import { Unpackr } from 'msgpackr'
import { expect, test } from 'vitest'
import {
  anchorCodec,
  blockCodec,
  bodyCodec,
  certificateCodec,
  headCodec,
  importCodec,
  shardTopCodec,
} from '../chain/block.ts'
import { decodeGenesis } from '../chain/genesis.ts'
import { messageCodec } from '../chain/message.ts'
import {
  BASE_DETAILS_SCHEMA,
  BASE_RECEIPT_SCHEMA,
  BASE_TRANSACTION_SCHEMA,
  defaultScheme,
  schemeCodec,
} from '../chain/scheme.ts'
import { isArmError } from '../errors.ts'
import { verifyAccountProof } from '../state/account-proof.ts'
import { compile } from './codec.ts'
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

const shards = [{ vShard: 0, engine: 'solo', validators: [new Uint8Array(32)] }]
const codecs = {
  transaction: compile(BASE_TRANSACTION_SCHEMA),
  details: compile(BASE_DETAILS_SCHEMA),
  receipt: compile(BASE_RECEIPT_SCHEMA),
  head: headCodec,
  body: bodyCodec,
  block: blockCodec,
  import: importCodec,
  anchor: anchorCodec,
  certificate: certificateCodec,
  top: shardTopCodec,
  message: messageCodec,
  scheme: schemeCodec,
}

test.each(Object.entries(codecs))(
  '100,000 random or mutated inputs of %s: refused by an ArmError, or the one encoding of a value',
  (name, codec) => {
    const interpreted = compile(codec.schema, 'interpreted')
    let seed = name.length
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
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

test('genesis and proof readers throw only ArmErrors', () => {
  const scheme = defaultScheme({ chainId: 1, networkId: 'n', shards })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(), (input, at) => {
      const mutated = schemeCodec.encode(scheme)
      mutated[at % mutated.length] = input[0] ?? 0
      for (const read of [
        () => decodeGenesis(input),
        () => verifyAccountProof(new Uint8Array(32), new Uint8Array(32), input),
        () => schemeCodec.decode(mutated),
      ]) {
        try {
          read()
        } catch (error) {
          expect(isArmError(error)).toBe(true)
        }
      }
    }),
    { numRuns: 5_000 },
  )
})

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
