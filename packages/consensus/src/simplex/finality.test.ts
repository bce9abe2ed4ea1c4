import { expect, test } from 'vitest'
import type { EngineEffect, EngineInput } from '../engine.ts'
import { Bench, blockAt } from './engine.fixture.ts'

type Sent = { readonly from: number; readonly to: number | 'all'; readonly bytes: Uint8Array }

/** Four engines and a network in which every message takes one tick; shells answer at once. */
function committee(): { benches: Bench[]; tick: () => EngineEffect[] } {
  let wire: Sent[] = []
  const benches = [0, 1, 2, 3].map(
    (seat) => new Bench(seat, { pace: { blockTimeMs: 0, idleMs: 60_000, mode: 'timed' } }),
  )
  const seen: EngineEffect[] = []

  function carryOut(bench: Bench, from: number): void {
    for (const effect of bench.effects) {
      seen.push(effect)
      if (effect.type === 'send') wire.push({ from, to: effect.to, bytes: effect.bytes })
      const answer = answerTo(effect)
      if (answer === undefined) continue
      bench.feed(answer)
      carryOut(bench, from)
    }
  }
  function tick(): EngineEffect[] {
    seen.length = 0
    const arrived = wire
    wire = []
    for (const { from, to, bytes } of arrived)
      for (const [seat, bench] of benches.entries()) {
        if (seat === from || (to !== 'all' && to !== seat)) continue
        bench.feed({ type: 'message', from, bytes })
        carryOut(bench, seat)
      }
    return [...seen]
  }
  benches[1]?.feed({ type: 'work' })
  carryOut(benches[1] as Bench, 1)
  return { benches, tick }
}

function answerTo(effect: EngineEffect): EngineInput | undefined {
  if (effect.type === 'verify') return { ...effect, type: 'verified', valid: true }
  if (effect.type === 'certify') return { ...effect, type: 'certified', valid: true }
  if (effect.type !== 'propose' || effect.view !== 1) return undefined
  const { head, payload } = blockAt(1)
  return { ...effect, type: 'proposed', head, payload }
}

test('with a leader that does its work, a block is final after three message delays, on every validator', () => {
  const { tick } = committee()
  const finals = [1, 2, 3].map(() => tick().filter(({ type }) => type === 'finalized').length)
  expect(finals).toEqual([0, 0, 4])
})
