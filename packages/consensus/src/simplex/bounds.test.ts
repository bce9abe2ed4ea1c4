import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PEER_FAULTS_MAX, RANGE_BYTES_MAX, RANGE_VIEWS_MAX } from '../limits.ts'
import { FINALIZE, NOTARIZE, NULLIFY, type VoteKind } from '../statement.ts'
import {
  Bench,
  blockAt,
  certificateOf,
  certificatesOf,
  EPOCH,
  finalised,
  proposalOf,
  TIMING,
  voteOf,
} from './engine.fixture.ts'
import { decodeMessage, encodeMessage, type Message } from './messages.ts'

/** Any message that one validator, seat 3, can sign. */
const view = fc.oneof(fc.nat(4), fc.nat(2 ** 20))
const block = fc.tuple(view, fc.nat(3)).map(([at, text]) => blockAt(at + 1, undefined, String(text)))
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(fc.constantFrom<VoteKind>(NOTARIZE, NULLIFY, FINALIZE), view, block)
    .map(([kind, at, { link }]) => voteOf(3, kind, at, kind === NULLIFY ? undefined : link)),
  block.map((each) => proposalOf(each)),
  fc.tuple(view, block).map(([at, { link }]) => certificatesOf(certificateOf(NOTARIZE, at, link, [3]))),
  view.map(
    (at): Message => ({ type: 'wantCertificates', epoch: EPOCH, fromView: at, toView: at + RANGE_VIEWS_MAX - 1 }),
  ),
  block.map(({ link }): Message => ({ type: 'wantBlocks', epoch: EPOCH, link, aboveHeight: 0 })),
  block.map((each): Message => ({ type: 'blocks', epoch: EPOCH, blocks: [each, each] })),
)

test('whatever one validator sends, nothing grows beyond its limit, and nothing is decided', () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 200 }), (messages) => {
      const bench = new Bench(0)
      for (const message of messages) bench.take(3, message)
      for (const { name, size, limit } of bench.engine.sizes?.() ?? []) expect(size, name).toBeLessThanOrEqual(limit)
      expect(bench.engine.sizes?.().find(({ name }) => name === 'pendingBlocks')?.size).toBeLessThanOrEqual(2)
      expect(bench.kinds()).not.toContain('finalized')
      expect(bench.kinds()).not.toContain('halted')
    }),
    { numRuns: 100 },
  )
})

test('any bytes at all: misconduct, and no throw', () => {
  const bench = new Bench(0)
  const encoded = anyMessage.map((message) => encodeMessage(message).slice())
  const cut = fc.tuple(encoded, fc.nat(400)).map(([bytes, at]) => bytes.slice(0, at % bytes.length))
  const flipped = fc.tuple(encoded, fc.nat(400), fc.integer({ min: 1, max: 255 })).map(([bytes, at, change]) => {
    bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ change
    return bytes
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), cut, flipped), fc.nat(9), (bytes, from) => {
      bench.nowMs += TIMING.deltaMs
      const effects = bench.feed({ type: 'message', from, bytes })
      if (decodeMessage(bytes) === undefined && from !== 0)
        expect(effects).toContainEqual({ type: 'misconduct', peer: from, reason: 'a message that is malformed' })
    }),
    { numRuns: 2_000 },
  )
})

test('a message has one encoding, and comes back as it was', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encodeMessage(message)
      const copy = decodeMessage(bytes.slice()) as Message
      expect(encodeMessage(copy)).toEqual(bytes)
    }),
  )
})

test('a question is asked once, not with every message that raises it', () => {
  const bench = new Bench(0)
  const missing = blockAt(1)
  let asked = 0
  bench.take(1, certificatesOf(certificateOf(NOTARIZE, 1, missing.link)))
  for (let i = 0; i < 50; i++) {
    asked += bench.sent().filter(({ type }) => type === 'wantBlocks').length
    bench.take(1, voteOf(1 + (i % 3), NULLIFY, 1))
  }
  expect(asked).toBe(1)
})

test('a peer that asks without end is given so much in a Delta and no more', () => {
  const bench = new Bench(0)
  const big = { ...blockAt(1) }
  bench.take(1, proposalOf(big))
  bench.take(1, finalised(big))
  let sizeBytes = 0
  for (let i = 0; i < 100_000 && sizeBytes <= RANGE_BYTES_MAX; i++) {
    const before = sizeBytes
    for (const effect of bench.take(9, { type: 'wantBlocks', epoch: EPOCH, link: big.link, aboveHeight: 0 }))
      if (effect.type === 'send') sizeBytes += big.payload.length + big.head.length
    if (sizeBytes === before) break
  }
  expect(sizeBytes).toBeLessThanOrEqual(RANGE_BYTES_MAX)
  bench.nowMs += 100
  expect(bench.take(9, { type: 'wantBlocks', epoch: EPOCH, link: big.link, aboveHeight: 0 })).not.toEqual([])
})

test('blocks that nobody asked for are not kept', () => {
  const bench = new Bench(0)
  bench.take(3, { type: 'blocks', epoch: EPOCH, blocks: [blockAt(7), blockAt(8)] })
  expect(bench.engine.sizes?.().find(({ name }) => name === 'pendingBlocks')?.size).toBe(0)
})

test('what leaders propose in views that come to nothing is not kept', () => {
  const bench = new Bench(0, {}, { amnesia: {} })
  for (let at = 1; at <= 100; at++) {
    if (at % 4 !== 0) bench.take(at % 4, proposalOf(blockAt(at)))
    bench.take(1, certificatesOf(certificateOf(NULLIFY, at)))
    expect(bench.engine.sizes?.().find(({ name }) => name === 'pendingBlocks')?.size).toBeLessThanOrEqual(18)
  }
})

test('who sends what does not hold is heard so often in a Delta and no more; others are, and it is again later', () => {
  const bench = new Bench(0)
  const wrong = { ...voteOf(3, NULLIFY, 1), signature: new Uint8Array(8) }
  let blamed = 0
  for (let i = 0; i < 1_000; i++) blamed += bench.take(3, wrong).filter(({ type }) => type === 'misconduct').length
  expect(blamed).toBe(PEER_FAULTS_MAX)
  bench.take(3, voteOf(3, NULLIFY, 1))
  bench.take(2, voteOf(2, NULLIFY, 1))
  bench.take(1, voteOf(1, NULLIFY, 1))
  // Its own follows the leader's, and makes three with seat 2's: the one of seat 3 was not heard.
  expect(bench.sent().filter(({ type }) => type === 'certificates')).toHaveLength(1)
  bench.nowMs += TIMING.deltaMs
  expect(bench.take(3, wrong)).toContainEqual(expect.objectContaining({ type: 'misconduct' }))
})
