import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { failsLike, runCampaign } from './campaign.ts'
import { ENGINES } from './engines.ts'
import { generateScenario } from './generate.ts'
import { readPlan, writePlan } from './plan.ts'
import { runEngine, runWhole, type SimEngine, traceEngine, traceWhole } from './run.ts'
import type { Scenario } from './scenario.ts'
import { shrinkScenario } from './shrink.ts'
import { timeline } from './timeline.ts'

const engineOf = (name: string): SimEngine => ENGINES[name] as SimEngine
const scenarioOf = (seed: number, engine = 'simplex', nodes = 4, extraTwins = 0): Scenario =>
  generateScenario({ seed, engine, nodes, model: engineOf(engine).model, whole: false, extraTwins })

test.each([
  ['simplex', 4, 25],
  ['simplex', 7, 4],
  ['poa', 3, 10],
  ['solo', 1, 10],
] as const)('%s with %i nodes bears the first %i seeds', (engine, nodes, seeds) => {
  const { model } = engineOf(engine)
  const run = (scenario: Scenario) => runEngine(scenario, engineOf(engine))
  const options = { engine, nodes, firstSeed: 1, seeds, whole: false, model, run, cpuMs: () => 0 }
  const report = runCampaign(options)
  expect(report.violations).toEqual([])
  expect(report.seeds).toBe(seeds)
})

test('real signatures give the same chain of events as fake ones do in kind: blocks, and no violation', () => {
  const scenario: Scenario = {
    ...scenarioOf(3),
    crypto: 'real',
    gstMs: 2_000,
    endMs: 12_000,
    blockMs: 1_000,
    faults: [],
  }
  const { violation, view } = runEngine(scenario, engineOf('simplex'))
  expect(violation).toBeUndefined()
  expect(view.hosts[0]?.heights.get(0)).toBeGreaterThan(5)
})

test('whole nodes bear the first seeds: money, messages and anchors add up across crashes', () => {
  let [arrived, returned] = [0, 0]
  for (let seed = 1; seed <= 12; seed++) {
    const scenario = generateScenario({ seed, engine: 'solo', nodes: 1, model: 'alone', whole: true })
    const { tracer, violation, auditHash } = traceWhole(scenario, engineOf('solo'))
    expect(violation).toBeUndefined()
    if (seed === 1) expect(runWhole(scenario, engineOf('solo')).auditHash).toBe(auditHash)
    for (const line of tracer.lines) {
      if (line.what !== 'told' || line.messages === undefined) continue
      arrived += line.messages.arrived
      returned += line.messages.returned
    }
  }
  // The oracles had something to judge.
  expect(arrived).toBeGreaterThan(200)
  expect(returned).toBeGreaterThan(50)
})

test('whole nodes under a committee bear the first seeds: adversaries, crashes and shards that fall behind', () => {
  const engine = engineOf('simplex')
  const run = (scenario: Scenario) => runWhole(scenario, engine)
  const first = { engine: 'simplex', nodes: 4, firstSeed: 1, seeds: 6, whole: true }
  const report = runCampaign({ ...first, model: engine.model, run, cpuMs: () => 0 })
  expect(report.violations).toEqual([])
  expect(report.seeds).toBe(6)
}, 60_000)

test('the same seed gives the same audit hash, traced or not, and another seed another', () => {
  const first = runEngine(scenarioOf(11), engineOf('simplex')).auditHash
  expect(runEngine(scenarioOf(11), engineOf('simplex')).auditHash).toBe(first)
  expect(traceEngine(scenarioOf(11), engineOf('simplex')).auditHash).toBe(first)
  expect(runEngine(scenarioOf(12), engineOf('simplex')).auditHash).not.toBe(first)
})

test('with one twin more than it tolerates the engine breaks, which is reported, made small, and replays', () => {
  const scenario = scenarioOf(1, 'simplex', 4, 2)
  const run = (each: Scenario) => runEngine(each, engineOf('simplex'))
  const { violation } = run(scenario)
  if (violation === undefined) throw new Error('two twins of four did no harm')
  const shrunk = shrinkScenario(scenario, failsLike(violation, run))
  expect(shrunk.scenario.faults.length).toBeLessThanOrEqual(scenario.faults.length)
  expect(shrunk.scenario.faults.every(({ type }) => type === 'twins')).toBe(true)
  const replayed = traceEngine(readPlan(writePlan(shrunk.scenario)), engineOf('simplex'))
  expect(replayed.violation?.oracle).toBe(violation.oracle)
  const text = timeline(replayed.tracer.lines, shrunk.scenario, { rowMs: 50, rows: 20 })
  expect(text).toContain('!!')
  expect(text).toContain("1'")
  const lines = replayed.tracer.jsonl().trimEnd().split('\n')
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ what: 'violated', oracle: violation.oracle })
})

test('finality with honest leaders takes three message delays', () => {
  const quiet: Scenario = { ...scenarioOf(2), link: { minMs: 40, maxMs: 40 }, sync: { minMs: 0, maxMs: 0 }, appMs: 0 }
  const plain: Scenario = { ...quiet, faults: [], blockMs: 0, epochBlocks: 0, gstMs: 0, endMs: 20_000 }
  const { tracer } = traceEngine(plain, engineOf('simplex'))
  const proposed = new Map<number, number>()
  const delays: number[] = []
  for (const line of tracer.lines) {
    const height = line.what === 'sent' ? /^propose .* height (\d+)/.exec(line.message)?.[1] : undefined
    if (height !== undefined) proposed.set(Number(height), line.atMs)
    if (line.what === 'told' && line.height !== undefined) delays.push(line.atMs - (proposed.get(line.height) ?? 0))
  }
  expect(delays.length).toBeGreaterThan(500)
  expect(Math.max(...delays)).toBe(3 * 40)
})

test('every planted bug is found within its budget, and the sound engine passes where it is', () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--conditions=@armchain/source', new URL('./node/teeth.ts', import.meta.url).pathname, '--near'],
    { encoding: 'utf8' },
  )
  const hunts = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; seed?: number; control?: string })
  expect(stderr).toBe('')
  expect(hunts.filter(({ seed, control }) => seed === undefined || control !== undefined)).toEqual([])
  expect(hunts.length).toBeGreaterThanOrEqual(35)
  expect(status).toBe(0)
}, 180_000)
