import { expect, test } from 'vitest'
import { FORGERIES, type Forgery } from './block-forgeries.ts'
import { ENGINES } from './engines.ts'
import { generateScenario } from './generate.ts'
import { runWhole, type SimEngine } from './run.ts'
import type { Op, Scenario } from './scenario.ts'
import { WholeMutator } from './whole-mutator.ts'

const simplex = ENGINES.simplex as SimEngine

/** A well network, busy users and one adversary: what it forges is all that is wrong. */
function quiet(seed: number, role: Scenario['faults'][number]): Scenario {
  const scenario = generateScenario({ seed, engine: 'simplex', nodes: 4, model: 'byzantine', whole: true })
  const { weights: _, ...equal } = scenario
  const ops = Array.from({ length: 144 }, (_each, i): Op => {
    const [user, burst] = [i % 6, Math.floor(i / 6)]
    const [from, to] = [1 + (burst % 3), 1 + ((burst + 1) % 3)]
    return { type: 'transfer', atMs: 300 * burst, node: 1 + (user % 3), user, from, to, motes: 1 + i, fate: 'accept' }
  })
  const times = { gstMs: 8_000, endMs: 16_000, blockMs: 250, appMs: 0 }
  const link = { minMs: 1, maxMs: 5 }
  return { ...equal, ...times, link, sync: { minMs: 0, maxMs: 0 }, crypto: 'fake', faults: [role], ops }
}

const GROUPS: readonly (readonly Forgery[])[] = [
  ['state-root', 'outbox-root', 'field', 'minted', 'body', 'dropped', 'doubled', 'unsigned'],
  ['proposer', 'round', 'future', 'past', 'main-ahead', 'main-behind', 'main-other'],
  ['import-twice', 'import-proof', 'anchor-uncertified', 'anchor-replayed', 'anchor-twice', 'anchor-bent'],
]

/** Need several messages or heads of one channel in one block of the adversary's: played, but not within a test's time. */
const RARE: readonly Forgery[] = ['import-skipped', 'import-swapped', 'anchor-skipped']

test('every forgery is in a group, or rare', () => {
  expect([...GROUPS.flat(), ...RARE].sort()).toEqual([...FORGERIES].sort())
})

test.each(GROUPS)(
  'a proposer that forges blocks does no harm: %s and others like it',
  (...forgeries) => {
    let unmade = [...forgeries]
    for (let seed = 1; seed <= 12 && unmade.length > 0; seed++) {
      // A main-shard block that is refused for any reason leaves more heads for the next one.
      const role = { type: 'mutator', node: 0, tricks: ['bad-payload'], forgeries: [...unmade, 'round'] } as const
      const scenario = quiet(seed, role)
      const { violation, view } = runWhole(scenario, simplex)
      expect(violation).toBeUndefined()
      const [adversary] = view.hosts
      const { node } = adversary ?? {}
      if (node instanceof WholeMutator) unmade = unmade.filter((forgery) => node.made(forgery) === 0)
    }
    expect(unmade).toEqual([])
  },
  60_000,
)
