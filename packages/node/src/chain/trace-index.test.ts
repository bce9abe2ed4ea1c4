import { MESSAGE_DELIVER, messageCodec, wholeShard as shard } from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import { expect, test } from 'vitest'
import { TraceIndex } from './trace-index.ts'

const HASH = new Uint8Array(32)

function message(seq: number, argsBytes: number): Uint8Array {
  return messageCodec.encode({
    source: shard(1),
    destination: shard(2),
    seq,
    traceId: HASH,
    hop: 0,
    kind: MESSAGE_DELIVER,
    from: HASH,
    to: HASH,
    value: BigInt(seq),
    gasLimit: 0,
    gasPrice: 0n,
    prepaid: 0n,
    expiryHeight: 1,
    call: { module: 'm', method: 'n', args: new Uint8Array(argsBytes) },
    cause: '',
  })
}

/** As much of a block as the index looks at. */
function block(from: number, to: number, seq: number, argsBytes: number): SealedBlock {
  const messages = [message(seq, argsBytes)]
  return {
    shard: shard(from),
    executed: {
      height: seq,
      head: { timeMs: seq },
      anchors: [],
      imports: [{ source: shard(to), messages }],
      outbox: { batches: [{ batch: { destination: shard(to), firstSeq: seq, count: 1 }, messages }] },
    },
  } as unknown as SealedBlock
}

test('messages are kept by their bytes, over all channels together, the oldest forgotten first', () => {
  const index = new TraceIndex({ entries: 1_000, sentBytes: 1_000_000 })
  for (let seq = 0; seq < 100; seq++) {
    index.add(block(1, 2, seq, 90_000))
    index.add(block(1, 3, seq, 100))
    expect(index.sentBytes).toBeLessThanOrEqual(1_000_000)
  }
  expect(index.sent(shard(1), shard(2), 99)).toEqual(message(99, 90_000))
  expect(index.sent(shard(1), shard(3), 99)).toEqual(message(99, 100))
  expect(index.sent(shard(1), shard(2), 80)).toBeUndefined()
  expect(index.sent(shard(1), shard(3), 80)).toBeUndefined()
  // Deliveries are weighed by their number, and all are still there.
  expect(index.delivered(shard(2), shard(1), 0)).toMatchObject({ height: 0 })
  index.clear()
  expect([index.sentBytes, index.delivered(shard(2), shard(1), 99)]).toEqual([0, undefined])
})

test('deliveries are bounded over all channels', () => {
  const index = new TraceIndex({ entries: 80, sentBytes: 1_000_000 })
  for (let seq = 0; seq < 100; seq++) for (const to of [2, 3]) index.add(block(1, to, seq, 0))
  const known = [2, 3].map(
    (to) => Array.from({ length: 100 }, (_, seq) => index.delivered(shard(to), shard(1), seq)).filter(Boolean).length,
  )
  expect((known[0] as number) + (known[1] as number)).toBeLessThanOrEqual(80)
  expect(Math.min(...known)).toBeGreaterThan(30)
  expect(index.delivered(shard(2), shard(1), 99)).toMatchObject({ height: 99 })
})
