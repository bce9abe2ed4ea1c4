import {
  type Allocation,
  carve,
  defaultScheme,
  defineCall,
  ed25519Validators,
  genesisHash,
  type PreparedTransaction,
  type ShardState,
  sha256,
  struct,
  tokenAllocations,
  utf8,
} from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { genesisLayout } from './layout.ts'
import { TxPool } from './tx-pool.ts'

const next = { height: 1, baseFee: 1n, rules: 1 }

const USERS = Array.from({ length: 4 }, (_, i) => sha256(utf8(`user ${i}`)))
const LIMITS = { transactions: 8, sizeBytes: 1_000, perAccount: 4 }
const call = defineCall({ args: struct(), gas: 0, run: () => undefined })

function fundedState(): ShardState {
  const shards = [0, 1].map((vShard) => ({ vShard, engine: 'solo', ...ed25519Validators([sha256(utf8('validator'))]) }))
  const scheme = defaultScheme({ chainId: 7, networkId: 'test', shards })
  const funded = USERS.map(
    (account): Allocation => ({ purpose: 'user', vShard: 1, account, motes: 10n ** 12n, lock: 'free' }),
  )
  const genesis = { scheme, timeMs: 1_000, allocations: carve(tokenAllocations(), 'early-sales', funded) }
  return genesisLayout(genesis, genesisHash(genesis)).states[1] as ShardState
}

type Offer = { readonly user: number; readonly nonce: number; readonly tip: number; readonly sizeBytes: number }

/** As the pool sees it: checked, and of a given size. */
function prepared({ user, nonce, tip, sizeBytes }: Offer): PreparedTransaction {
  const account = USERS[user] as Uint8Array
  const tx = {
    version: 1,
    chainId: 7,
    vShard: 1,
    keyType: 1,
    senderKey: account,
    nonce,
    gasLimit: 1_000,
    maxFee: BigInt(10 * tip),
    tip: BigInt(tip),
    expiryHeight: 100,
    call: { module: 'bank', method: 'transfer', args: new Uint8Array(0) },
    signature: new Uint8Array(64),
  }
  const id = sha256(utf8(`${user} ${nonce} ${tip} ${sizeBytes}`))
  return { bytes: new Uint8Array(sizeBytes), id, account, tx, call, args: {}, intrinsicGas: 400, spends: 0n }
}

test('a large offer makes room for its bytes, and nothing is evicted for one that would not fit', () => {
  const pool = new TxPool(fundedState(), 1, LIMITS)
  for (const user of [0, 1])
    for (const nonce of [0, 1, 2])
      expect(pool.add(prepared({ user, nonce, tip: 2 + user, sizeBytes: 150 }), next).ok).toBe(true)

  // Only user 0 is cheaper, and its three do not make room for 600.
  const tooLarge = pool.add(prepared({ user: 2, nonce: 0, tip: 3, sizeBytes: 600 }), next)
  expect(tooLarge).toMatchObject({ ok: false, reason: { code: 'ARM_POOL_FULL' } })
  expect(pool.size).toBe(6)

  const taken = pool.add(prepared({ user: 2, nonce: 0, tip: 4, sizeBytes: 600 }), next)
  const dropped = taken.ok
    ? taken.value.dropped.map(({ prepared: { tx, account } }) => [account === USERS[0], tx.nonce])
    : []
  // Tails first, and the cheaper sender's before the other's.
  expect(dropped).toEqual([
    [true, 2],
    [false, 2],
    [true, 1],
    [false, 1],
  ])
  expect({ size: pool.size, bytes: pool.sizeBytes }).toEqual({ size: 3, bytes: 900 })
})

test('whatever is offered, limits hold, the sizes add up, and what leaves is told of', () => {
  const offer = fc.record({
    user: fc.nat({ max: 3 }),
    nonce: fc.nat({ max: 5 }),
    tip: fc.integer({ min: 1, max: 30 }),
    sizeBytes: fc.integer({ min: 50, max: 700 }),
  })
  fc.assert(
    fc.property(fc.array(offer, { maxLength: 60, size: 'max' }), (offers) => {
      const pool = new TxPool(fundedState(), 1, LIMITS)
      const inside = new Set<PreparedTransaction>()
      for (const each of offers.map(prepared)) {
        const outcome = pool.add(each, next)
        if (!outcome.ok) continue
        inside.add(each)
        for (const { prepared: gone } of outcome.value.dropped) expect(inside.delete(gone)).toBe(true)
        expect(pool.size).toBeLessThanOrEqual(LIMITS.transactions)
        expect(pool.sizeBytes).toBeLessThanOrEqual(LIMITS.sizeBytes)
        expect(new Set(pool.best(1n))).toEqual(inside)
        expect(pool.sizeBytes).toBe([...inside].reduce((sum, { bytes }) => sum + bytes.length, 0))
      }
    }),
  )
})
