import { expect, test } from 'vitest'
import {
  balanceOf,
  beginBlock,
  codeOf,
  createTestChain,
  prepare,
  transfer,
  USER_MOTES,
  users,
} from '../chain.fixture.ts'
import { jsonToValue, valueToJson } from '../codec/json.ts'
import {
  bytes32,
  formatSchema,
  option,
  parseSchema,
  type StructSchema,
  struct,
  text,
  u8,
  u53,
} from '../codec/schema.ts'
import { sha256 } from '../crypto/hash.ts'
import { activeEd25519 } from '../crypto/verify.ts'
import { TX_BYTES_MAX } from '../limits.ts'
import { prepareTransaction } from '../runtime/admission.ts'
import { GAS } from '../runtime/gas.ts'
import type { RuntimeModule } from '../runtime/module.ts'
import { createRuntime } from '../runtime/runtime.ts'
import { RECEIPT_BLOCK, RECEIPT_TRANSACTION } from './receipt.ts'
import {
  BASE_DETAILS_SCHEMA,
  BASE_RECEIPT_SCHEMA,
  BASE_TRANSACTION_SCHEMA,
  checkScheme,
  defaultSchemas,
  defaultScheme,
  fieldTypes,
  rulesVersion,
  type Scheme,
  schemeCodec,
} from './scheme.ts'
import { signTransaction, type Transaction, transactionId, transactionMessage } from './transaction.ts'
import { ed25519Validators, type Validator } from './validator.ts'

const key = new Uint8Array(32).fill(1)
const shards = [
  { vShard: 0, engine: 'solo', ...ed25519Validators([key]) },
  { vShard: 1, engine: 'solo', ...ed25519Validators([key]) },
]
const good = defaultScheme({ chainId: 7, networkId: 'test', shards })

test('a scheme comes back from its bytes, and is as valid as before', () => {
  const decoded = schemeCodec.decode(schemeCodec.encode(good))
  expect(decoded).toEqual(good)
  expect(checkScheme(decoded)).toEqual(checkScheme(good))
  expect(checkScheme(good).transaction).toEqual(BASE_TRANSACTION_SCHEMA)
})

const blsKey = (byte: number) => new Uint8Array(48).fill(byte)
const blsProof = new Uint8Array(96)
const seat = { publicKey: key, weight: 1, blsKey: blsKey(1), blsProof }
const other = { ...seat, publicKey: new Uint8Array(32).fill(2), blsKey: blsKey(2) }
const seated = (...validators: readonly Validator[]) => ({
  shards: [{ vShard: 0, engine: 'simplex', certificates: 'bls' as const, validators }],
})

test('validators with weights and BLS keys come back from the bytes of their scheme', () => {
  const scheme = { ...good, ...seated({ ...seat, weight: 2 ** 32 }, other) }
  checkScheme(scheme)
  expect(schemeCodec.decode(schemeCodec.encode(scheme))).toEqual(scheme)
  expect(jsonToValue(schemeCodec.schema, valueToJson(schemeCodec.schema, scheme))).toEqual(scheme)
  expect(schemeCodec.encode({ ...good, ...seated(seat, other) })).not.toEqual(schemeCodec.encode(scheme))
})

test('transactions with a memo: declared by the scheme, signed, decoded and executed; all bytes are under the signature', () => {
  const chain = createTestChain(defaultSchemas([['memo', fieldTypes.memo]]))
  const { runtime } = chain
  const user = users[0] as (typeof users)[number]
  const unsigned = {
    version: 1,
    chainId: 7,
    vShard: 1,
    keyType: 1,
    senderKey: user.publicKey,
    nonce: 0,
    gasLimit: 20_000,
    maxFee: 1_000n,
    tip: 0n,
    expiryHeight: 10,
    call: transfer(1, 5n),
    memo: 'for the coffee ☕',
  }
  const bytes = signTransaction(runtime.transactions, unsigned, runtime.txDomain, (message) =>
    activeEd25519().sign(message, user.secretKey),
  )
  const at = runtime.types.senderKeyOffset
  expect(bytes.subarray(at, at + 32)).toEqual(user.publicKey)
  const verify = (signed: Uint8Array) =>
    activeEd25519().verify({
      publicKey: user.publicKey,
      message: transactionMessage(runtime.txDomain, signed),
      signature: signed.subarray(signed.length - 64),
    })
  expect(verify(bytes)).toBe(true)
  for (let i = 0; i < bytes.length; i++) {
    // The header of the signature field is fixed: a decoder refuses any other.
    if (i === bytes.length - 66 || i === bytes.length - 65) continue
    const changed = bytes.slice()
    changed[i] = (changed[i] as number) ^ 1
    expect(verify(changed)).toBe(false)
  }
  const prepared = prepareTransaction(runtime, bytes, transactionId(bytes), user.account)
  if (!prepared.ok) throw new Error(prepared.reason.message)
  expect((prepared.value.tx as Transaction & { memo: string }).memo).toBe('for the coffee ☕')
  const state = chain.state()
  const execution = beginBlock(chain, state)
  expect(execution.transaction(prepared.value)).toMatchObject({ ok: true, value: { ok: true } })
  state.apply(execution.end(1_000).writes)
  expect(balanceOf(state, users[1]?.account as Uint8Array)).toBe(USER_MOTES + 5n)
  const plain = createTestChain()
  const refused = prepareTransaction(plain.runtime, bytes, transactionId(bytes), user.account)
  expect(refused).toMatchObject({ ok: false, reason: { code: 'ARM_TX_DECODE' } })
})

test('details and receipts may have more fields: optional ones are absent where no module supplies them', () => {
  const extend = (base: StructSchema) => formatSchema(struct(...base.fields, ['extra', option(bytes32)]))
  const chain = createTestChain({ details: extend(BASE_DETAILS_SCHEMA), receipt: extend(BASE_RECEIPT_SCHEMA) })
  const execution = beginBlock(chain, chain.state())
  execution.transaction(prepare(chain, 0))
  const { receipts } = execution.end(0)
  expect(receipts).toHaveLength(1)
  expect(chain.runtime.receipts.decode(receipts[0] as Uint8Array)).toHaveProperty('extra', undefined)
  expect(chain.runtime.details.schema).toEqual(parseSchema(extend(BASE_DETAILS_SCHEMA)))
})

test('fields of details and receipts come from the one module that supplies them', () => {
  const parts = {
    details: formatSchema(struct(...BASE_DETAILS_SCHEMA.fields, ['blockCount', u53])),
    receipt: formatSchema(struct(...BASE_RECEIPT_SCHEMA.fields, ['gasDigit', u8])),
  }
  const plain = createTestChain()
  const { scheme, modules, genesisHash } = plain.runtime
  const counter: RuntimeModule = {
    name: 'counter',
    events: { counted: struct(['height', u53]) },
    endBlock: (context) => context.emit('counted', { height: context.height }),
    detailsFields: { blockCount: ({ height }) => height },
    receiptFields: { gasDigit: (_, { gasUsed }) => gasUsed % 10 },
  }
  const named = { ...scheme, ...parts, modules: [...scheme.modules, 'counter'] }
  const runtime = createRuntime(named, [...modules, counter], genesisHash)
  const execution = beginBlock({ ...plain, runtime }, plain.state())
  execution.transaction(prepare(plain, 0))
  const { receipts, detailsFields } = execution.end(0)
  expect(detailsFields).toEqual({ blockCount: execution.environment.height })
  const [hook, own] = receipts.map((each) => runtime.receipts.decode(each))
  expect(hook).toMatchObject({ kind: RECEIPT_BLOCK, ok: true, gasDigit: 0, events: [{ module: 'counter' }] })
  expect(own).toMatchObject({ kind: RECEIPT_TRANSACTION, gasDigit: (own?.gasUsed ?? 0) % 10 })
  expect(codeOf(() => createRuntime({ ...scheme, ...parts }, modules, genesisHash))).toBe('ARM_SCHEME')
  const rival = { ...counter, name: 'rival' }
  const both = { ...named, modules: [...named.modules, 'rival'] }
  expect(codeOf(() => createRuntime(both, [...modules, counter, rival], genesisHash))).toBe('ARM_SCHEME')
})

const changedField = (base: StructSchema, at: number) =>
  formatSchema(struct(...base.fields.map((field, i) => (i === at ? ([field[0], text(9)] as const) : field))))
const { blocks, fees } = good
const bad: Record<string, Partial<Scheme>> = {
  'a transaction that is no struct': { transaction: 'u8' },
  'a transaction without its signature': {
    transaction: formatSchema(struct(...BASE_TRANSACTION_SCHEMA.fields.slice(0, -1))),
  },
  'a field behind the signature': {
    transaction: formatSchema(struct(...BASE_TRANSACTION_SCHEMA.fields, ['memo', text(9)])),
  },
  'a field of a transaction changed': { transaction: changedField(BASE_TRANSACTION_SCHEMA, 5) },
  'a field of the details changed': { details: changedField(BASE_DETAILS_SCHEMA, 0) },
  'a field of the receipt left out': { receipt: formatSchema(struct(...BASE_RECEIPT_SCHEMA.fields.slice(1))) },
  'blocks too small for a transaction beside imports': { blocks: { ...blocks, minBytes: 2 * TX_BYTES_MAX } },
  'least size above the first': { blocks: { ...blocks, minBytes: blocks.initialBytes + 1 } },
  'first size above the most': { blocks: { ...blocks, initialBytes: blocks.maxBytes + 1 } },
  'blocks larger than any may be': { blocks: { ...blocks, maxBytes: 2 ** 31 } },
  'import gas that delivers nothing': { blocks: { ...blocks, importGas: GAS.deliver - 1 } },
  'import gas above the block gas': { blocks: { ...blocks, importGas: blocks.maxGas + 1 } },
  'no shards': { shards: [] },
  'no main shard': { shards: shards.slice(1) },
  'a vShard twice': { shards: [...shards, shards[1] as (typeof shards)[number]] },
  'vShards out of order': { shards: [...shards].reverse() },
  'a shard without validators': { shards: [{ vShard: 0, engine: 'solo', ...ed25519Validators([]) }] },
  'a validator twice': { shards: [{ vShard: 0, engine: 'solo', ...ed25519Validators([key, key.slice()]) }] },
  'a validator twice, under another BLS key': seated(seat, { ...seat, blsKey: blsKey(2) }),
  'a BLS key twice': seated(seat, { ...other, blsKey: blsKey(1) }),
  'a BLS committee without a BLS key': seated({ publicKey: key, weight: 1, blsProof }),
  'a BLS committee without a proof': seated({ publicKey: key, weight: 1, blsKey: blsKey(1) }),
  'a BLS key of another length': seated({ ...seat, blsKey: new Uint8Array(96) }),
  'a BLS key that ed25519 certificates do not take': {
    shards: [{ vShard: 0, engine: 'simplex', certificates: 'ed25519', validators: [seat] }],
  },
  'certificates of no kind': {
    shards: [{ vShard: 0, engine: 'simplex', certificates: 'rsa' as never, validators: [seat] }],
  },
  'a validator without weight': seated({ ...seat, weight: 0 }),
  'a weight that is no whole number': seated({ ...seat, weight: 1.5 }),
  'a weight above 2^32': seated({ ...seat, weight: 2 ** 32 + 1 }),
  'a weight that is none': seated({ ...seat, weight: Number.NaN }),
  'too many validators': {
    shards: [
      {
        vShard: 0,
        engine: 'simplex',
        ...ed25519Validators(Array.from({ length: 1025 }, (_, i) => sha256(Uint8Array.of(i, i >> 8)))),
      },
    ],
  },
  'a prefix with a digit': { addressPrefix: 'arm1' },
  'no prefix': { addressPrefix: '' },
  'a module twice': { modules: ['bank', 'bank'] },
  'a module that would reach the keys of another': { modules: ['bank', 'bank/x'] },
  "a module named like the kernel's own keys": { modules: ['kernel'] },
  "a module named like the inbox's cursors": { modules: ['inbox'] },
  'a module without a name': { modules: [''] },
  'unknown compression': { compression: 'gzip' },
  'more burnt than paid': { fees: { ...fees, burnPercent: 101 } },
  'no bound on the base fee': { fees: { ...fees, changeDenominator: 0 } },
  'no target gas': { fees: { ...fees, targetGas: 0 } },
  'a target above the block gas': { fees: { ...fees, targetGas: blocks.maxGas + 1 } },
  'no floor of the base fee': { fees: { ...fees, minBaseFee: 0n } },
  'a base fee below its floor': { fees: { ...fees, initialBaseFee: fees.minBaseFee - 1n } },
  'no rule version': { versions: [] },
  'rules that begin late': { versions: [{ fromHeight: 1, version: 1 }] },
  'versions out of order': {
    versions: [
      { fromHeight: 0, version: 1 },
      { fromHeight: 9, version: 2 },
      { fromHeight: 9, version: 3 },
    ],
  },
  'a chain id that is none': { chainId: -1 },
  'a network id that is too long': { networkId: 'n'.repeat(65) },
  'something that is no list': { modules: 'bank' as never },
}

test.each(Object.keys(bad))('invalid: %s', (what) => {
  expect(codeOf(() => checkScheme({ ...good, ...bad[what] }))).toBe('ARM_SCHEME')
})

test('a schema whose text is malformed is refused as such', () => {
  for (const receipt of ['', 'struct(', 'struct(a:u7)', `${good.receipt} `])
    expect(codeOf(() => checkScheme({ ...good, receipt }))).toBe('ARM_SCHEMA')
})

test('the smallest policies that are allowed are', () => {
  const least = { ...blocks, minBytes: 2 * TX_BYTES_MAX + 8192, importGas: GAS.deliver }
  expect(codeOf(() => checkScheme({ ...good, blocks: least }))).toBeUndefined()
  const floor = { ...fees, minBaseFee: 1n, initialBaseFee: 1n, targetGas: 1, changeDenominator: 1, burnPercent: 100 }
  expect(codeOf(() => checkScheme({ ...good, fees: floor }))).toBeUndefined()
})

test('the version of the rules at a height', () => {
  const versions = [0, 10, 20].map((fromHeight, i) => ({ fromHeight, version: i + 1 }))
  expect([0, 9, 10, 19, 20, 99].map((height) => rulesVersion({ ...good, versions }, height))).toEqual([
    1, 1, 2, 2, 3, 3,
  ])
})
