import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../crypto/hash.ts'
import { SHARD_OWNER, ShardState } from '../state/shard-state.ts'
import { Draft } from './draft.ts'

const ids = Array.from({ length: 4 }, (_, i) => sha256(Uint8Array.of(i)))
const KEYS = ['a/1', 'a/2', 'b/1', 'b']

/** Two accounts with entries, one of which the tests delete, and two that do not exist. */
function createState(): ShardState {
  const state = new ShardState()
  const rows = ids.map((id) => state.row(id))
  const entry = (owner: number, key: string) => ({ owner, key, value: Uint8Array.of(owner + 1) })
  state.apply({
    accounts: rows.slice(0, 2).map((row) => ({ row, account: { balance: 10n, nonce: row, keyType: 1 } })),
    entries: [entry(0, 'a/1'), entry(0, 'b/1'), entry(1, 'a/2'), entry(SHARD_OWNER, 'a/1')],
  })
  return state
}

const write = fc.oneof(
  fc.record({ type: fc.constant('account' as const), row: fc.nat(3), balance: fc.bigInt({ min: 0n, max: 99n }) }),
  fc.record({
    type: fc.constant('entry' as const),
    owner: fc.integer({ min: SHARD_OWNER, max: 3 }),
    key: fc.constantFrom(...KEYS),
    value: fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined }),
  }),
)
const step = fc.oneof(
  { weight: 4, arbitrary: write },
  { weight: 1, arbitrary: fc.constant({ type: 'mark' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('rollback' as const), back: fc.nat(3) }) },
)
type Write =
  | { type: 'account'; row: number; balance: bigint }
  | { type: 'entry'; owner: number; key: string; value: Uint8Array | undefined }

function perform(draft: Draft, each: Write): void {
  if (each.type === 'account') draft.setAccount(each.row, { ...draft.account(each.row), balance: each.balance })
  else draft.setEntry(each.owner, each.key, each.value)
}

/** All that anyone can read through a draft. */
function seen(draft: Draft) {
  const owners = [SHARD_OWNER, 0, 1, 2, 3]
  return {
    accounts: ids.map((_, row) => draft.account(row)),
    entries: owners.map((owner) => KEYS.map((key) => draft.entry(owner, key))),
  }
}

test('what is rolled back never happened: reads, writes and the state they lead to', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const states = [createState(), createState()] as const
      const draft = new Draft(states[0])
      const kept: Write[] = []
      const marks: { readonly mark: number; readonly writes: number }[] = []
      for (const each of steps) {
        if (each.type === 'mark') marks.push({ mark: draft.mark(), writes: kept.length })
        else if (each.type === 'rollback') {
          const target = marks.at(-1 - each.back)
          if (target === undefined) continue
          draft.rollback(target.mark)
          kept.length = target.writes
          marks.length = marks.indexOf(target) + 1
        } else {
          perform(draft, each)
          kept.push(each)
        }
      }
      const plain = new Draft(states[1])
      for (const each of kept) perform(plain, each)
      expect(seen(draft)).toEqual(seen(plain))
      const before = states[0].root()
      const undo = states[0].apply(draft.writes())
      states[1].apply(plain.writes())
      expect(states[0].root()).toEqual(states[1].root())
      states[0].apply(undo)
      expect(states[0].root()).toEqual(before)
    }),
    { numRuns: 500 },
  )
})

test('writes stay in the draft until they are applied', () => {
  const state = createState()
  const before = state.root()
  const draft = new Draft(state)
  draft.setAccount(2, { balance: 5n, nonce: 0, keyType: 0 })
  draft.setEntry(0, 'a/1', undefined)
  expect(state.account(2)).toBeUndefined()
  expect(state.root()).toEqual(before)
  expect(draft.entry(0, 'a/1')).toBeUndefined()
  state.apply(draft.writes())
  expect(state.account(2)?.balance).toBe(5n)
  expect(state.entryKeys(0, '')).toEqual(['b/1'])
})
