import { type PreparedTransaction, type Refusal, transactionId } from '@armchain/core'
import { createVerifyPool, type VerifyPool } from '@armchain/core/node'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { signTransfer, startTestChain, testRuntime, users } from '../chain.fixture.ts'
import { INTAKE_BATCH, INTAKE_PARKED_PER_ACCOUNT_MAX } from '../limits.ts'
import type { ArmNode } from '../node.ts'
import type { SubmitResult } from '../rpc/submit.ts'
import { Intake } from './intake.ts'

const [alice, bob, carol] = users as [(typeof users)[0], (typeof users)[0], (typeof users)[0]]
let verifier: VerifyPool
const open: ArmNode[] = []
beforeAll(() => {
  verifier = createVerifyPool({ workers: 1 })
})
afterEach(async () => {
  for (const node of open.splice(0)) await node.close()
})
afterAll(() => verifier.close())

/** An intake before the pools of a chain, which makes no blocks; `offered` is how often they were asked. */
async function setUp(): Promise<{ intake: Intake; offered: () => number }> {
  const node = await startTestChain({ rpc: {} })
  open.push(node)
  let count = 0
  const admit = (prepared: PreparedTransaction): Refusal | undefined => {
    count++
    return node.host.admit(prepared)
  }
  return { intake: new Intake(testRuntime, verifier, admit, async () => false), offered: () => count }
}

/** Decodes, and its signature has a good form: only its equation does not hold. */
function forged(nonce: number): Uint8Array {
  const raw = signTransfer({ from: bob, nonce })
  raw[raw.length - 60] = (raw[raw.length - 60] as number) ^ 1
  return raw
}

function codes(results: readonly SubmitResult[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const result of results) {
    const code = result.ok ? 'ok' : result.code
    counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

test('what does not decode is told so, and delays nobody', async () => {
  const { intake } = await setUp()
  const junk = Array.from({ length: 3_000 }, (_, i) => new Uint8Array(225).fill(i))
  const flood = intake.submit(junk)
  const honest = intake.submit([signTransfer({ from: alice, nonce: 0 })])
  expect(codes(await honest)).toEqual({ ok: 1 })
  expect(codes(await flood)).toEqual({ ARM_TX_DECODE: 3_000 })
})

test('forged signatures are refused, good ones among them and beside them are accepted', async () => {
  const { intake } = await setUp()
  const forgeries = Array.from({ length: 300 }, (_, nonce) => forged(nonce))
  const flood = intake.submit([...forgeries, signTransfer({ from: carol, nonce: 0 })])
  expect(codes(await intake.submit([signTransfer({ from: alice, nonce: 0 })]))).toEqual({ ok: 1 })
  expect(codes(await flood)).toEqual({ ARM_TX_SIGNATURE: 300, ok: 1 })
})

test('a flood of forgeries in one request leaves room between its batches', async () => {
  const { intake } = await setUp()
  let floodDone = false
  const flood = intake.submit(Array.from({ length: 12 * INTAKE_BATCH }, (_, i) => forged(i % 300))).finally(() => {
    floodDone = true
  })
  expect(codes(await intake.submit([signTransfer({ from: alice, nonce: 0 })]))).toEqual({ ok: 1 })
  expect(floodDone).toBe(false)
  expect(codes(await flood)).toEqual({ ARM_TX_SIGNATURE: 12 * INTAKE_BATCH })
})

test('transactions behind a gap follow once it is filled, each offered at most twice', async () => {
  const { intake, offered } = await setUp()
  const raws = Array.from({ length: 2_000 }, (_, nonce) => signTransfer({ from: alice, nonce }))
  const behind = intake.submit(raws.slice(1).reverse())
  const other = intake.submit([signTransfer({ from: bob, nonce: 1 })])
  while (offered() < 2_000) await new Promise((resolve) => setImmediate(resolve))
  expect(codes(await intake.submit([raws[0] as Uint8Array]))).toEqual({ ok: 1 })
  expect(codes(await behind)).toEqual({ ok: 1_999 })
  expect(offered()).toBe(1 + 2 * 1_999 + 1)
  expect(codes(await other)).toEqual({ ARM_TX_NONCE_GAP: 1 })
})

test('an account has room for so many behind a gap; the same one sent twice shares its fate', async () => {
  const { intake } = await setUp()
  const most = INTAKE_PARKED_PER_ACCOUNT_MAX
  const raws = Array.from({ length: most + 10 }, (_, i) => signTransfer({ from: alice, nonce: i + 1 }))
  const parked = intake.submit(raws)
  // Another account is not held up by it.
  const small = intake.submit([signTransfer({ from: bob, nonce: 1 })])
  const again = intake.submit([signTransfer({ from: bob, nonce: 1 })])
  expect(codes(await intake.submit([signTransfer({ from: bob, nonce: 1, tip: 2n })]))).toEqual({ ARM_TX_NONCE_GAP: 1 })
  expect(codes(await intake.submit([signTransfer({ from: bob, nonce: 0 })]))).toEqual({ ok: 1 })
  expect(codes(await small)).toEqual({ ok: 1 })
  expect(codes(await again)).toEqual({ ok: 1 })
  expect(codes(await parked)).toEqual({ ARM_TX_NONCE_GAP: most + 10 })
})

test('a kept transaction is a copy of what was handed in', async () => {
  const { intake } = await setUp()
  const raw = Buffer.from(signTransfer({ from: alice, nonce: 1 }))
  const waiting = intake.submit([raw])
  raw.fill(0)
  await intake.submit([signTransfer({ from: alice, nonce: 0 })])
  const [result] = await waiting
  expect(result).toEqual({ ok: true, id: transactionId(signTransfer({ from: alice, nonce: 1 })), vShard: 1 })
})
