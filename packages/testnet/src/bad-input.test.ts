import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChainContext, createRpcClient, createWallet, fetchChainContext, type RpcClient } from '@armchain/client'
import { rpcMethods } from '@armchain/client/rpc-schema'
import {
  activeEd25519,
  createMnemonic,
  formatAddress,
  fromHex,
  isArmError,
  type KeyPair,
  keyPairFromMnemonic,
  limits,
  signTransaction,
  type Transaction,
  toHex,
  transactionId,
  transactionMessage,
  transferArgsCodec,
} from '@armchain/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accountKey, startTestnet, type Testnet } from './testnet.ts'

// One testnet whose blocks are made by hand, with a pool that is full: nothing that is sent below may change it.
const POOL = { transactions: 10, sizeBytes: 1024 * 1024, perAccount: 4 }
const FAR = limits.TX_EXPIRY_BLOCKS_MAX
const BODY_MAX = 8 * 1024 * 1024
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const P = 2n ** 255n - 19n

let testnet: Testnet
let rpc: RpcClient
let context: ChainContext
let socket: Socket
/** Valid transactions: in a block, or waiting. */
let included: Uint8Array
let waiting: Uint8Array[]

beforeAll(async () => {
  testnet = await startTestnet({ blockTime: 'manual', poolLimits: POOL, accounts: 12 })
  rpc = createRpcClient({ url: testnet.rpcUrl })
  context = await fetchChainContext(rpc)
  socket = await openSocket(testnet.wsUrl)
  included = sign({ key: key(0) })
  await accepted([included])
  await rpc.call('dev_mine')
  // One that others try to replace, an account at its limit, and what fills the pool up.
  waiting = [
    sign({ key: key(0), nonce: 1, tip: 100n, maxFee: 1_000n }),
    ...[0, 1, 2, 3].map((nonce) => sign({ key: key(1), nonce, tip: 100n })),
    ...[2, 3, 4, 5, 6].map((index) => sign({ key: key(index), tip: 100n })),
  ]
  await accepted(waiting)
})

afterAll(async () => {
  socket.close()
  await rpc.close()
  await testnet.close()
})

type Case = { readonly name: string; readonly code: string; readonly raw: () => Uint8Array }

const REFUSED: readonly Case[] = [
  { name: 'nothing at all', code: 'ARM_TX_DECODE', raw: () => new Uint8Array(0) },
  { name: 'random bytes', code: 'ARM_TX_DECODE', raw: () => new Uint8Array(300).fill(0xa5) },
  { name: 'a byte too many', code: 'ARM_TX_DECODE', raw: () => Uint8Array.of(...sign(), 0) },
  { name: 'a byte too few', code: 'ARM_TX_DECODE', raw: () => sign().slice(0, -1) },
  { name: 'too large', code: 'ARM_TX_TOO_LARGE', raw: () => new Uint8Array(limits.TX_BYTES_MAX + 1) },
  { name: 'other rules', code: 'ARM_TX_VERSION', raw: () => sign({ version: 2 }) },
  { name: 'other chain id', code: 'ARM_TX_CHAIN', raw: () => sign({ chainId: 1338 }) },
  { name: 'other genesis, same chain id', code: 'ARM_TX_SIGNATURE', raw: () => sign({ domain: new Uint8Array(32) }) },
  { name: 'unknown vShard', code: 'ARM_TX_SHARD', raw: () => sign({ vShard: 77 }) },
  { name: 'changed after signing', code: 'ARM_TX_SIGNATURE', raw: () => flipBit(sign(), -67) },
  { name: 'signature of another key', code: 'ARM_TX_SIGNATURE', raw: () => sign({ signer: key(8) }) },
  { name: 'malleable signature, s + L', code: 'ARM_TX_SIGNATURE', raw: () => addOrder(sign()) },
  { name: 'key of small order', code: 'ARM_TX_KEY', raw: smallOrder },
  { name: 'key of mixed order', code: 'ARM_TX_KEY', raw: mixedOrder },
  { name: 'unknown key type', code: 'ARM_TX_KEY', raw: () => sign({ keyType: 2 }) },
  { name: 'nonce of a block', code: 'ARM_TX_NONCE_LOW', raw: () => sign({ key: key(0), nonce: 0, tip: 5n }) },
  { name: 'nonce ahead', code: 'ARM_TX_NONCE_GAP', raw: () => sign({ nonce: 1 }) },
  { name: 'account without money', code: 'ARM_TX_FUNDS', raw: () => sign({ key: stranger }) },
  { name: 'more than the balance', code: 'ARM_TX_FUNDS', raw: () => sign({ amount: 10_000_000_000_000n }) },
  { name: 'more than is left by what waits', code: 'ARM_TX_FUNDS', raw: () => sign({ maxFee: 2n ** 63n }) },
  { name: 'expired', code: 'ARM_TX_EXPIRED', raw: () => sign({ expiryHeight: 1 }) },
  { name: 'expiry too far', code: 'ARM_TX_EXPIRY_FAR', raw: () => sign({ expiryHeight: FAR + 100 }) },
  { name: 'unknown module', code: 'ARM_TX_CALL_UNKNOWN', raw: () => sign({ module: 'bonk' }) },
  { name: 'unknown method', code: 'ARM_TX_CALL_UNKNOWN', raw: () => sign({ method: 'constructor' }) },
  { name: 'no arguments', code: 'ARM_TX_CALL_ARGS', raw: () => sign({ args: new Uint8Array(0) }) },
  { name: 'wrong arguments', code: 'ARM_TX_CALL_ARGS', raw: () => sign({ args: new Uint8Array(60).fill(255) }) },
  { name: 'fee below the base fee', code: 'ARM_TX_FEE_LOW', raw: () => sign({ maxFee: 1n }) },
  { name: 'gas below its own cost', code: 'ARM_TX_GAS_LOW', raw: () => sign({ gasLimit: 10 }) },
  { name: 'gas above a block', code: 'ARM_TX_GAS_HIGH', raw: () => sign({ gasLimit: 40_000_001 }) },
  { name: 'the same, in a block', code: 'ARM_TX_DUPLICATE', raw: () => included },
  { name: 'the same, waiting', code: 'ARM_TX_DUPLICATE', raw: () => waiting[0] as Uint8Array },
  { name: 'cheap replacement', code: 'ARM_TX_UNDERPRICED', raw: () => sign({ key: key(0), nonce: 1, tip: 109n }) },
  { name: 'full account', code: 'ARM_POOL_ACCOUNT_FULL', raw: () => sign({ key: key(1), nonce: 4, tip: 500n }) },
  { name: 'full pool', code: 'ARM_POOL_FULL', raw: () => sign({ tip: 100n }) },
]

describe('a transaction that may not be in a block', () => {
  test.each(REFUSED)('$name: $code, by every way in', async ({ code, raw: make }) => {
    const raw = make()
    const request = JSON.stringify(call('arm_sendTransaction', { raw: toHex(raw) }))
    const [http, ws, batch, client, binary] = await Promise.all([
      post(request),
      socket.ask(request),
      post(`[${request}]`),
      failure(rpc.call('arm_sendTransaction', { raw: toHex(raw) })),
      rpc.submitRaw([raw]),
    ])
    const { error } = http.body
    expect(error).toMatchObject({ code: -32000, message: expect.stringMatching(/\w{3}/), data: { code } })
    expect(error.data.hint).toMatch(/\w{3}/)
    expect(http.status).toBe(200)
    expect(ws).toEqual(http.body)
    expect(batch.body).toEqual([http.body])
    expect(client).toMatchObject({ code, hint: error.data.hint, message: `${code}: ${error.message}` })
    expect(binary).toEqual({
      accepted: 0,
      refused: [{ index: 0, code, message: error.message }],
      txIds: [null],
    })
  })

  test('the table has each refusal that the interface names, and each is documented', () => {
    const codes = new Set(REFUSED.map(({ code }) => code))
    const named = rpcMethods.arm_sendTransaction.errors.filter((code) => code !== 'ARM_HEX')
    expect([...codes].sort()).toEqual([...named].sort())
    for (const code of codes) expect(DOCUMENTED).toContain(code)
  })

  test('among good ones it is refused alone, and the order of a request does not matter', async () => {
    const address = formatAddress({ account: key(9).account, vShard: 2 }, 'armt')
    const good = [0, 1, 2].map((nonce) => sign({ key: key(9), vShard: 2, nonce, tip: 7n }))
    const bad = sign({ key: key(9), vShard: 2, chainId: 1 })
    const { accepted: count, refused } = await rpc.submitRaw([good[2], bad, good[0], good[1]] as Uint8Array[])
    expect({ count, refused }).toMatchObject({ count: 3, refused: [{ index: 1, code: 'ARM_TX_CHAIN' }] })
    expect(await rpc.call('arm_getAccount', { address })).toMatchObject({ nonce: 0, nextNonce: 3 })
    waiting.push(...good)
  })
})

type Body = { readonly name: string; readonly code: string; readonly body: string | Uint8Array<ArrayBuffer> }
const NONE = 'f'.repeat(64)

const BODIES: readonly Body[] = [
  { name: 'half a JSON text', code: 'ARM_RPC_PARSE', body: '{"jsonrpc":"2.0","id":1,' },
  { name: 'no JSON', code: 'ARM_RPC_PARSE', body: 'hello' },
  { name: 'nothing', code: 'ARM_RPC_PARSE', body: '' },
  { name: 'a number', code: 'ARM_RPC_REQUEST', body: '5' },
  { name: 'null', code: 'ARM_RPC_REQUEST', body: 'null' },
  { name: 'an empty batch', code: 'ARM_RPC_REQUEST', body: '[]' },
  { name: 'no version', code: 'ARM_RPC_REQUEST', body: '{"id":1,"method":"arm_status"}' },
  { name: 'an id that is an object', code: 'ARM_RPC_REQUEST', body: '{"jsonrpc":"2.0","id":{},"method":"arm_status"}' },
  { name: 'a method that is a number', code: 'ARM_RPC_REQUEST', body: '{"jsonrpc":"2.0","id":1,"method":7}' },
  { name: 'an unknown method', code: 'ARM_RPC_METHOD', body: text('arm_mint') },
  { name: 'a method of Object', code: 'ARM_RPC_METHOD', body: text('toString') },
  { name: 'params that are text', code: 'ARM_RPC_PARAMS', body: text('arm_getAccount', 'alice') },
  { name: 'no params', code: 'ARM_RPC_PARAMS', body: text('arm_sendTransaction') },
  { name: 'a param too many', code: 'ARM_RPC_PARAMS', body: text('arm_sendTransaction', { raw: '00', now: true }) },
  { name: 'a transaction that is a number', code: 'ARM_RPC_PARAMS', body: text('arm_sendTransaction', { raw: 7 }) },
  { name: 'a transaction that is null', code: 'ARM_RPC_PARAMS', body: text('arm_sendTransaction', [null]) },
  { name: 'a transaction that is no hex', code: 'ARM_HEX', body: text('arm_sendTransaction', { raw: 'zz' }) },
  { name: 'half a byte', code: 'ARM_HEX', body: text('arm_sendTransaction', { raw: '0x123' }) },
  { name: 'an address that is a number', code: 'ARM_RPC_PARAMS', body: text('arm_getAccount', { address: 5 }) },
  { name: 'no address', code: 'ARM_ADDRESS', body: text('arm_getAccount', { address: 'armt1qqqqqqqq' }) },
  { name: 'an address elsewhere', code: 'ARM_ADDRESS', body: text('arm_getAccount', { address: address('armc', 1) }) },
  { name: 'an unknown vShard', code: 'ARM_TX_SHARD', body: text('arm_getAccount', { address: address('armt', 9) }) },
  { name: 'a vShard below 0', code: 'ARM_RPC_PARAMS', body: text('arm_getBlock', { vShard: -1 }) },
  { name: 'a vShard of 1.5', code: 'ARM_RPC_PARAMS', body: text('arm_getPool', { vShard: 1.5 }) },
  { name: 'a block to come', code: 'ARM_NOT_FOUND', body: text('arm_getBlock', { vShard: 1, height: 10 ** 9 }) },
  { name: 'an unknown hash', code: 'ARM_NOT_FOUND', body: text('arm_getBlock', { vShard: 1, hash: NONE }) },
  { name: 'an unknown receipt', code: 'ARM_NOT_FOUND', body: text('arm_getReceipt', { txId: NONE }) },
  { name: 'an unknown transaction', code: 'ARM_NOT_FOUND', body: text('arm_getTransaction', { txId: NONE }) },
  { name: 'an unknown trace', code: 'ARM_NOT_FOUND', body: text('arm_trace', { id: NONE }) },
  { name: 'a short id', code: 'ARM_RPC_PARAMS', body: text('arm_getReceipt', { txId: 'abcd' }) },
  { name: 'a wait without end', code: 'ARM_RPC_PARAMS', body: text('arm_waitForReceipt', [NONE, 1e9]) },
  { name: 'a wait for nothing', code: 'ARM_RPC_TIMEOUT', body: text('arm_waitForReceipt', [NONE, 1]) },
  { name: 'an unknown query', code: 'ARM_NOT_FOUND', body: query('nothing', {}) },
  { name: 'a query without arguments', code: 'ARM_ARGUMENT', body: query('balance', undefined) },
  { name: 'a query with wrong types', code: 'ARM_ARGUMENT', body: query('balance', { account: 5 }) },
  { name: 'a query with a short account', code: 'ARM_ARGUMENT', body: query('balance', { account: '00' }) },
  { name: 'a query that is no hex', code: 'ARM_HEX', body: query('balance', { account: 'zz' }) },
  { name: 'an unknown topic', code: 'ARM_RPC_PARAMS', body: text('arm_subscribe', { topic: 'weather' }) },
  { name: 'an unknown snapshot', code: 'ARM_NOT_FOUND', body: text('dev_revert', { snapshotId: 'snap-9' }) },
  { name: 'no blocks', code: 'ARM_RPC_PARAMS', body: text('dev_mine', { count: 0 }) },
  { name: 'a faucet beyond 64 bits', code: 'ARM_FAUCET', body: faucet('9'.repeat(30)) },
  { name: 'a faucet beyond its balance', code: 'ARM_FAUCET', body: faucet('9000000000000000000') },
  { name: 'a faucet of nothing', code: 'ARM_FAUCET', body: faucet('0') },
  { name: 'a faucet of less than nothing', code: 'ARM_RPC_PARAMS', body: faucet('-1') },
  { name: 'a batch too long', code: 'ARM_RPC_TOO_LARGE', body: `[${Array(2_001).fill(text('arm_status')).join()}]` },
]

describe('a request that is none', () => {
  test.each(BODIES)('$name: $code, over HTTP and WebSocket alike', async ({ code, body }) => {
    const [http, ws] = await Promise.all([post(body), socket.ask(body as string)])
    expect(http.body.error).toMatchObject({ message: expect.stringMatching(/\w{3}/), data: { code } })
    expect(http.body.error.data.hint ?? 'none').toMatch(/\w{3}/)
    expect(ws).toEqual(http.body)
    expect(DOCUMENTED).toContain(code)
  })

  test.each([
    {
      name: 'bytes that are no UTF-8',
      status: 200,
      code: 'ARM_RPC_PARSE',
      path: '/',
      body: Uint8Array.of(34, 255, 34),
    },
    { name: 'endless brackets', status: 200, code: 'ARM_RPC_PARSE', path: '/', body: '['.repeat(2 ** 20) },
    { name: 'a body too large', status: 413, code: 'ARM_RPC_TOO_LARGE', path: '/', body: ' '.repeat(BODY_MAX + 1) },
    {
      name: 'a subscription',
      status: 200,
      code: 'ARM_RPC_SUBSCRIPTION',
      path: '/',
      body: text('arm_subscribe', ['heads']),
    },
    { name: 'half a frame', status: 400, code: 'ARM_RPC_PARSE', path: '/submit', body: Uint8Array.of(0, 0, 0, 9, 1) },
    { name: 'half a length', status: 400, code: 'ARM_RPC_PARSE', path: '/submit', body: Uint8Array.of(0, 0) },
    {
      name: 'a frame of 4 GiB',
      status: 400,
      code: 'ARM_RPC_PARSE',
      path: '/submit',
      body: Uint8Array.of(255, 255, 255, 255),
    },
    { name: 'too many frames', status: 413, code: 'ARM_RPC_TOO_LARGE', path: '/submit', body: new Uint8Array(80_004) },
    {
      name: 'frames too large',
      status: 413,
      code: 'ARM_RPC_TOO_LARGE',
      path: '/submit',
      body: new Uint8Array(BODY_MAX + 1),
    },
    { name: 'another path', status: 404, code: 'ARM_NOT_FOUND', path: '/admin', body: '' },
  ] as const)('over HTTP, $name: $status $code', async ({ status, code, path, body }) => {
    const reply = await post(body as string, path)
    expect({ status: reply.status, code: reply.body.error?.data.code }).toEqual({ status, code })
    expect(DOCUMENTED).toContain(code)
  })

  test('a WebSocket refuses binary frames, and closes on one too large with the code of the standard', async () => {
    const other = await openSocket(testnet.wsUrl)
    expect(await other.ask(new Uint8Array(10))).toMatchObject({ error: { data: { code: 'ARM_RPC_REQUEST' } } })
    expect(await other.closes(' '.repeat(BODY_MAX + 1))).toBe(1009)
  })
})

// Last, as it makes the blocks.
test('after all of it the node makes blocks, the supply is whole and no valid transaction is lost', async () => {
  const { shards } = await rpc.call('arm_status')
  expect(shards.reduce((sum, { poolTransactions }) => sum + poolTransactions, 0)).toBe(waiting.length)
  for (const raw of waiting)
    expect(await rpc.call('arm_getTransaction', { txId: idOf(raw) })).toMatchObject({ status: 'pending' })

  await rpc.call('dev_mine', { count: 2 })
  const waits = [included, ...waiting].map((raw) => ['arm_getReceipt', { txId: idOf(raw) }] as const)
  for (const outcome of await rpc.batch(waits))
    expect(outcome).toMatchObject({ ok: true, value: { ok: true, finality: 'anchored' } })
  expect((await rpc.call('arm_status')).shards).toMatchObject(
    shards.map(({ height }) => ({ height: height + 2, poolTransactions: 0 })),
  )
  const supply = await rpc.call('arm_getSupply')
  expect(supply).toMatchObject({ ok: true, totalMotes: supply.genesisMotes })

  // There is room again: what was refused for its size, its account and its tip alone gets in.
  await accepted([sign({ key: key(1), nonce: 4, tip: 500n }), sign({ tip: 100n })])
})

test('a better offer takes the place of the cheapest in a full pool, and whoever waits for that one is told', async () => {
  const own = await startTestnet({ blockTime: 'manual', poolLimits: { ...POOL, transactions: 2 }, accounts: 3 })
  await using client = createRpcClient({ url: own.rpcUrl })
  try {
    const [a, b, c] = await Promise.all(own.accounts.map((each) => createWallet(client, accountKey(each))))
    if (a === undefined || b === undefined || c === undefined) throw new Error('three accounts')
    const cheap = await a.transfer(b.address(1), 1n, { tipMotes: 1n })
    const wait = failure(a.wait(cheap))
    const dear = await b.transfer(a.address(1), 1n, { tipMotes: 20n })
    const dearer = await c.transfer(a.address(1), 1n, { tipMotes: 10n })
    expect(await wait).toMatchObject({ code: 'ARM_POOL_EVICTED' })
    expect(await failure(client.call('arm_getTransaction', { txId: cheap }))).toMatchObject({ code: 'ARM_NOT_FOUND' })
    await client.call('dev_mine')
    for (const txId of [dear, dearer]) expect(await client.call('arm_getReceipt', { txId })).toMatchObject({ ok: true })
  } finally {
    await own.close()
  }
})

const DOCUMENTED = [
  ...readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8').matchAll(/^\| `(ARM_\w+)` \|/gm),
].map((match) => match[1])

const stranger = keyPairFromMnemonic(createMnemonic())

function key(index: number): KeyPair {
  return accountKey(testnet.accounts[index] as Testnet['accounts'][number])
}

type Parts = Partial<Transaction> & {
  readonly key?: KeyPair
  /** Signs instead of the key. */
  readonly signer?: KeyPair
  readonly domain?: Uint8Array
  readonly module?: string
  readonly method?: string
  readonly args?: Uint8Array
  readonly amount?: bigint
}

/** A transfer that would be taken as it is, from an account that has nothing else waiting, but for what is given. */
function sign({
  key: sender = key(10),
  signer,
  domain,
  module,
  method,
  args,
  amount,
  ...fields
}: Parts = {}): Uint8Array {
  const { scheme } = context
  const unsigned = {
    version: scheme.version,
    chainId: scheme.chainId,
    vShard: 1,
    keyType: 1,
    senderKey: sender.publicKey,
    nonce: 0,
    gasLimit: 5_000,
    maxFee: 10_000n,
    tip: 1n,
    expiryHeight: 1_000,
    call: {
      module: module ?? 'bank',
      method: method ?? 'transfer',
      args: args ?? transferArgsCodec.encode({ to: stranger.account, vShard: 1, amount: amount ?? 1n }),
    },
    ...fields,
  }
  return signTransaction(context.transactions, unsigned, domain ?? context.domain, (message) =>
    activeEd25519().sign(message, (signer ?? sender).secretKey),
  )
}

function idOf(raw: Uint8Array): string {
  return toHex(transactionId(raw))
}

async function accepted(raws: readonly Uint8Array[]): Promise<void> {
  expect(await rpc.submitRaw(raws)).toMatchObject({ accepted: raws.length, refused: [] })
}

/** `index` counts from the end; the last 66 bytes are the signature with its header, and the amount is before them. */
function flipBit(bytes: Uint8Array, index: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[bytes.length + index] = (changed.at(index) as number) ^ 2
  return changed
}

/** The same signature with s + L, which a verifier that does not compare s with the order would take. */
function addOrder(raw: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(raw)
  changed.set(toLittleEndian(fromLittleEndian(raw.subarray(-32)) + L), raw.length - 32)
  return changed
}

/** Under a key of small order the neutral element and 0 are a signature of everything, by ZIP215. */
function smallOrder(): Uint8Array {
  const publicKey = fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
  const raw = Uint8Array.from(sign({ key: { ...key(10), publicKey } }))
  raw.fill(0, raw.length - 64)
  raw[raw.length - 64] = 1
  return raw
}

/** A + (0, -1) for a key A: signatures can be made under it, and hold by ZIP215, which clears the cofactor. */
function mixedOrder(): Uint8Array {
  const { secretKey, publicKey } = key(10)
  const y = fromLittleEndian(publicKey) % 2n ** 255n
  const isOdd = (publicKey[31] as number) >> 7
  const mixed = toLittleEndian(P - y + (isOdd === 1 ? 0n : 2n ** 255n))
  const raw = Uint8Array.from(sign({ senderKey: mixed }))
  const nonce = key(11)
  const challenge = sha512(nonce.publicKey, mixed, transactionMessage(context.domain, raw))
  const s = (scalarOf(nonce.secretKey) + (fromLittleEndian(challenge) % L) * scalarOf(secretKey)) % L
  raw.set(nonce.publicKey, raw.length - 64)
  raw.set(toLittleEndian(s), raw.length - 32)
  return raw
}

/** RFC 8032, 5.1.5. */
function scalarOf(secretKey: Uint8Array): bigint {
  const bytes = sha512(secretKey).subarray(0, 32)
  bytes[0] = (bytes[0] as number) & 248
  bytes[31] = ((bytes[31] as number) & 127) | 64
  return fromLittleEndian(bytes)
}

function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest())
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(Uint8Array.from(bytes).reverse())}`)
}

function toLittleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse()
}

function call(method: string, params?: unknown): object {
  return { jsonrpc: '2.0', id: 1, method, ...(params === undefined ? {} : { params }) }
}

function text(method: string, params?: unknown): string {
  return JSON.stringify(call(method, params))
}

function query(name: string, args: unknown): string {
  return text('arm_query', { vShard: 1, module: 'bank', query: name, args })
}

function faucet(amountMotes: string): string {
  return text('dev_faucet', { address: address('armt', 1), amountMotes })
}

function address(prefix: string, vShard: number): string {
  return formatAddress({ account: new Uint8Array(32).fill(7), vShard }, prefix)
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Answer = any

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  path = '/',
): Promise<{ readonly status: number; readonly body: Answer }> {
  const response = await fetch(testnet.rpcUrl + path, { method: 'POST', body })
  return { status: response.status, body: JSON.parse(await response.text()) }
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(
    (value) => expect.unreachable(`it was taken: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  expect(isArmError(error)).toBe(true)
  return error
}

type Socket = {
  ask(message: string | Uint8Array<ArrayBuffer>): Promise<Answer>
  /** Sends what it must close on; its close code. */
  closes(message: string): Promise<number>
  close(): void
}

/** Asks one thing at a time. */
async function openSocket(url: string): Promise<Socket> {
  const webSocket = new WebSocket(url)
  const next = <Type extends 'open' | 'message' | 'close'>(type: Type): Promise<WebSocketEventMap[Type]> =>
    new Promise((resolve) => webSocket.addEventListener(type, resolve, { once: true }))
  await next('open')
  return {
    async ask(message) {
      const answer = next('message')
      webSocket.send(message)
      return JSON.parse(String((await answer).data))
    },
    async closes(message) {
      const closed = next('close')
      webSocket.send(message)
      return (await closed).code
    },
    close: () => webSocket.close(),
  }
}
