import { expect, test } from 'vitest'
import { generateScenario } from './generate.ts'
import { readPlan, writePlan } from './plan.ts'

const scenario = generateScenario({ seed: 9, engine: 'simplex', nodes: 4, model: 'byzantine', whole: false })

test('a plan reads as it was written', () => {
  for (let seed = 1; seed < 200; seed++) {
    const each = generateScenario({ seed, engine: 'simplex', nodes: 7, model: 'byzantine', whole: false })
    expect(readPlan(writePlan(each))).toEqual(each)
  }
})

test.each([
  ['{', 'not JSON'],
  [JSON.stringify({ ...scenario, nodes: 0 }), 'nodes'],
  [JSON.stringify({ ...scenario, seed: 'one' }), 'seed'],
  [JSON.stringify({ ...scenario, crypto: 'none' }), 'crypto'],
  [JSON.stringify({ ...scenario, weights: [1] }), 'weights'],
  [JSON.stringify({ ...scenario, gstMs: 10 ** 9 }), 'gstMs'],
  [JSON.stringify({ ...scenario, faults: [{ type: 'fire', node: 0 }] }), 'unknown type'],
  [JSON.stringify({ ...scenario, faults: [{ type: 'twins', node: 4 }] }), 'no node 4'],
  [JSON.stringify({ ...scenario, faults: [{ type: 'twins', node: 0, atMs: 3 }] }), 'has no atMs'],
  [JSON.stringify({ ...scenario, faults: [{ type: 'crash', node: 0, atMs: 1, downMs: 1, keep: 'most' }] }), 'keep'],
  [JSON.stringify({ ...scenario, faults: [{ type: 'mutator', node: 0, tricks: ['bribe'] }] }), 'unknown trick'],
])('a plan that is none is refused by what is wrong with it: %#', (text, problem) => {
  expect(() => readPlan(text)).toThrow(
    expect.objectContaining({ code: 'ARM_ARGUMENT', message: expect.stringContaining(problem) }),
  )
})
