import { expect, test } from 'vitest'
import { GARBAGE, NATIVE, stageParts, UNNAMED } from './attribute.ts'
import type { CpuProfile } from './inspector.ts'

function node(id: number, functionName: string, url: string, children: readonly number[] = []) {
  return { id, callFrame: { functionName, url, lineNumber: 0 }, children }
}

const RULES = [
  { stage: 'pool', files: ['pool.ts'] },
  { stage: 'decode', files: ['admission.ts'], functions: ['prepare'] },
]

const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', '', [2, 3, 4, 5, 8]),
    node(2, '(idle)', ''),
    node(3, '(garbage collector)', ''),
    node(4, '(program)', ''),
    node(5, 'add', 'file:///pool.ts', [6]),
    node(6, 'prepare', 'file:///admission.ts', [7]),
    node(7, 'sha256', 'node:crypto'),
    node(8, 'other', 'file:///admission.ts'),
  ],
  samples: [2, 2, 2, 3, 4, 5, 5, 7, 6, 8],
}

test('a sample is of the innermost function that has a rule; idle time counts for nothing', () => {
  const parts = stageParts(profile, RULES)
  expect(Object.fromEntries(parts)).toEqual({
    [GARBAGE]: 1 / 7,
    [NATIVE]: 1 / 7,
    pool: 2 / 7,
    decode: 2 / 7,
    [UNNAMED]: 1 / 7,
  })
})

test('a thread that was never busy has no parts', () => {
  expect(stageParts({ ...profile, samples: [2, 2] }, RULES).size).toBe(0)
})
