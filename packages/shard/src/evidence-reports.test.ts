import { encodeEvidence, FINALIZE, NOTARIZE, type VoteKind } from '@armchain/consensus'
import { wholeShard } from '@armchain/core'
import { expect, test } from 'vitest'
import { EvidenceReports } from './evidence-reports.ts'
import { REPORT_RETRY_BLOCKS, REPORTS_MAX } from './limits.ts'

const NOTHING = { entry: () => undefined }
const EVERYTHING = { entry: () => new Uint8Array(9) }

/** Two votes that nobody signed: reports are not checked again here. */
function report(signer: number, { view = 1, vShard = 1, epoch = 0, kind = NOTARIZE as VoteKind } = {}) {
  const [voteA, voteB] = [1, 2].map((byte) => ({
    kind,
    link: new Uint8Array(32).fill(byte),
    signature: new Uint8Array(64),
  }))
  return { shard: wholeShard(vShard), evidence: encodeEvidence({ epoch, view, signer }, [voteA, voteB] as never) }
}

test('nodes take turns, and report what is not recorded until then', () => {
  const [first, third] = [0, 2].map((turn) => new EvidenceReports(turn)) as [EvidenceReports, EvidenceReports]
  for (const node of [first, third]) node.take(10, report(1))
  expect(first.due(NOTHING, 10)).toEqual([report(1)])
  expect(third.due(NOTHING, 11)).toEqual([])
  // The first one's report is in the block of height 12.
  expect(third.due(EVERYTHING, 12)).toEqual([])
  expect(third.due(NOTHING, 13)).toEqual([])
  // That block has never become final.
  expect(third.due(NOTHING, 12 + REPORT_RETRY_BLOCKS)).toEqual([report(1)])
})

test('where nobody has reported, the next one does; and what is lost is reported again', () => {
  const node = new EvidenceReports(2)
  node.take(10, report(1))
  expect(node.due(NOTHING, 12)).toEqual([report(1)])
  expect(node.due(NOTHING, 12 + REPORT_RETRY_BLOCKS - 1)).toEqual([])
  expect(node.due(NOTHING, 12 + REPORT_RETRY_BLOCKS)).toEqual([report(1)])
  expect(node.due(EVERYTHING, 12 + 2 * REPORT_RETRY_BLOCKS)).toEqual([])
})

test('one offence of a validator in an epoch is enough, but each validator, shard and epoch is another', () => {
  const node = new EvidenceReports(0)
  node.take(1, report(1))
  node.take(1, report(1, { view: 2 }))
  node.take(1, report(1, { kind: FINALIZE }))
  expect(node.due(NOTHING, 1)).toEqual([report(1)])
  const others = [report(2), report(1, { vShard: 2 }), report(1, { epoch: 1 })]
  for (const each of others) node.take(2, each)
  expect(node.due(NOTHING, 2)).toEqual(others)
})

test('memory has a limit, and bytes that are no evidence take none', () => {
  const node = new EvidenceReports(0)
  node.take(1, { shard: wholeShard(1), evidence: Uint8Array.of(1) })
  expect(node.size).toBe(0)
  for (let i = 0; i <= REPORTS_MAX; i++) node.take(1, report(i % 1_024, { epoch: i >> 10 }))
  expect(node.size).toBe(REPORTS_MAX)
  // The oldest has made room.
  expect(node.due(NOTHING, 1)[0]).toEqual(report(1))
})
