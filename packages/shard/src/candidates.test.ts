import { toHex } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ExecutedBlock, ShardChain } from './chain.ts'
import type { ChainMachine } from './chain-machine.ts'
import { createWorld, hosted, prepare, transfer, type World } from './world.fixture.ts'

const world = createWorld(1)

/** Builds a block on where the chain stands; blocks of other users or times are others. */
function build(machine: ChainMachine, { user, timeMs }: { user: number; timeMs: number }): ExecutedBlock {
  const { chain, proposer } = hosted(machine, 1)
  const nonce = chain.state.accounts.nonce(chain.state.accounts.find(senderOf(user)))
  return chain.propose({
    timeMs: Math.max(timeMs, chain.at.head.timeMs),
    view: chain.at.height + 1,
    epoch: 0,
    mainHeight: 0,
    mainHead: (height) => machine.mainHead(height),
    imports: [],
    transactions: [prepare(world, user, { nonce, call: transfer((user + 1) % 5, 3n, 1) })],
    anchors: [],
    congestion: 0,
    proposer,
  })
}

function senderOf(user: number): Uint8Array {
  return prepare(world, user).account
}

function startOf(place: World): { machine: ChainMachine; chain: ShardChain } {
  const machine = place.create()
  return { machine, chain: hosted(machine, 1).chain }
}

const step = fc.record({
  what: fc.constantFrom('build', 'build', 'build', 'move', 'move', 'rewind', 'commit', 'abandon'),
  pick: fc.nat({ max: 1_000 }),
  user: fc.nat({ max: 4 }),
})

test('wherever the state is put, it is that of the block, and what is committed or abandoned is gone', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), (steps) => {
      const { machine, chain } = startOf(world)
      const known = new Map<string, ExecutedBlock>()
      const names = (): ExecutedBlock[] => [...known.values()].filter(({ hash }) => chain.candidate(hash) !== undefined)
      steps.forEach(({ what, pick, user }, i) => {
        const at = names()
        const target = at[pick % Math.max(1, at.length)]
        if (what === 'build') {
          const built = build(machine, { user, timeMs: 10_000 + i })
          known.set(toHex(built.hash), built)
        } else if (what === 'rewind') chain.rewind()
        else if (target === undefined) return
        else if (what === 'move') expect(chain.moveTo(target.hash)).toBe(true)
        else if (what === 'abandon') chain.abandon(target)
        else if (target.height === chain.tip.height + 1) chain.commit(target)
        expect(toHex(chain.state.root())).toBe(toHex(chain.at.head.stateRoot))
      })
      // Every block that is left stands on the tip, by blocks that are left.
      for (const { hash, head } of names()) {
        expect(chain.moveTo(hash)).toBe(true)
        expect(toHex(chain.state.root())).toBe(toHex(head.stateRoot))
      }
      chain.rewind()
      expect(chain.at).toBe(chain.tip)
      expect(toHex(chain.state.root())).toBe(toHex(chain.tip.head.stateRoot))
    }),
    { numRuns: 60 },
  )
})

test('of two blocks of one height the one that is committed stays, with what stands on it', () => {
  const { machine, chain } = startOf(world)
  const left = build(machine, { user: 0, timeMs: 10_000 })
  const onLeft = build(machine, { user: 1, timeMs: 10_001 })
  chain.rewind()
  const right = build(machine, { user: 2, timeMs: 10_002 })
  const onRight = build(machine, { user: 3, timeMs: 10_003 })
  expect(chain.candidates).toBe(4)
  chain.commit(left)
  expect([left, onLeft, right, onRight].map(({ hash }) => chain.candidate(hash) !== undefined)).toEqual([
    false,
    true,
    false,
    false,
  ])
  expect(chain.moveTo(onRight.hash)).toBe(false)
  expect(chain.tip.height).toBe(1)
  expect(() => chain.commit(onRight)).toThrow('in order')
})

test('a block that is known already is not executed again, and one that is built again is the same', () => {
  const { machine, chain } = startOf(world)
  const block = build(machine, { user: 0, timeMs: 10_000 })
  chain.rewind()
  expect(build(machine, { user: 0, timeMs: 10_000 })).toBe(block)
  expect(toHex(chain.state.root())).toBe(toHex(block.head.stateRoot))
  chain.rewind()
  expect(toHex(chain.state.root())).toBe(toHex(chain.tip.head.stateRoot))
  const again = chain.apply(block.block, {
    mainHead: (height) => machine.mainHead(height),
    latestTimeMs: Number.MAX_SAFE_INTEGER,
    round: 'certified',
    verified: () => true,
  })
  expect(again.ok && again.value).toBe(block)
  expect(chain.candidates).toBe(1)
})
