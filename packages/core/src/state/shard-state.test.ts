import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes, utf8 } from '../bytes.ts'
import { codeOf } from '../chain.fixture.ts'
import { sha256 } from '../crypto/hash.ts'
import { ENTRY_VALUE_BYTES_MAX } from '../limits.ts'
import { encodeAccountProof, verifyAccountProof } from './account-proof.ts'
import type { Account } from './account-table.ts'
import { entryPath } from './entry-map.ts'
import { SHARD_OWNER, ShardState, type Writes } from './shard-state.ts'
import { hashTwo, verifyTreeProof } from './sparse-tree.ts'
import { exportState, importState, StateExport } from './state-export.ts'

// Half of the ids share all but their last bits with another, so that paths are long.
const ids = Array.from({ length: 12 }, (_, i) => {
  const id = sha256(Uint8Array.of(i >> 1))
  if (i % 2 === 1) id[31] = (id[31] as number) ^ (1 << (i % 8))
  return id
})
const KEYS = ['a/1', 'a/2', 'b', 'c/long key']

const account: fc.Arbitrary<Account> = fc.record({
  balance: fc.bigInt({ min: 0n, max: 2n ** 60n }),
  nonce: fc.maxSafeNat(),
  keyType: fc.nat(255),
})
const value = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined, freq: 3 })
/** One block's writes, as a draft gives them: each account and entry at most once, entries under existing accounts. */
const block = fc.record({
  accounts: fc.uniqueArray(fc.tuple(fc.nat(ids.length - 1), account), { selector: ([id]) => id, maxLength: 6 }),
  entries: fc.uniqueArray(fc.tuple(fc.integer({ min: -1, max: ids.length - 1 }), fc.constantFrom(...KEYS), value), {
    selector: ([owner, key]) => `${owner}/${key}`,
    maxLength: 8,
  }),
})
type Block = typeof block extends fc.Arbitrary<infer Value> ? Value : never

function writesOf(state: ShardState, { accounts, entries }: Block): Writes {
  const row = (id: number) => (id === SHARD_OWNER ? SHARD_OWNER : state.row(ids[id] as Uint8Array))
  const written = new Set(accounts.map(([id]) => id))
  return {
    accounts: accounts.map(([id, each]) => ({ row: row(id), account: each })),
    entries: entries
      .filter(([owner]) => owner === SHARD_OWNER || written.has(owner) || state.account(row(owner)) !== undefined)
      .map(([owner, key, each]) => ({ owner: row(owner), key, value: each })),
  }
}

function contents(state: ShardState) {
  const owners = [SHARD_OWNER, ...ids.map((id) => state.accounts.find(id))]
  return {
    accounts: ids.map((id) => state.account(state.accounts.find(id))),
    entries: owners.map((owner, i) => KEYS.map((key) => (owner < 0 && i > 0 ? undefined : state.entry(owner, key)))),
    total: state.accounts.totalBalance,
    count: state.accounts.count,
  }
}

function rebuilt(state: ShardState): ShardState {
  const copy = new ShardState(1)
  for (const part of exportState(state)) importState(copy, part)
  return copy
}

test('undoing any blocks restores contents and root exactly, whether or not roots were asked for', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(block, fc.boolean()), { maxLength: 8 }), (blocks) => {
      const state = new ShardState(2)
      const past: { readonly undo: Writes; readonly root: Uint8Array | undefined; readonly was: unknown }[] = []
      for (const [each, look] of blocks) {
        const before = { root: look ? state.root() : undefined, was: contents(state) }
        past.push({ ...before, undo: state.apply(writesOf(state, each)) })
      }
      const root = state.root()
      expect(rebuilt(state).root()).toEqual(root)
      const redo: Writes[] = []
      for (const { undo, root: expected, was } of past.reverse()) {
        redo.push(state.apply(undo))
        expect(contents(state)).toEqual(was)
        if (expected !== undefined) expect(state.root()).toEqual(expected)
      }
      expect(state.root()).toEqual(new ShardState().root())
      for (const again of redo.reverse()) state.apply(again)
      expect(state.root()).toEqual(root)
    }),
    { numRuns: 120 },
  )
})

test('the root says what is in the state and nothing of how it got there', () => {
  const [a, b] = [new ShardState(), new ShardState()]
  const give = (state: ShardState, id: number, balance: bigint) =>
    state.apply({
      accounts: [{ row: state.row(ids[id] as Uint8Array), account: { balance, nonce: 0, keyType: 0 } }],
      entries: [],
    })
  for (const id of [0, 1, 2]) give(a, id, 5n)
  for (const id of [2, 1, 0]) give(b, id, 5n)
  expect(a.root()).toEqual(b.root())
  give(a, 1, 6n)
  expect(a.root()).not.toEqual(b.root())
})

test('export and import give the same state, and a proof of every account, there or not', () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 5 }), (blocks) => {
      const state = new ShardState()
      for (const each of blocks) state.apply(writesOf(state, each))
      const copy = rebuilt(state)
      expect(contents(copy)).toEqual(contents(state))
      const root = state.root()
      for (const id of ids) {
        const shown = verifyAccountProof(root, id, proofOf(copy, id))
        expect(shown).toEqual(state.account(state.accounts.find(id)))
      }
    }),
    { numRuns: 100 },
  )
})

function proofOf(state: ShardState, id: Uint8Array): Uint8Array {
  const row = state.accounts.find(id)
  let record: Uint8Array | undefined
  if (state.accounts.exists(row)) {
    record = new Uint8Array(32)
    state.accounts.record(row, record, 0)
  }
  return encodeAccountProof({ ...state.proveAccount(id), record })
}

/** Accounts with an entry each: the first of every pair of twins, and both of the first pair. */
function filledState(): ShardState {
  const state = new ShardState()
  const rows = ids.filter((_, i) => i % 2 === 0 || i === 1).map((id) => state.row(id))
  state.apply({
    accounts: rows.map((row) => ({ row, account: { balance: BigInt(row), nonce: 1, keyType: 1 } })),
    entries: rows.map((owner) => ({ owner, key: 'a/1', value: Uint8Array.of(owner) })),
  })
  return state
}

test('an account proof with any byte changed, for another account or another root proves nothing', () => {
  const state = filledState()
  const root = state.root()
  for (const id of ids) {
    const proof = proofOf(state, id)
    // Twins lie 250 levels deep: of their siblings one byte each is enough.
    for (let at = 0; at < proof.length; at += proof.length > 2_000 ? 35 : 1) {
      const changed = proof.slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      expect(codeOf(() => verifyAccountProof(root, id, changed))).toMatch(/^ARM_(PROOF|CODEC_INPUT)$/)
    }
    expect(codeOf(() => verifyAccountProof(sha256(root), id, proof))).toBe('ARM_PROOF')
  }
  const present = proofOf(state, ids[0] as Uint8Array)
  for (const other of ids.slice(1)) expect(codeOf(() => verifyAccountProof(root, other, present))).toBe('ARM_PROOF')
})

test('nobody shows the absence of an account that is there', () => {
  const state = filledState()
  const root = state.root()
  const [there, near] = [ids[2] as Uint8Array, ids[3] as Uint8Array]
  const { path, shardRoot } = state.proveAccount(near)
  const nothing = new Uint8Array(32)
  const lies = [
    { ...state.proveAccount(there), storageRoot: nothing },
    { path: { siblings: path.siblings }, shardRoot, storageRoot: nothing },
    { path: { ...path, other: { key: near, value: nothing } }, shardRoot, storageRoot: nothing },
    { ...state.proveAccount(sha256(Uint8Array.of(99))), storageRoot: nothing },
  ]
  for (const lie of lies)
    expect(codeOf(() => verifyAccountProof(root, there, encodeAccountProof(lie)))).toBe('ARM_PROOF')
})

test("the shard's own entries are proven beside the accounts", () => {
  const state = filledState()
  const value = Uint8Array.of(1, 2)
  state.apply({ accounts: [], entries: [{ owner: SHARD_OWNER, key: 'b', value }] })
  const { path, accountsRoot } = state.proveShardEntry('b')
  const { shardRoot } = state.proveAccount(ids[0] as Uint8Array)
  expect(hashTwo(accountsRoot, shardRoot)).toEqual(state.root())
  expect(verifyTreeProof(shardRoot, entryPath('b'), sha256(value), path)).toBe(true)
  expect(verifyTreeProof(shardRoot, entryPath('b'), sha256(concatBytes(value, value)), path)).toBe(false)
})

test('an export shows the state of its beginning, whatever is applied while its parts are made', () => {
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 4 }),
      fc.array(block, { maxLength: 4 }),
      fc.array(block, { maxLength: 4 }),
      (before, during, after) => {
        const state = new ShardState(2)
        for (const each of before) state.apply(writesOf(state, each))
        const root = state.root()
        using running = new StateExport(state)
        const parts = running.parts()
        for (const each of during) state.apply(writesOf(state, each))
        const copy = new ShardState(1)
        const first = parts.next().value as Uint8Array
        for (const each of after) state.apply(writesOf(state, each))
        const all = [first, ...parts]
        expect(all.length).toBe(running.partCount)
        for (const part of all) importState(copy, part)
        expect(copy.root()).toEqual(root)
      },
    ),
  )
})

test('of many rows an export makes several parts, each as of the beginning', () => {
  const state = new ShardState()
  const account = { balance: 1n, nonce: 0, keyType: 0 }
  const idOf = (n: number): Uint8Array => sha256(utf8(`account ${n}`))
  const write = (from: number, to: number, balance: bigint): void => {
    const rows = Array.from({ length: to - from }, (_, i) => state.row(idOf(from + i)))
    state.apply({ accounts: rows.map((row) => ({ row, account: { ...account, balance } })), entries: [] })
  }
  write(0, 20_000, 1n)
  const root = state.root()
  using running = new StateExport(state)
  const copy = new ShardState()
  let parts = 0
  for (const part of running.parts()) {
    importState(copy, part)
    write(0, 22_000, BigInt(++parts + 1))
  }
  expect(parts).toBe(running.partCount)
  expect(parts).toBeGreaterThan(3)
  expect(copy.root()).toEqual(root)
})

test('parts of an export stay small enough for a snapshot, however large the entries', () => {
  const state = new ShardState()
  const large = new Uint8Array(ENTRY_VALUE_BYTES_MAX)
  const entries = Array.from({ length: 400 }, (_, i) => ({ owner: SHARD_OWNER, key: `k/${i}`, value: large }))
  state.apply({ accounts: [], entries })
  const parts = [...exportState(state)]
  for (const part of parts) expect(part.length).toBeLessThan(8 * 1024 * 1024)
  expect(rebuilt(state).root()).toEqual(state.root())
})

test('what is no part of an export is refused and changes nothing', () => {
  const good = [...exportState(filledState())][0] as Uint8Array
  const state = filledState()
  const root = state.root()
  for (let length = 0; length < good.length; length += 7)
    expect(codeOf(() => importState(state, good.subarray(0, length)))).toBe('ARM_CODEC_INPUT')
  expect(codeOf(() => importState(state, concatBytes(good, Uint8Array.of(0))))).toBe('ARM_CODEC_INPUT')
  expect(state.root()).toEqual(root)
})
