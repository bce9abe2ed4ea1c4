import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accountIdOf } from '../address.ts'
import { concatBytes, utf8 } from '../bytes.ts'
import { nobleHasher } from '../crypto/noble-hasher.ts'
import { createNativeEd25519 } from './native-ed25519.ts'
import { VERDICT_INVALID, VERDICT_KEY, VERDICT_VALID } from './verify-job.ts'
import { createVerifyPool, packTransactions, sharedVerifyPool, type VerifyPool } from './verify-pool.ts'

const { sign, publicKey: publicKeyOf } = createNativeEd25519()
const domain = new Uint8Array(32).fill(0xd0)
const keyOffset = 5
const SIGNATURE_HEADER = Uint8Array.of(0xc4, 0x40)
const seeds = Array.from({ length: 5 }, (_, i) => new Uint8Array(32).fill(i + 1))

let pool: VerifyPool

beforeAll(() => {
  pool = createVerifyPool({ workers: 2 })
})
afterAll(() => pool.close())

/** Laid out as a transaction is: bytes, key, bytes, signature. */
function transaction(n: number, seed: Uint8Array = seeds[n % seeds.length] as Uint8Array): Uint8Array {
  return withSignature(
    concatBytes(utf8(`tx ${n % 10}|`).slice(0, keyOffset), publicKeyOf(seed), utf8(`${'x'.repeat(n % 50)}${n}`)),
    (m) => sign(m, seed),
  )
}

function withSignature(body: Uint8Array, signer: (message: Uint8Array) => Uint8Array): Uint8Array {
  return concatBytes(body, SIGNATURE_HEADER, signer(concatBytes(domain, body)))
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at < 0 ? bytes.length + at : at, (bytes.at(at) as number) ^ 1)
}

function verify(txs: readonly Uint8Array[]): ReturnType<VerifyPool['verifyTransactions']> {
  return pool.verifyTransactions({ ...packTransactions(txs), domain, keyOffset })
}

test('good transactions: verdict, id and account of each, and the bytes come back', async () => {
  const txs = Array.from({ length: 200 }, (_, n) => transaction(n))
  const { data, offsets, verdicts, ids, accounts } = await verify(txs)
  expect([...verdicts]).toEqual(txs.map(() => VERDICT_VALID))
  txs.forEach((tx, i) => {
    expect(data.subarray(offsets[i], offsets[i + 1])).toEqual(tx)
    expect(ids.subarray(32 * i, 32 * i + 32)).toEqual(nobleHasher.sha256(tx))
    expect(accounts.subarray(32 * i, 32 * i + 32)).toEqual(
      accountIdOf(publicKeyOf(seeds[i % seeds.length] as Uint8Array)),
    )
  })
})

test('each bad one among good ones is told for what it is', async () => {
  const { Point } = ed25519
  const torsion = Point.fromHex(ED25519_TORSION_SUBGROUP[1] as string, true)
  const mixedKey = Point.BASE.multiply(99n).add(torsion).toBytes()
  const good = transaction(1)
  const otherDomain = concatBytes(good.slice(0, -64), sign(good.slice(0, -66), seeds[1] as Uint8Array))
  const sPlusL = good.slice()
  sPlusL.fill(0xff, -32)
  const cases: readonly [number, Uint8Array][] = [
    [VERDICT_INVALID, flipped(good, 0)],
    [VERDICT_INVALID, flipped(good, -1)],
    [VERDICT_INVALID, flipped(good, -33)],
    [VERDICT_INVALID, otherDomain],
    [VERDICT_INVALID, sPlusL],
    [VERDICT_INVALID, new Uint8Array(0)],
    [VERDICT_INVALID, new Uint8Array(keyOffset + 32 + 65)],
    [VERDICT_KEY, new Uint8Array(keyOffset + 32 + 66)],
    [VERDICT_KEY, withSignature(concatBytes(new Uint8Array(keyOffset), mixedKey), () => new Uint8Array(64))],
    // Not the key's signature, but the key is refused first.
    [
      VERDICT_KEY,
      withSignature(concatBytes(new Uint8Array(keyOffset), Point.ZERO.toBytes()), (m) =>
        sign(m, seeds[0] as Uint8Array),
      ),
    ],
  ]
  const txs = cases.flatMap(([, bad], n) => [transaction(2 * n), bad, transaction(2 * n + 1)])
  const { verdicts, ids, accounts } = await verify(txs)
  expect([...verdicts]).toEqual(cases.flatMap(([verdict]) => [VERDICT_VALID, verdict, VERDICT_VALID]))
  expect(ids).toEqual(concatBytes(...txs.map(nobleHasher.sha256)))
  // What is refused for its signature has its account all the same.
  expect(accounts.subarray(32, 64)).toEqual(accountIdOf(publicKeyOf(seeds[1] as Uint8Array)))
})

test('what only ZIP215 accepts is accepted: a signature whose R has a part of small order', async () => {
  const { Point } = ed25519
  const [L, secret, nonce] = [Point.Fn.ORDER, 12345n, 67890n]
  const torsion = Point.fromHex(ED25519_TORSION_SUBGROUP[1] as string, true)
  const key = Point.BASE.multiply(secret).toBytes()
  const R = Point.BASE.multiply(nonce).add(torsion).toBytes()
  const tx = withSignature(concatBytes(new Uint8Array(keyOffset), key), (message) => {
    const k = BigInt(
      `0x${createHash('sha512')
        .update(concatBytes(R, key, message))
        .digest()
        .reverse()
        .toString('hex')}`,
    )
    return concatBytes(R, Point.Fn.toBytes((nonce + (k % L) * secret) % L))
  })
  const { verdicts, accounts } = await verify([tx])
  expect([...verdicts]).toEqual([VERDICT_VALID])
  expect(accounts).toEqual(accountIdOf(key))
})

test('a batch of nothing but junk is refused one by one', async () => {
  const { verdicts } = await verify(Array.from({ length: 600 }, (_, n) => flipped(transaction(n), 0)))
  expect([...verdicts].every((verdict) => verdict === VERDICT_INVALID)).toBe(true)
})

test('no transactions at all', async () => {
  const { verdicts, ids, accounts } = await verify([])
  expect([verdicts.length, ids.length, accounts.length]).toEqual([0, 0, 0])
})

test('takes views: of a larger buffer, which stays, and of the pool that Node keeps small buffers in', async () => {
  const packed = packTransactions([transaction(1), transaction(2)])
  const larger = new Uint8Array(packed.data.length + 10)
  larger.set(packed.data, 7)
  const first = await pool.verifyTransactions({
    data: larger.subarray(7, 7 + packed.data.length),
    offsets: packed.offsets,
    domain,
    keyOffset,
  })
  expect([...first.verdicts]).toEqual([VERDICT_VALID, VERDICT_VALID])
  expect(larger.length).toBe(packed.data.length + 10)
  const pooled = Buffer.from(transaction(3))
  const second = await pool.verifyTransactions({
    data: pooled,
    offsets: Uint32Array.of(0, pooled.length),
    domain,
    keyOffset,
  })
  expect([...second.verdicts]).toEqual([VERDICT_VALID])
  expect(pooled.length).toBeGreaterThan(0)
})

test('refuses a malformed request before it reaches a thread', async () => {
  const { data, offsets } = packTransactions([transaction(1), transaction(2)])
  const good = { data, offsets, domain, keyOffset }
  const bad = [
    { ...good, domain: new Uint8Array(31) },
    { ...good, keyOffset: -1 },
    { ...good, keyOffset: Number.NaN },
    { ...good, offsets: new Uint32Array(0) },
    { ...good, offsets: Uint32Array.of(0, data.length + 1) },
    { ...good, offsets: Uint32Array.of(0, 9, 8, data.length) },
  ]
  for (const request of bad)
    await expect(pool.verifyTransactions(request)).rejects.toThrow(expect.objectContaining({ code: 'ARM_ARGUMENT' }))
  expect((await pool.verifyTransactions(good)).verdicts).toHaveLength(2)
})

test('a crashed thread rejects its batches with ARM_INTERNAL and is replaced', async () => {
  const started = once(process, 'worker')
  const fragile = createVerifyPool({ workers: 1 })
  const request = () => ({
    ...packTransactions(Array.from({ length: 5_000 }, (_, n) => transaction(n))),
    domain,
    keyOffset,
  })
  const outstanding = [fragile.verifyTransactions(request()), fragile.verifyTransactions(request())]
  const results = Promise.allSettled(outstanding)
  const [worker] = (await started) as [Worker]
  await worker.terminate()
  for (const result of await results)
    expect(result).toEqual({ status: 'rejected', reason: expect.objectContaining({ code: 'ARM_INTERNAL' }) })
  expect(
    [...(await fragile.verifyTransactions(request())).verdicts].every((verdict) => verdict === VERDICT_VALID),
  ).toBe(true)
  await fragile.close()
})

test('closing rejects what is outstanding', async () => {
  const closing = createVerifyPool({ workers: 1 })
  const outstanding = closing.verifyTransactions({ ...packTransactions([transaction(1)]), domain, keyOffset })
  const result = expect(outstanding).rejects.toThrow(expect.objectContaining({ code: 'ARM_INTERNAL' }))
  await closing.close()
  await result
})

test('an idle pool does not keep its process alive, a waiting one does', async () => {
  const script = `import(${JSON.stringify(new URL('./verify-pool.ts', import.meta.url).href)}).then(async ({ createVerifyPool }) => {
    const item = { publicKey: new Uint8Array(32), message: new Uint8Array(1), signature: new Uint8Array(64) }
    const verdicts = await createVerifyPool({ workers: 1 }).verify(Array.from({ length: 9 }, () => item))
    console.log(verdicts.length)
  })`
  const child = spawn(process.execPath, ['--conditions=@armchain/source', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  expect([code, output]).toEqual([0, '9\n'])
})

test('the shared pool is one', () => {
  expect(sharedVerifyPool()).toBe(sharedVerifyPool())
})

test('warming up starts every thread, once', async () => {
  let started = 0
  const count = (): void => {
    started++
  }
  process.on('worker', count)
  const cold = createVerifyPool({ workers: 2 })
  await Promise.all([cold.warmUp(), cold.warmUp()])
  await cold.warmUp()
  process.off('worker', count)
  expect(started).toBe(2)
  await cold.close()
})
