import { expect, test } from 'vitest'
import { ATTACK_FROM_MS, attackScenario } from './attacks.ts'
import { ENGINES } from './engines.ts'
import { readPlan, writePlan } from './plan.ts'
import { runEngine, type SimEngine, traceEngine } from './run.ts'
import { ATTACKS, isByzantine, type Scenario } from './scenario.ts'

const engine = ENGINES.simplex as SimEngine
const heightOf = (scenario: Scenario) =>
  Math.min(...runEngine(scenario, engine).view.hosts.map(({ heights }) => heights.get(0) ?? 0))

test.each(ATTACKS)('%s: no oracle objects, and blocks go on becoming final', (name) => {
  for (const seed of name === 'flood' ? [1] : [1, 2]) {
    const scenario = attackScenario(name, seed)
    const { violation, view } = runEngine(scenario, engine)
    expect(violation).toBeUndefined()
    const calm = heightOf({ ...scenario, faults: [] })
    const attackers = scenario.faults.filter(isByzantine).length
    // What the attackers would have led is lost at the worst, and as much time again until they are given up on.
    for (const { heights } of view.hosts)
      expect(heights.get(0)).toBeGreaterThan(calm * (0.7 - attackers / scenario.nodes))
  }
})

test('who floods is cut off by everyone within half a second, and nobody else is', () => {
  const { tracer } = traceEngine({ ...attackScenario('flood', 1), endMs: ATTACK_FROM_MS + 1_000 }, engine)
  const cuts = tracer.lines.filter((line) => line.what === 'told' && line.fact === 'cutOff')
  expect(new Set(cuts.map(({ host }) => host))).toEqual(new Set(['0', '2', '3']))
  for (const { atMs } of cuts) expect(atMs).toBeLessThan(ATTACK_FROM_MS + 500)
})

test('the attacked node of an eclipse stands still, and catches up', () => {
  const scenario = attackScenario('eclipse', 1)
  const dark = runEngine({ ...scenario, endMs: scenario.gstMs }, engine).view.hosts
  const light = runEngine(scenario, engine).view.hosts
  const [victim, other] = [2, 0]
  expect(dark[other]?.heights.get(0)).toBeGreaterThan((dark[victim]?.heights.get(0) ?? 0) + 20)
  expect(light[victim]?.heights.get(0)).toBeGreaterThan((light[other]?.heights.get(0) ?? 0) - 2)
})

test('an attack is a plan like any other; one that is unknown is refused', () => {
  const plan = writePlan(attackScenario('flood', 7))
  expect(readPlan(plan)).toEqual(attackScenario('flood', 7))
  expect(() => readPlan(plan.replace('"flood"', '"persuasion"'))).toThrow(/attack is none of/)
  expect(() => readPlan(plan.replace('"faultsMax": 32', '"faultsMax": 0'))).toThrow(/faultsMax/)
})
