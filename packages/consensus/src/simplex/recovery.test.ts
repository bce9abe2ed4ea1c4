import { expect, test } from 'vitest'
import type { EngineInput } from '../engine.ts'
import { CHECKPOINT_BLOCKS, RANGE_BLOCKS_MAX } from '../limits.ts'
import { FINALIZE, NOTARIZE, NULLIFY } from '../statement.ts'
import {
  Bench,
  blockAt,
  certificateOf,
  certificatesOf,
  finalised,
  notarised,
  nullified,
  proposalOf,
  type TestBlock,
  TIMING,
  voteOf,
} from './engine.fixture.ts'

const other = blockAt(1, undefined, 'other')

/** The engine of seat 0 after a crash, with the first `kept` of its records. */
function restarted(
  bench: Bench,
  kept = bench.records.length,
  start: Partial<EngineInput & { type: 'start' }> = {},
): Bench {
  return new Bench(0, {}, { records: bench.records.slice(0, kept), ...start })
}

function voted(): { bench: Bench; block: TestBlock } {
  const bench = new Bench(0)
  const block = blockAt(1)
  bench.take(1, proposalOf(block))
  bench.answer()
  return { bench, block }
}

test('an own notarize is not cast again for another block', () => {
  const again = restarted(voted().bench)
  again.take(1, proposalOf(other))
  expect(again.kinds()).not.toContain('verify')
  again.wait(3 * TIMING.deltaMs)
  expect(again.votes(NOTARIZE).every(({ link }) => link === undefined || link !== other.link)).toBe(true)
})

test('after an own nullify there is no notarize and no finalize', () => {
  const bench = new Bench(0)
  bench.wait(2 * TIMING.deltaMs)
  const again = restarted(bench)
  const block = blockAt(1)
  again.take(1, proposalOf(block))
  expect(again.votes(NOTARIZE)).toEqual([])
  again.take(1, notarised(block))
  again.answer()
  expect(again.votes(FINALIZE)).toEqual([])
})

test('after an own finalize the view is left and never nullified', () => {
  const { bench, block } = voted()
  bench.take(1, notarised(block))
  bench.answer()
  const again = restarted(bench)
  for (let i = 0; i < 6; i++) {
    again.wait(3 * TIMING.deltaMs)
    expect(again.votes(NULLIFY).every(({ view }) => view > 1)).toBe(true)
  }
})

test('cut anywhere, records give an engine that contradicts nothing it has sent', () => {
  const { bench, block } = voted()
  bench.take(1, notarised(block))
  bench.answer()
  for (let kept = 0; kept <= bench.records.length; kept++) {
    const again = restarted(bench, kept)
    again.take(1, proposalOf(block))
    if (again.kinds().includes('verify')) again.answer()
    again.take(1, notarised(block))
    if (again.kinds().includes('certify')) again.answer()
    expect(again.kinds()).not.toContain('halted')
  }
})

test('blocks and certificates come back: a block that was notarised is certified anew and becomes final', () => {
  const { bench, block } = voted()
  bench.take(1, notarised(block))
  const again = restarted(bench)
  expect(again.kinds()).toContain('certify')
  again.answer()
  again.take(1, finalised(block))
  expect(again.effects).toContainEqual(expect.objectContaining({ type: 'finalized', headHash: block.hash }))
})

test('what was final when the shell lost its last writes is reported again', () => {
  const { bench, block } = voted()
  bench.take(1, finalised(block))
  const again = restarted(bench)
  expect(again.effects).toContainEqual(expect.objectContaining({ type: 'finalized', height: 11, headHash: block.hash }))
})

test('amnesia: no vote in the epoch, also after another restart, but it follows', () => {
  const bench = new Bench(0, {}, { amnesia: {} })
  const block = blockAt(1)
  bench.take(1, proposalOf(block))
  expect(bench.kinds()).not.toContain('verify')
  const again = restarted(bench)
  for (const each of [bench, again]) {
    each.take(1, proposalOf(block))
    each.wait(10_000)
    expect(each.sent().map(({ type }) => type)).not.toContain('vote')
    each.take(1, finalised(block))
    expect(each.kinds()).toContain('finalized')
  }
})

test('amnesia with a guard: votes again above the last view that it may have voted in', () => {
  const bench = new Bench(0, {}, { amnesia: { guardView: 2 } })
  for (const view of [1, 2]) {
    bench.take(view, proposalOf(blockAt(view), 0))
    expect(bench.kinds()).not.toContain('verify')
    bench.take(1, nullified(view))
  }
  bench.take(3, proposalOf(blockAt(3), 0))
  bench.answer()
  expect(bench.votes(NOTARIZE)).toHaveLength(1)
})

test('a checkpoint replaces all records, and an engine starts from it where the shell stands', () => {
  const bench = new Bench(0)
  let below: TestBlock | undefined
  let checkpoint: readonly Uint8Array[] | undefined
  let certificate: Uint8Array | undefined
  for (let view = 1; below === undefined || below.height < 10 + CHECKPOINT_BLOCKS; view++) {
    // Its own to lead.
    if (view % 4 === 0) {
      bench.take(1, nullified(view))
      continue
    }
    const block: TestBlock = blockAt(view, below)
    bench.take(view % 4, proposalOf(block, below?.view ?? 0))
    bench.answer()
    bench.take(1, finalised(block))
    for (const effect of bench.effects) {
      if (effect.type === 'checkpoint') checkpoint = effect.records
      if (effect.type === 'finalized') certificate = effect.certificate
    }
    below = block
  }
  if (checkpoint === undefined) throw new Error('no checkpoint')
  expect(checkpoint.length).toBeLessThan(10)
  const again = new Bench(0, {}, { records: checkpoint, height: below.height, headHash: below.hash, certificate })
  const next = blockAt(below.view + 1, below)
  again.take(next.view % 4, proposalOf(next, below.view))
  again.answer()
  expect(again.votes(NOTARIZE)).toEqual([voteOf(0, NOTARIZE, next.view, next.link)])
})

test('a shell that stands below its records is brought up: by peers, then by its own fetching', () => {
  const bench = new Bench(0)
  const [first, far] = [blockAt(1), { ...blockAt(400), height: 400 }]
  bench.take(1, certificatesOf(certificateOf(FINALIZE, 400, far.link)))
  expect(bench.sent()).toMatchObject([{ type: 'wantBlocks' }])
  expect(bench.kinds()).not.toContain('halted')
  const asked = []
  for (let i = 0; i < 6; i++) asked.push(...bench.wait(2 * TIMING.deltaMs))
  expect(asked).toContainEqual({
    type: 'fetch',
    fromHeight: first.height,
    toHeight: first.height + RANGE_BLOCKS_MAX - 1,
  })
})
