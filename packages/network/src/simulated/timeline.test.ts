import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mix, SeededRandom } from './seeded-random.ts'
import { Timeline } from './timeline.ts'

test('all happens at its moment, in the order of time and then of saying', () => {
  const plans = fc.array(fc.tuple(fc.nat(50), fc.option(fc.nat(20))), { maxLength: 200 })
  fc.assert(
    fc.property(plans, (plan) => {
      const timeline = new Timeline()
      const happened: { readonly dueMs: number; readonly order: number; readonly atMs: number }[] = []
      let order = 0
      const say = (dueMs: number, thenMs: number | null): void => {
        const mine = order++
        timeline.at(dueMs, {
          happen() {
            happened.push({ dueMs, order: mine, atMs: timeline.nowMs })
            if (thenMs !== null) say(timeline.nowMs + thenMs, null)
          },
        })
      }
      for (const [dueMs, thenMs] of plan) say(dueMs, thenMs)
      for (let untilMs = 0; untilMs <= 80; untilMs += 7)
        for (let next = timeline.next(untilMs); next !== undefined; next = timeline.next(untilMs)) {
          expect(timeline.nowMs).toBeLessThanOrEqual(untilMs)
          next.happen()
        }
      expect(happened).toHaveLength(order)
      happened.forEach(({ dueMs, order: mine, atMs }, i) => {
        expect(atMs).toBe(dueMs)
        const before = happened[i - 1]
        if (before !== undefined) {
          expect(before.atMs).toBeLessThanOrEqual(atMs)
          if (before.atMs === atMs) expect(before.order).toBeLessThan(mine)
        }
      })
    }),
  )
})

test('what is past happens now, and the clock stands at the end when nothing is left', () => {
  const timeline = new Timeline()
  expect(timeline.next(100)).toBeUndefined()
  expect(timeline.nowMs).toBe(100)
  let happened = 0
  timeline.at(5, { happen: () => void happened++ })
  timeline.after(0.2, () => void happened++)
  expect(timeline.next(100)).toBeDefined()
  expect(timeline.nowMs).toBe(100)
  expect(timeline.next(100)).toBeUndefined()
  expect(timeline.next(101)).toBeDefined()
})

test('chance can be replayed and is spread', () => {
  const draw = (seed: number) =>
    Array.from(
      { length: 1000 },
      (
        (random) => () =>
          random.below(10)
      )(new SeededRandom(seed)),
    )
  expect(draw(1)).toEqual(draw(1))
  expect(draw(1)).not.toEqual(draw(2))
  for (let value = 0; value < 10; value++) {
    const count = draw(3).filter((drawn) => drawn === value).length
    expect(count).toBeGreaterThan(60)
    expect(count).toBeLessThan(140)
  }
  const random = new SeededRandom(4)
  const items = Array.from({ length: 20 }, (_, i) => i)
  expect(new Set(random.sample(items, 7)).size).toBe(7)
  expect(random.sample(items, 50).sort((a, b) => a - b)).toEqual(items)
  expect(mix(0)).toBe(0)
})
