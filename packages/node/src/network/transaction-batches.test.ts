import { limits } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { subjectTopic } from './network-lanes.ts'
import { framedBatches } from './transaction-batches.ts'
import { decodePeerMessage, PeerKind } from './wire.ts'

const { messageBytesMax } = subjectTopic('suite', 1, 'transactions')

test('batches hold all transactions in order, and each fits the topic', () => {
  const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(limits.TX_BYTES_MAX), fc.constant(limits.TX_BYTES_MAX)), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(sizes, (lengths) => {
      const transactions = lengths.map((length, i) => new Uint8Array(length).fill(i))
      const sent: Uint8Array[] = []
      for (const framed of framedBatches(transactions)) {
        expect(framed.length).toBeLessThanOrEqual(messageBytesMax)
        const message = decodePeerMessage(framed)
        if (message?.kind !== PeerKind.transactions) throw new Error('not a batch of transactions')
        expect(message.transactions.length).toBeGreaterThan(0)
        sent.push(...message.transactions)
      }
      expect(sent.map(({ length }) => length)).toEqual(lengths)
      expect(sent.every((bytes, i) => bytes.length === 0 || bytes[0] === i)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('ordinary transfers share batches', () => {
  const transactions = Array.from({ length: 5_000 }, () => new Uint8Array(215))
  expect([...framedBatches(transactions)]).toHaveLength(9)
})
