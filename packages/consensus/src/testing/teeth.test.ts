import { expect, test } from 'vitest'
import type { ConsensusEngine, EngineEffect, EngineFactory, EngineInput } from '../engine.ts'
import { decodeRecord } from '../simplex/records.ts'
import { createSimplexEngine } from '../simplex/simplex.ts'
import { engineAcceptance } from './acceptance.ts'

/** Simplex behind a shell that changes what goes in and what comes out. */
function changed(
  change: (effects: readonly EngineEffect[]) => readonly EngineEffect[],
  input: (input: EngineInput) => EngineInput | undefined = (each) => each,
): EngineFactory {
  return (config) => {
    const engine: ConsensusEngine = createSimplexEngine(config)
    return {
      name: 'changed',
      step(nowMs, each) {
        const taken = input(each)
        return taken === undefined ? [] : change(engine.step(nowMs, taken))
      },
    }
  }
}

const without = (drops: (effect: EngineEffect) => boolean) =>
  changed((effects) => effects.filter((each) => !drops(each)))
const isRecord = (effect: EngineEffect, type: string) =>
  effect.type === 'append' && decodeRecord(3, effect.record)?.type === type

let count = 0
const faults: Record<string, EngineFactory> = {
  'forgets its votes': without((effect) => isRecord(effect, 'vote')),
  'forgets blocks': without((effect) => isRecord(effect, 'block')),
  'forgets certificates': without((effect) => isRecord(effect, 'certificate')),
  'reports a block twice': changed((effects) =>
    effects.flatMap((effect): EngineEffect[] => (effect.type === 'finalized' ? [effect, effect] : [effect])),
  ),
  'skips a height': without((effect) => effect.type === 'finalized' && effect.height === 7),
  'gives certificates that prove nothing': changed((effects) =>
    effects.map((effect) =>
      effect.type === 'finalized' ? { ...effect, certificate: effect.certificate.slice().fill(0, 50) } : effect,
    ),
  ),
  'answers no one': without((effect) => effect.type === 'send' && effect.to !== 'all'),
  'abandons what becomes final': changed((effects) =>
    effects.flatMap((effect): EngineEffect[] =>
      effect.type === 'certify' ? [effect, { type: 'abandon', headHash: effect.headHash }] : [effect],
    ),
  ),
  'accuses the innocent': changed((effects) =>
    effects.some(({ type }) => type === 'finalized') && count++ % 50 === 49
      ? [...effects, { type: 'misconduct', peer: 0, reason: 'none' }]
      : effects,
  ),
  'stops after a while': changed(
    (effects) => effects,
    (input) => (input.type === 'message' && input.bytes.length > 0 && count++ % 20_000 > 3_000 ? undefined : input),
  ),
}

test.each(Object.entries(faults))('the suite finds an engine that %s', (_, factory) => {
  count = 0
  const subject = { factory, faults: 'byzantine', sizes: [1, 4], claims: ['epochs', 'amnesia'] } as const
  const found = engineAcceptance.filter(({ run }) => {
    try {
      run(subject)
      return false
    } catch {
      return true
    }
  })
  expect(found.map(({ name }) => name)).not.toEqual([])
})
