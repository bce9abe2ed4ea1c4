import { blob, compile, fieldOffset, struct, u8, u16 } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeEnvelope, ENVELOPE_HEAD_BYTES, type Envelope, encodeEnvelope, readEnvelopeHead } from './envelope.ts'
import { ENVELOPE_BYTES_MAX, EXTENSIONS_MAX } from './limits.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const envelopes: fc.Arbitrary<Envelope> = fc.record({
  version: fc.nat(255),
  encoding: fc.nat(255),
  type: fc.nat(65_535),
  flags: fc.nat(65_535),
  body: bytes(300),
  extensions: fc.array(bytes(20), { maxLength: EXTENSIONS_MAX }),
})

test('an envelope of any version comes back as it was, and its head is read without its body', () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      const encoded = encodeEnvelope(envelope)
      expect(decodeEnvelope(encoded)).toEqual(envelope)
      const { version, encoding, type, flags } = envelope
      expect(readEnvelopeHead(encoded)).toEqual({ version, encoding, type, flags })
    }),
  )
})

test('the fixed offsets are those of the schema', () => {
  const schema = struct(
    ['version', u8],
    ['encoding', u8],
    ['type', u16],
    ['flags', u16],
    ['body', blob(ENVELOPE_BYTES_MAX)],
  )
  expect(fieldOffset(schema, 'body') + 5).toBe(ENVELOPE_HEAD_BYTES)
  const head = { version: 1, encoding: 2, type: 0x0304, flags: 0x0506 }
  const encoded = compile(schema).encode({ ...head, body: Uint8Array.of(7) })
  expect(readEnvelopeHead(encoded)).toEqual(head)
  expect(encodeEnvelope({ ...head, body: Uint8Array.of(7), extensions: [] })).toEqual(encoded)
})

test('what one reader takes the other takes, and there is one encoding of an envelope', () => {
  const damaged = fc.tuple(envelopes, fc.nat(), fc.nat(255), fc.boolean()).map(([envelope, at, value, cut]) => {
    const encoded = encodeEnvelope(envelope)
    const index = at % encoded.length
    if (cut) return encoded.subarray(0, index)
    encoded[index] = value
    return encoded
  })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 64 })), (input) => {
      const envelope = decodeEnvelope(input)
      expect(readEnvelopeHead(input) === undefined).toBe(envelope === undefined)
      if (envelope !== undefined) expect(encodeEnvelope(envelope)).toEqual(input)
    }),
    { numRuns: 2000 },
  )
})

test('a router of version 1 reads the head of version 2 and what it passes on is what it got', () => {
  const later: Envelope = {
    version: 2,
    encoding: 9,
    type: 60_000,
    flags: 0xffff,
    body: Uint8Array.of(1, 2, 3),
    extensions: [Uint8Array.of(4), new Uint8Array(0), new Uint8Array(500).fill(5)],
  }
  const received = encodeEnvelope(later)
  const before = received.slice()
  expect(readEnvelopeHead(received)).toEqual({ version: 2, encoding: 9, type: 60_000, flags: 0xffff })
  expect(received).toEqual(before)
  expect(encodeEnvelope(decodeEnvelope(received) as Envelope)).toEqual(before)
})

test('more fields than an envelope may have are refused at both ends', () => {
  const extensions = Array.from({ length: EXTENSIONS_MAX + 1 }, () => new Uint8Array(1))
  const envelope = { version: 2, encoding: 0, type: 1, flags: 0, body: new Uint8Array(0) }
  expect(() => encodeEnvelope({ ...envelope, extensions })).toThrow(expect.objectContaining({ code: 'ARM_ARGUMENT' }))
  const encoded = encodeEnvelope({ ...envelope, extensions: extensions.slice(1) })
  const longer = Uint8Array.from([...encoded, 0xc6, 0, 0, 0, 0])
  longer[0] = (longer[0] as number) + 1
  expect(readEnvelopeHead(longer)).toBeUndefined()
  expect(decodeEnvelope(longer)).toBeUndefined()
})
