import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRandom, keyed } from './random.ts'
import { Schedule } from './schedule.ts'

test('events come by time, and those of one time as they were scheduled', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const schedule = new Schedule()
      times.forEach((atMs, i) => {
        schedule.push(atMs, 0, 0, 0, i)
      })
      const order = times.map(() => schedule.pop()?.detail)
      const expected = times.map((_, i) => i).sort((a, b) => (times[a] as number) - (times[b] as number) || a - b)
      expect(order).toEqual(expected)
      expect(schedule.pop()).toBeUndefined()
    }),
  )
})

test('a seed gives one stream, and a keyed draw depends on each part of its key', () => {
  const draw = (seed: number) => Array.from({ length: 8 }, createRandom(seed).bits)
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  expect(
    new Set([keyed(1, 2, 3, 4), keyed(2, 2, 3, 4), keyed(1, 3, 3, 4), keyed(1, 2, 4, 4), keyed(1, 2, 3, 5)]).size,
  ).toBe(5)
})

test('whole numbers are drawn evenly, the ends of a range included', () => {
  const { between } = createRandom(3)
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 4_000; i++) counts[between(2, 5) - 2]!++
  for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
})
