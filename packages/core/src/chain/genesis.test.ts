import fc from 'fast-check'
import { expect, test } from 'vitest'
import { balanceOf, codeOf, createTestChain } from '../chain.fixture.ts'
import { sha256 } from '../crypto/hash.ts'
import { VESTING_ENTRY, vestingScheduleCodec } from '../modules/vesting.ts'
import { readKernelState } from '../runtime/kernel-state.ts'
import { moduleAccount } from '../runtime/runtime.ts'
import { MOTES_PER_AC } from './amount.ts'
import {
  type Allocation,
  carve,
  checkGenesis,
  decodeGenesis,
  encodeGenesis,
  type Genesis,
  genesisHash,
  genesisState,
  SUPPLY_MOTES,
  tokenAllocations,
} from './genesis.ts'

const { genesis: world } = createTestChain()
const plain: Genesis = { ...world, allocations: tokenAllocations() }
const account = sha256(Uint8Array.of(1))

test('ten billion AC: 15 % early sales, 25 % foundation and 10 % team locked, 10 % rewards before the main net, 40 % mining', () => {
  const BILLION = 1_000_000_000n * MOTES_PER_AC
  expect(SUPPLY_MOTES).toBe(10n * BILLION)
  expect(tokenAllocations().map(({ purpose, motes, lock, vShard }) => [purpose, motes, lock, vShard])).toEqual([
    ['early-sales', (3n * BILLION) / 2n, 'free', 0],
    ['foundation', (5n * BILLION) / 2n, 'vesting', 0],
    ['team', BILLION, 'vesting', 0],
    ['pre-mainnet-rewards', BILLION, 'free', 0],
    ['mining', 4n * BILLION, 'free', 0],
  ])
  expect(codeOf(() => checkGenesis(plain))).toBeUndefined()
})

test('at height 0 the whole supply is there, what is locked on the vesting account with a schedule', () => {
  const state = genesisState(plain, 0)
  expect(state.accounts.totalBalance).toBe(SUPPLY_MOTES)
  expect(readKernelState(state)).toEqual({
    baseFee: plain.scheme.fees.initialBaseFee,
    sizeLimitBytes: plain.scheme.blocks.initialBytes,
    burnt: 0n,
    sent: 0n,
    received: 0n,
    genesisMotes: SUPPLY_MOTES,
    mainHeight: 0,
  })
  const locked = plain.allocations.filter(({ lock }) => lock === 'vesting')
  expect(balanceOf(state, moduleAccount('vesting'))).toBe(locked.reduce((sum, { motes }) => sum + motes, 0n))
  for (const { account: holder, motes, lock } of plain.allocations) {
    expect(balanceOf(state, holder)).toBe(lock === 'free' ? motes : 0n)
    const schedule = state.entry(state.accounts.find(holder), VESTING_ENTRY)
    expect(schedule && vestingScheduleCodec.decode(schedule)).toEqual(
      lock === 'free' ? undefined : { totalMotes: motes, claimedMotes: 0n, startMs: plain.timeMs },
    )
  }
  expect(genesisState(plain, 1).accounts.count).toBe(0)
})

test('what is locked for one account twice is locked for it in all', () => {
  const part = (motes: bigint): Allocation => ({ purpose: 'early bird', vShard: 0, account, motes, lock: 'vesting' })
  const allocations = carve(tokenAllocations(), 'team', [part(300n), part(400n)])
  const state = genesisState({ ...plain, allocations }, 0)
  const schedule = state.entry(state.accounts.find(account), VESTING_ENTRY)
  expect(schedule && vestingScheduleCodec.decode(schedule)).toMatchObject({ totalMotes: 700n })
})

test('carving keeps the whole, on whatever vShards, and takes no more than there is', () => {
  const piece = fc.record({ vShard: fc.nat(2), motes: fc.bigInt({ min: 0n, max: SUPPLY_MOTES / 10n }) })
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 6 }),
      fc.constantFrom('early-sales', 'team', 'mining'),
      (pieces, purpose) => {
        const parts = pieces.map((each): Allocation => ({ ...each, purpose: 'part', account, lock: 'free' }))
        const taken = parts.reduce((sum, { motes }) => sum + motes, 0n)
        const source = tokenAllocations().find((each) => each.purpose === purpose) as Allocation
        if (taken > source.motes) {
          expect(codeOf(() => carve(tokenAllocations(), purpose, parts))).toBe('ARM_GENESIS')
          return
        }
        const allocations = carve(tokenAllocations(), purpose, parts)
        const genesis = { ...plain, allocations }
        expect(codeOf(() => checkGenesis(genesis))).toBeUndefined()
        expect(allocations.find((each) => each.purpose === purpose)?.motes).toBe(source.motes - taken)
        const balances = [0, 1, 2].map((vShard) => genesisState(genesis, vShard).accounts.totalBalance)
        expect(balances.reduce((sum, each) => sum + each, 0n)).toBe(SUPPLY_MOTES)
      },
    ),
    { numRuns: 50 },
  )
  expect(codeOf(() => carve(tokenAllocations(), 'nobody', []))).toBe('ARM_GENESIS')
})

test('a genesis comes back from its bytes; every byte of them counts in its hash', () => {
  const bytes = encodeGenesis(world)
  expect(decodeGenesis(bytes)).toEqual(world)
  expect(encodeGenesis(decodeGenesis(bytes))).toEqual(bytes)
  const hash = genesisHash(world)
  expect(genesisHash({ ...world, timeMs: world.timeMs + 1 })).not.toEqual(hash)
  expect(genesisHash({ ...world, scheme: { ...world.scheme, networkId: 'other' } })).not.toEqual(hash)
  expect(genesisHash({ ...world, allocations: [...world.allocations].reverse() })).not.toEqual(hash)
})

test('any byte of a genesis changed: another valid genesis of another hash, or an error of ours', () => {
  const bytes = encodeGenesis(world)
  for (let at = 0; at < bytes.length; at += 3) {
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ (1 << (at % 8))
    let decoded: Genesis | undefined
    const code = codeOf(() => {
      decoded = decodeGenesis(changed)
    })
    if (decoded === undefined) expect(code).toMatch(/^ARM_(GENESIS|SCHEME|SCHEMA|CODEC_INPUT)$/)
    else expect(encodeGenesis(decoded)).toEqual(changed)
  }
})

const [first, ...others] = tokenAllocations()
const bad: Record<string, Partial<Genesis>> = {
  'a mote missing': { allocations: [{ ...(first as Allocation), motes: (first?.motes ?? 0n) - 1n }, ...others] },
  'a mote too many': { allocations: [...tokenAllocations(), { ...(first as Allocation), motes: 1n }] },
  'nothing allocated': { allocations: [] },
  'an unknown vShard': { allocations: [{ ...(first as Allocation), vShard: 9 }, ...others] },
  'an unknown lock': { allocations: [{ ...(first as Allocation), lock: 'maybe' }, ...others] },
  'a lock without its module': { scheme: { ...plain.scheme, modules: ['bank'] } },
}

test.each(Object.keys(bad))('invalid: %s', (what) => {
  const genesis = { ...plain, ...bad[what] }
  expect(codeOf(() => checkGenesis(genesis))).toBe('ARM_GENESIS')
  expect(codeOf(() => decodeGenesis(encodeGenesis(genesis)))).toBe('ARM_GENESIS')
})

test('a genesis with an invalid scheme is refused', () => {
  expect(codeOf(() => checkGenesis({ ...plain, scheme: { ...plain.scheme, shards: [] } }))).toBe('ARM_SCHEME')
})
