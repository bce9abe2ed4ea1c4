import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodePeerMessage, encodePeerMessage, PeerKind, type PeerMessage } from './wire.ts'

const u32 = fc.nat({ max: 0xffff_ffff })
const bytes = fc.uint8Array({ maxLength: 40 })
const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ kind: fc.constant(PeerKind.engine), vShard: u32, bytes }),
  fc.record({ kind: fc.constant(PeerKind.transactions), transactions: fc.array(bytes, { maxLength: 5 }) }),
  fc.record({ kind: fc.constant(PeerKind.wantBlocks), vShard: u32, fromHeight: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant(PeerKind.head), vShard: u32, head: bytes, certificate: bytes }),
  fc.record({ kind: fc.constant(PeerKind.blocks), vShard: u32, blocks: fc.array(bytes, { maxLength: 5 }) }),
)

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(message, (each) => {
      expect(decodePeerMessage(encodePeerMessage(each))).toEqual(each)
    }),
  )
})

test('bytes of any kind never throw, and have one meaning at most', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
      const decoded = decodePeerMessage(noise)
      if (decoded !== undefined) expect(encodePeerMessage(decoded)).toEqual(noise)
    }),
    { numRuns: 2_000 },
  )
})
