import { expect, test } from 'vitest'
import { createPoaEngine } from './poa.ts'
import { createSimplexEngine } from './simplex/simplex.ts'
import { createSoloEngine } from './solo.ts'
import { type EngineSubject, engineAcceptance } from './testing/acceptance.ts'

const subjects: Record<string, EngineSubject> = {
  solo: { factory: createSoloEngine, faults: 'byzantine', sizes: [1], claims: [] },
  simplex: { factory: createSimplexEngine, faults: 'byzantine', claims: ['epochs', 'amnesia'] },
  poa: { factory: createPoaEngine, faults: 'crash', sizes: [1, 2, 3, 5], claims: ['epochs', 'amnesia'] },
}

for (const [name, subject] of Object.entries(subjects))
  test.each(engineAcceptance)(`${name} $name`, ({ run }) => {
    for (const { height } of run(subject)) expect(height).toBeGreaterThan(0)
  })
