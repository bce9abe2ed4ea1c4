import { equalBytes } from '@armchain/core'
import { expect, test } from 'vitest'
import { verifyCertificate } from '../certificate.ts'
import type { EngineEffect } from '../engine.ts'
import { verifyEvidence } from '../evidence.ts'
import { FINALIZE, linkOf, NOTARIZE, NULLIFY } from '../statement.ts'
import { MODEL_GENESIS, MODEL_SHARD, MODEL_START } from '../testing/chain-model.ts'
import {
  Bench,
  blockAt,
  certificateOf,
  certificatesOf,
  committee,
  EPOCH,
  finalised,
  notarised,
  nullified,
  proposalOf,
  type TestBlock,
  TIMING,
  voteOf,
} from './engine.fixture.ts'
import type { Message } from './messages.ts'

/** Seat 0 in view 1, which seat 1 leads. */
function follower(): Bench {
  return new Bench(0)
}

/** A follower that has seen view 1 notarised and certified, and is in view 2, which seat 2 leads. */
function inViewTwo(): { bench: Bench; first: TestBlock } {
  const bench = follower()
  const first = blockAt(1)
  bench.take(1, proposalOf(first))
  bench.answer()
  bench.take(1, notarised(first))
  bench.answer()
  return { bench, first }
}

const reasons = (bench: Bench) =>
  bench.effects.flatMap((effect) => (effect.type === 'misconduct' ? [effect.reason] : []))
const order = (effects: readonly EngineEffect[]) => effects.map(({ type }) => type).filter((type) => type !== 'timer')

test('notarize: asked, verified, made durable with its block, then sent', () => {
  const bench = follower()
  const block = blockAt(1)
  expect(order(bench.take(1, proposalOf(block)))).toEqual(['verify'])
  expect(order(bench.answer())).toEqual(['append', 'append', 'send'])
  expect(bench.votes(NOTARIZE)).toEqual([voteOf(0, NOTARIZE, 1, block.link)])
  expect(bench.effects.find((effect) => effect.type === 'append' && effect.guardView === 1)).toBeDefined()
})

const other = blockAt(1, undefined, 'other')
const wrongHeight = { ...blockAt(1), height: 12 }
/** Name, what is done after the start, and whether the view is given up for it at once. */
const refused: readonly (readonly [string, (bench: Bench) => void, 'nullify' | 'wait'])[] = [
  [
    'the shell finds it invalid',
    (bench) => {
      bench.take(1, proposalOf(blockAt(1)))
      bench.answer(false)
    },
    'nullify',
  ],
  ['it comes from who does not lead', (bench) => void bench.take(2, proposalOf(blockAt(1))), 'wait'],
  [
    "its signature is not the leader's",
    (bench) =>
      void bench.take(1, { ...proposalOf(blockAt(1)), signature: voteOf(2, NOTARIZE, 1, blockAt(1).link).signature }),
    'wait',
  ],
  [
    'its payload is not that of the head',
    (bench) => void bench.take(1, { ...proposalOf(blockAt(1)), payload: other.payload }),
    'nullify',
  ],
  ['it is of a view beyond the next', (bench) => void bench.take(3, proposalOf(blockAt(3))), 'wait'],
  ['it is of another epoch', (bench) => void bench.take(1, { ...proposalOf(blockAt(1)), epoch: EPOCH + 1 }), 'wait'],
  ['its height does not follow', (bench) => void bench.take(1, resigned(wrongHeight)), 'nullify'],
  [
    'it stands on what is not notarised',
    (bench) => void bench.take(1, resigned({ ...blockAt(1), parentLink: other.link })),
    'nullify',
  ],
  [
    'it is the second of its leader',
    (bench) => {
      bench.take(1, proposalOf(blockAt(1)))
      bench.take(1, proposalOf(other))
    },
    'wait',
  ],
  [
    'the view was given up',
    (bench) => {
      bench.wait(2 * TIMING.deltaMs)
      bench.take(1, proposalOf(blockAt(1)))
    },
    'wait',
  ],
  ['the leader gave up', (bench) => void bench.take(1, voteOf(1, NULLIFY, 1)), 'nullify'],
]

function resigned(block: TestBlock): Message {
  const { view, height, parentLink, head, payload } = block
  // Signed for the link that these fields make, so that nothing but the field is wrong.
  const link = linkOf(parentLink, view, height, block.hash)
  const { signature } = voteOf(view % 4, NOTARIZE, view, link)
  return { type: 'proposal', epoch: EPOCH, view, height, parentView: 0, parentLink, head, payload, signature }
}

test.each(refused)('no notarize where %s', (_, act, then) => {
  const bench = follower()
  act(bench)
  expect(bench.votes(NOTARIZE)).toEqual([])
  expect(bench.votes(NULLIFY)).toHaveLength(then === 'nullify' ? 1 : 0)
})

test('no notarize without a nullification for each view between: it is asked of the leader, and then follows', () => {
  const { bench, first } = inViewTwo()
  bench.take(2, nullified(2))
  const late = blockAt(3, first)
  expect(order(bench.take(3, proposalOf(late, 1)))).toEqual(['verify'])
  const behind = follower()
  behind.take(1, proposalOf(first))
  behind.answer()
  behind.take(3, certificatesOf(certificateOf(NULLIFY, 2)))
  behind.take(3, proposalOf(late, 1))
  expect(behind.sent()).toContainEqual({ type: 'wantCertificates', epoch: EPOCH, fromView: 1, toView: 1 })
  behind.take(3, notarised(first))
  behind.answer()
  expect(order(behind.effects)).toContain('verify')
})

test('no notarize on a parent that skips a view which is not nullified', () => {
  const { bench } = inViewTwo()
  const skipping = blockAt(2)
  bench.take(2, proposalOf(skipping, 0))
  expect(bench.kinds()).not.toContain('verify')
  expect(bench.sent()).toContainEqual({ type: 'wantCertificates', epoch: EPOCH, fromView: 1, toView: 1 })
  bench.wait(10)
  expect(bench.votes(NOTARIZE)).toEqual([])
})

test('notarization: durable, certified by the shell, then finalize and the next view', () => {
  const bench = follower()
  const block = blockAt(1)
  bench.take(1, proposalOf(block))
  bench.answer()
  bench.take(2, voteOf(2, NOTARIZE, 1, block.link))
  expect(order(bench.effects)).toEqual(['append', 'send', 'certify'])
  bench.answer()
  expect(bench.votes(FINALIZE)).toEqual([voteOf(0, FINALIZE, 1, block.link)])
  bench.take(2, proposalOf(blockAt(2, block), 1))
  expect(order(bench.effects)).toEqual(['verify'])
})

test('a block that the shell does not certify is never built on, and its view is given up', () => {
  const bench = new Bench(2)
  const block = blockAt(1)
  bench.take(1, notarised(block))
  bench.take(1, { type: 'blocks', epoch: EPOCH, blocks: [block] })
  bench.answer(false)
  expect(bench.votes(NULLIFY)).toHaveLength(1)
  expect(bench.votes(FINALIZE)).toEqual([])
  bench.take(1, nullified(1))
  expect(bench.effects.find(({ type }) => type === 'propose')).toMatchObject({ view: 2, height: 11 })
})

test('no finalize after nullify, and no nullify after finalize', () => {
  const late = follower()
  const block = blockAt(1)
  late.take(1, proposalOf(block))
  late.answer()
  late.wait(3 * TIMING.deltaMs)
  expect(late.votes(NULLIFY)).toHaveLength(1)
  late.take(1, notarised(block))
  late.answer()
  expect(late.votes(FINALIZE)).toEqual([])
  const { bench } = inViewTwo()
  for (let i = 0; i < 10; i++) {
    bench.wait(3 * TIMING.deltaMs)
    expect(bench.votes(NULLIFY).every(({ view }) => view !== 1)).toBe(true)
  }
})

test('no finalize for a leader that was seen to sign two blocks', () => {
  const bench = follower()
  const block = blockAt(1)
  bench.take(1, proposalOf(block))
  bench.answer()
  bench.take(1, voteOf(1, NOTARIZE, 1, other.link))
  const evidence = bench.effects.find((effect) => effect.type === 'evidence')
  if (evidence?.type !== 'evidence') throw new Error('no evidence')
  const context = { genesisHash: MODEL_GENESIS, schemaVersion: 1, shard: MODEL_SHARD, epoch: EPOCH }
  expect(verifyEvidence(evidence.bytes, { context, committee })).toMatchObject({
    ok: true,
    value: { signer: 1, view: 1 },
  })
  bench.take(1, voteOf(1, NOTARIZE, 1, blockAt(1, undefined, 'third').link))
  expect(bench.kinds()).not.toContain('evidence')
  bench.take(1, notarised(block))
  bench.answer()
  expect(bench.votes(FINALIZE)).toEqual([])
})

test('a second proposal is evidence even when its view was left without a block', () => {
  const bench = follower()
  bench.take(1, proposalOf(blockAt(1)))
  bench.wait(3 * TIMING.deltaMs)
  bench.take(3, nullified(1))
  expect(order(bench.take(1, proposalOf(other)))).toEqual(['evidence'])
  expect(order(bench.take(1, proposalOf(other)))).toEqual([])
})

test.each([
  ['two finalize', voteOf(2, FINALIZE, 1, blockAt(1).link), voteOf(2, FINALIZE, 1, other.link)],
  ['finalize and nullify', voteOf(2, FINALIZE, 1, blockAt(1).link), voteOf(2, NULLIFY, 1)],
  ['nullify and finalize', voteOf(2, NULLIFY, 1), voteOf(2, FINALIZE, 1, blockAt(1).link)],
])('evidence of %s, once', (_, a, b) => {
  const bench = follower()
  bench.take(2, a)
  expect(bench.take(2, b).filter(({ type }) => type === 'evidence')).toHaveLength(1)
  expect(bench.take(2, b).filter(({ type }) => type === 'evidence')).toHaveLength(0)
})

test('a leader has two Delta, a notarization three; then nullify, said again every three', () => {
  const bench = follower()
  expect(bench.wait(2 * TIMING.deltaMs - 1).some(({ type }) => type === 'send')).toBe(false)
  bench.wait(1)
  expect(bench.votes(NULLIFY)).toEqual([voteOf(0, NULLIFY, 1)])
  bench.wait(TIMING.deltaMs)
  expect(bench.votes(NULLIFY)).toHaveLength(1)
  bench.wait(3 * TIMING.deltaMs)
  expect(bench.votes(NULLIFY)).toHaveLength(1)
})

test('time grows with each view that nothing became final in, up to its bound, and is as before once something is', () => {
  const bench = follower()
  const leaderMs = () => {
    const timer = bench.effects.findLast((effect) => effect.type === 'timer')
    return timer?.type === 'timer' ? timer.atMs - bench.nowMs : undefined
  }
  expect(leaderMs()).toBe(2 * TIMING.deltaMs)
  const delays: number[] = []
  for (let view = 1; view <= 30; view++) {
    bench.take(1, nullified(view))
    const ms = leaderMs()
    if (ms !== undefined && view % 4 !== 3) delays.push(ms)
  }
  expect(delays).toEqual([...delays].sort((a, b) => a - b))
  expect(delays.at(-1)).toBe(2 * TIMING.deltaMaxMs)
  bench.take(1, finalised(blockAt(31)))
  expect(leaderMs()).toBe(2 * TIMING.deltaMs)
})

test('a silent leader is not waited for while a quorum is heard', () => {
  const bench = follower()
  const quiet = TIMING.skipAfterMs + 1
  for (let view = 1; view <= 2; view++) bench.take(1, nullified(view))
  bench.nowMs += quiet
  for (const seat of [1, 2]) bench.take(seat, { type: 'wantCertificates', epoch: EPOCH, fromView: 1, toView: 1 })
  // Views 3 and 7 are led by seat 3, which has said nothing.
  for (let view = 3; view <= 6; view++) bench.take(1, nullified(view))
  expect(bench.votes(NULLIFY)).toEqual([voteOf(0, NULLIFY, 7)])
})

test('finality: ancestors first, each with a certificate that holds', () => {
  const { bench, first } = inViewTwo()
  const second = blockAt(2, first)
  bench.take(2, proposalOf(second, 1))
  bench.answer()
  bench.take(2, finalised(second))
  const finals = bench.effects.flatMap((effect) => (effect.type === 'finalized' ? [effect] : []))
  expect(finals.map(({ height }) => height)).toEqual([11, 12])
  for (const { head, certificate } of finals)
    expect(verifyCertificate(head, certificate, { genesisHash: MODEL_GENESIS, schemaVersion: 1, committee }).ok).toBe(
      true,
    )
})

test('what can never be final is abandoned', () => {
  const bench = follower()
  bench.take(1, proposalOf(blockAt(1)))
  bench.take(1, nullified(1))
  const second = blockAt(2)
  bench.take(2, proposalOf(second, 0))
  bench.answer()
  bench.take(2, finalised(second))
  expect(bench.effects).toContainEqual({ type: 'abandon', headHash: blockAt(1).hash })
})

test('weight decides: heavy seats make a certificate, as many light ones do not', () => {
  const seats = [5, 1, 1, 1].map((weight, i) => ({ key: (committee.seats[i] as { key: Uint8Array }).key, weight }))
  const heavy = { ...committee, seats, totalWeight: 8, quorumWeight: 6 }
  const bench = new Bench(0, { committee: heavy })
  const block = blockAt(1)
  bench.take(2, voteOf(2, NOTARIZE, 1, block.link))
  bench.take(3, voteOf(3, NOTARIZE, 1, block.link))
  bench.take(1, proposalOf(block))
  expect(bench.kinds()).not.toContain('certify')
  bench.answer()
  expect(bench.kinds()).toContain('certify')
})

test.each<[string, number, Message]>([
  ['a vote of another', 2, voteOf(1, NULLIFY, 1)],
  ['a vote whose signature is invalid', 2, { ...voteOf(2, NULLIFY, 1), signature: voteOf(1, NULLIFY, 1).signature }],
  ['a certificate that does not hold', 2, certificatesOf({ ...certificateOf(NULLIFY, 1), view: 2 })],
  ['a certificate that does not hold', 2, certificatesOf(certificateOf(NULLIFY, 1, undefined, [0, 1]))],
  ['a proposal of who does not lead the view', 2, proposalOf(blockAt(1))],
])('misconduct: %s', (reason, from, message) => {
  const bench = follower()
  bench.take(from, message)
  expect(reasons(bench)).toEqual([reason])
})

test('a vote twice counts once, and what comes back to its sender is nothing', () => {
  const bench = follower()
  for (let i = 0; i < 5; i++) bench.take(2, voteOf(2, NULLIFY, 1))
  bench.take(0, voteOf(0, NULLIFY, 1))
  expect(bench.kinds()).not.toContain('append')
})

test('two certificates that contradict each other: the engine halts', () => {
  const { bench } = inViewTwo()
  bench.take(1, certificatesOf(certificateOf(NOTARIZE, 1, other.link)))
  expect(bench.kinds()).toContain('halted')
  expect(bench.wait(10_000)).toEqual([])
  const { bench: second, first } = inViewTwo()
  second.take(1, finalised(first))
  second.take(1, certificatesOf(certificateOf(FINALIZE, 1, other.link)))
  expect(second.kinds()).toContain('halted')
})

test('who is stuck in a view that others have left gets what leads out, once a Delta', () => {
  const { bench, first } = inViewTwo()
  bench.take(3, voteOf(3, NULLIFY, 1))
  expect(bench.sent()).toMatchObject([{ type: 'certificates', certificates: [{ kind: NOTARIZE, view: 1 }] }])
  bench.take(3, voteOf(3, NULLIFY, 1))
  expect(bench.sent()).toEqual([])
  bench.take(1, finalised(first))
  bench.nowMs += TIMING.deltaMs
  bench.take(3, voteOf(3, NULLIFY, 1))
  expect(bench.sent()).toMatchObject([{ type: 'certificates', certificates: [{ kind: FINALIZE, view: 1 }] }])
})

test('the last block of an epoch is repeated until it is final by a vote on itself; nothing comes after', () => {
  const epoch = { number: EPOCH, startHeight: 10, startHash: MODEL_START, endHeight: 11, seed: MODEL_GENESIS }
  const bench = new Bench(2, { epoch })
  const last = blockAt(1)
  bench.take(1, proposalOf(last))
  bench.answer()
  bench.take(1, notarised(last))
  bench.answer()
  const repeat = bench.sent().find((message) => message.type === 'proposal')
  expect(repeat).toMatchObject({ view: 2, height: 11, parentView: 1, head: last.head, payload: undefined })
  const voter = new Bench(0, { epoch })
  voter.take(1, proposalOf(last))
  voter.answer()
  voter.take(1, notarised(last))
  voter.answer()
  voter.take(2, repeat as Message)
  expect(voter.votes(NOTARIZE)).toHaveLength(1)
  const link = voter.votes(NOTARIZE)[0]?.link as Uint8Array
  expect(equalBytes(link, last.link)).toBe(false)
  voter.take(2, certificatesOf(certificateOf(FINALIZE, 2, link)))
  const end = voter.effects.find((effect) => effect.type === 'epochEnd')
  if (end?.type !== 'epochEnd') throw new Error('the epoch did not end')
  expect(
    verifyCertificate(last.head, end.certificate, { genesisHash: MODEL_GENESIS, schemaVersion: 1, committee }).ok,
  ).toBe(true)
  expect(voter.wait(100_000).filter(({ type }) => type === 'send')).toEqual([])
})

test('a clock that is put back holds nothing up', () => {
  const bench = follower()
  bench.nowMs -= 500_000
  bench.feed({ type: 'work' })
  const timer = bench.effects.find((effect) => effect.type === 'timer')
  expect(timer).toMatchObject({ atMs: bench.nowMs + 2 * TIMING.deltaMs })
  bench.wait(2 * TIMING.deltaMs)
  expect(bench.votes(NULLIFY)).toHaveLength(1)
})
