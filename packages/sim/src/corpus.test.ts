import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ENGINES } from './engines.ts'
import { readPlan } from './plan.ts'
import { runEngine, runWhole, type SimEngine } from './run.ts'

/** Scenarios in which something was found once, made small. */
const CORPUS = new URL('../corpus/', import.meta.url)

test.each(readdirSync(CORPUS))('%s stays solved', (file) => {
  const plan = readPlan(readFileSync(new URL(file, CORPUS), 'utf8'))
  const run = plan.whole ? runWhole : runEngine
  expect(run(plan, ENGINES[plan.engine] as SimEngine).violation).toBeUndefined()
})
