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

test('deliveries are bounded over all channels', () => {
  const index = new TraceIndex(80)
  for (let seq = 0; seq < 100; seq++) for (const to of [2, 3]) index.add(block(1, to, seq, 0))
  const known = [2, 3].map(
    (to) => Array.from({ length: 100 }, (_, seq) => index.delivered(shard(to), shard(1), seq)).filter(Boolean).length,
  )
  expect((known[0] as number) + (known[1] as number)).toBeLessThanOrEqual(80)
  expect(Math.min(...known)).toBeGreaterThan(30)
  expect(index.delivered(shard(2), shard(1), 99)).toMatchObject({ height: 99 })
})
