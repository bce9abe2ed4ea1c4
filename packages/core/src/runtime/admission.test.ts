import fc from 'fast-check'
import { expect, test } from 'vitest'
import { transactionId } from '../chain/transaction.ts'
import {
  codeOf,
  createTestChain,
  deed,
  doing,
  encodeTransaction,
  transfer,
  type UnsignedParts,
  users,
} from '../chain.fixture.ts'
import { TX_BYTES_MAX, TX_EXPIRY_BLOCKS_MAX } from '../limits.ts'
import type { TransferArgs } from '../modules/bank.ts'
import { checkAgainstBlock, gasPrice, prepareTransaction } from './admission.ts'
import { GAS } from './gas.ts'
import { createRuntime } from './runtime.ts'

const chain = createTestChain()
const account = users[0]?.account as Uint8Array
const admit = (bytes: Uint8Array) => prepareTransaction(chain.runtime, bytes, transactionId(bytes), account)

function codeFor(bytes: Uint8Array): string | undefined {
  const outcome = admit(bytes)
  return outcome.ok ? undefined : outcome.reason.code
}

test('a good transaction is decoded once, with what it costs before its call and what it takes', () => {
  const bytes = encodeTransaction(chain, 0, { call: transfer(1, 12n) })
  const outcome = admit(bytes)
  if (!outcome.ok) throw new Error(outcome.reason.message)
  expect(outcome.value).toMatchObject({ account, spends: 12n, id: transactionId(bytes) })
  const { to, vShard, amount } = outcome.value.args as TransferArgs
  expect({ to, vShard, amount }).toEqual({ to: users[1]?.account, vShard: 1, amount: 12n })
  expect(outcome.value.intrinsicGas).toBe(GAS.signature + GAS.txByte * bytes.length + GAS.accountWrite)
  expect(outcome.value.tx.nonce).toBe(0)
})

const { maxGas } = chain.runtime.scheme.blocks
const refused: readonly (readonly [string, UnsignedParts])[] = [
  ['ARM_TX_CHAIN', { chainId: 8 }],
  ['ARM_TX_KEY', { keyType: 0 }],
  ['ARM_TX_KEY', { keyType: 2 }],
  ['ARM_TX_SHARD', { vShard: 3 }],
  ['ARM_TX_CALL_UNKNOWN', { call: { module: 'bank', method: 'steal', args: new Uint8Array(0) } }],
  ['ARM_TX_CALL_UNKNOWN', { call: { module: 'nobody', method: 'transfer', args: new Uint8Array(0) } }],
  ['ARM_TX_CALL_UNKNOWN', { call: { module: 'bank', method: 'constructor', args: new Uint8Array(0) } }],
  ['ARM_TX_CALL_ARGS', { call: { ...transfer(1, 1n), args: transfer(1, 1n).args.subarray(1) } }],
  ['ARM_TX_CALL_ARGS', { call: { ...transfer(1, 1n), args: new Uint8Array(0) } }],
  ['ARM_TX_GAS_HIGH', { gasLimit: maxGas + 1 }],
]

test.each(refused)('%s: %j', (code, parts) => {
  expect(codeFor(encodeTransaction(chain, 0, parts))).toBe(code)
})

test('size: the limit itself is read, one byte more is not', () => {
  expect(codeFor(new Uint8Array(TX_BYTES_MAX + 1))).toBe('ARM_TX_TOO_LARGE')
  expect(codeFor(new Uint8Array(TX_BYTES_MAX))).toBe('ARM_TX_DECODE')
  const large = encodeTransaction(chain, 0, { call: doing(deed('set', { bytes: new Uint8Array(65_000) })) })
  expect(codeFor(large)).toBe('ARM_TX_GAS_LOW')
})

test('gas: exactly what the transaction itself costs is enough, one less is not', () => {
  const { length } = encodeTransaction(chain, 0)
  const intrinsic = GAS.signature + GAS.txByte * length + GAS.accountWrite
  expect(codeFor(encodeTransaction(chain, 0, { gasLimit: intrinsic }))).toBeUndefined()
  expect(codeFor(encodeTransaction(chain, 0, { gasLimit: intrinsic - 1 }))).toBe('ARM_TX_GAS_LOW')
  expect(codeFor(encodeTransaction(chain, 0, { gasLimit: maxGas }))).toBeUndefined()
})

test('any bytes: a refusal with a code, or a transaction whose bytes they are', () => {
  const good = encodeTransaction(chain, 0)
  const mutated = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length)).map(([at, byte, end]) => {
    const bytes = good.slice(0, end < 20 ? end : good.length)
    bytes[at] = byte
    return bytes
  })
  const codes = new Set<string | undefined>()
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      const outcome = admit(bytes)
      codes.add(outcome.ok ? undefined : outcome.reason.code)
      if (outcome.ok) expect(chain.runtime.transactions.encode(outcome.value.tx)).toEqual(bytes)
      else expect(outcome.reason.code).toMatch(/^ARM_TX_/)
    }),
    { numRuns: 5_000 },
  )
  expect(codes.size).toBeGreaterThan(5)
})

test('against a block: shard, expiry window and fee, each at its edge', () => {
  const decode = (parts: UnsignedParts) => chain.runtime.transactions.decode(encodeTransaction(chain, 0, parts))
  const check = (parts: UnsignedParts) =>
    checkAgainstBlock(decode(parts), { vShard: 1, height: 10, baseFee: 100n, rules: 1 })?.code
  expect(check({ vShard: 2 })).toBe('ARM_TX_SHARD')
  expect(check({ version: 2 })).toBe('ARM_TX_VERSION')
  expect(
    [9, 10, 10 + TX_EXPIRY_BLOCKS_MAX, 11 + TX_EXPIRY_BLOCKS_MAX].map((expiryHeight) => check({ expiryHeight })),
  ).toEqual(['ARM_TX_EXPIRED', undefined, undefined, 'ARM_TX_EXPIRY_FAR'])
  expect([99n, 100n].map((maxFee) => check({ maxFee }))).toEqual(['ARM_TX_FEE_LOW', undefined])
  expect(gasPrice(decode({ maxFee: 150n, tip: 20n }), 100n)).toBe(120n)
  expect(gasPrice(decode({ maxFee: 110n, tip: 20n }), 100n)).toBe(110n)
})

test('a runtime needs every module of its scheme, and event names that fit a receipt', () => {
  const { scheme, modules, genesisHash } = chain.runtime
  expect(codeOf(() => createRuntime(scheme, modules.slice(1), genesisHash))).toBe('ARM_SCHEME')
  const [probe, ...rest] = [...modules].reverse()
  if (probe === undefined) throw new Error('no module')
  const wordy = { ...probe, events: { ['e'.repeat(33)]: { type: 'struct', fields: [] } as const } }
  expect(codeOf(() => createRuntime(scheme, [wordy, ...rest], genesisHash))).toBe('ARM_ARGUMENT')
})
