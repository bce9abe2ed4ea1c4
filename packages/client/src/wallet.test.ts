import {
  defaultSchemas,
  fieldTypes,
  type KeyPair,
  MOTES_PER_AC,
  type Scheme,
  schemeCodec,
  sha256,
  signingDomain,
  type Transaction,
  toHex,
  transferArgsCodec,
} from '@armchain/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Answer, createTestChain, type TestChain, USER_MOTES, users } from './chain.fixture.ts'
import { fetchChainContext } from './chain-context.ts'
import { trustedRoot, trustOnFirstUse } from './trusted-root.ts'
import { createWallet, type Wallet, type WalletOptions } from './wallet.ts'

let chain: TestChain
let wallet: Wallet
let sent: Transaction[]
beforeEach(async () => {
  chain = createTestChain()
  wallet = await createWallet(chain.rpc, users[0] as KeyPair)
  sent = []
})

async function codeOf(answer: Promise<unknown>): Promise<string | undefined> {
  return await answer.then(
    () => undefined,
    (error: { code?: string }) => error.code ?? `no ArmError: ${error}`,
  )
}

async function decode(bytes: Uint8Array): Promise<Transaction> {
  return (await fetchChainContext(chain.rpc)).transactions.decode(bytes)
}

const note = { module: 'bank', method: 'transfer', args: { to: '11'.repeat(32), vShard: 1, amount: '5' } }

test('a payment inside a vShard goes from the sub-account there, with a valid signature', async () => {
  const txId = await wallet.transfer(chain.address(1, 2), 70n)
  expect(txId).toMatch(/^[0-9a-f]{64}$/)
  chain.seal()
  const receiver = await createWallet(chain.rpc, users[1] as KeyPair)
  expect(await receiver.balance(2)).toBe(USER_MOTES + 70n)
  expect(await wallet.balance(2)).toBeLessThan(USER_MOTES - 70n)
  expect(await wallet.balance(1)).toBe(USER_MOTES)
})

test('a move between own sub-accounts is one call, and arrives', async () => {
  await wallet.move(1_000_000n, { from: 1, to: 2 })
  for (let round = 0; round < 3; round++) chain.seal()
  expect(await wallet.balance(2)).toBe(USER_MOTES + 1_000_000n)
  const left = await wallet.balance(1)
  expect(left).toBeLessThan(USER_MOTES - 1_000_000n)
  await wallet.move(500_000n, { from: 2, to: 0 })
  for (let round = 0; round < 3; round++) chain.seal()
  expect(await wallet.balance(0)).toBe(USER_MOTES + 500_000n)
  expect(await wallet.balance(1)).toBe(left)
})

test('a payment from a sub-account elsewhere', async () => {
  await wallet.transfer(chain.address(1, 2), 9n, { vShard: 1 })
  for (let round = 0; round < 3; round++) chain.seal()
  expect(await (await createWallet(chain.rpc, users[1] as KeyPair)).balance(2)).toBe(USER_MOTES + 9n)
  expect(await wallet.balance(2)).toBe(USER_MOTES)
})

test('nonces follow one another, for what waits and for what is in blocks, on each vShard by itself', async () => {
  const nonces = async (vShard: number) => (await decode(await wallet.sign(note, { vShard }))).nonce
  expect(await nonces(1)).toBe(0)
  await wallet.transfer(chain.address(1, 1), 1n)
  await wallet.transfer(chain.address(1, 1), 2n)
  expect([await nonces(1), await nonces(2)]).toEqual([2, 0])
  chain.seal()
  expect(await nonces(1)).toBe(2)
  expect((await decode(await wallet.sign(note, { vShard: 1, nonce: 40 }))).nonce).toBe(40)
})

test('payments that are sent at once all arrive, and one that is refused does not stop the others', async () => {
  const amounts = [1n, 2n, 3n, 2n * USER_MOTES, 4n, 5n]
  const results = await Promise.allSettled(amounts.map((amount) => wallet.transfer(chain.address(1, 1), amount)))
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  chain.seal()
  expect(await (await createWallet(chain.rpc, users[1] as KeyPair)).balance(1)).toBe(USER_MOTES + 15n)
})

test('what the caller chooses is what is signed; the rest fits the chain', async () => {
  const chosen = { vShard: 2, gasLimit: 9_999, maxFeeMotes: 321n, tipMotes: 7n, expiryBlocks: 3, nonce: 1 }
  expect(await decode(await wallet.sign(note, chosen))).toMatchObject({
    version: 1,
    chainId: 7,
    vShard: 2,
    senderKey: users[0]?.publicKey,
    nonce: 1,
    gasLimit: 9_999,
    maxFee: 321n,
    tip: 7n,
    expiryHeight: 4,
  })
  expect(await decode(await wallet.sign(note, { vShard: 1 }))).toMatchObject({ tip: 1n, expiryHeight: 1_001 })
})

test('a refusal of the node arrives with its code', async () => {
  expect(await codeOf(wallet.transfer(chain.address(1, 1), 2n * USER_MOTES))).toBe('ARM_TX_FUNDS')
  expect(await codeOf(wallet.send(note, { vShard: 1, gasLimit: 1 }))).toBe('ARM_TX_GAS_LOW')
})

test('a signature that was changed on the way is noticed', async () => {
  const raw = await wallet.sign(note, { vShard: 1 })
  raw[raw.length - 1] = (raw[raw.length - 1] as number) ^ 1
  expect(await codeOf(chain.rpc.call('arm_sendTransaction', { raw: Buffer.from(raw).toString('hex') }))).toBe(
    'ARM_TX_SIGNATURE',
  )
})

test('addresses of other networks, unknown calls and arguments that do not fit are refused before anything is sent', async () => {
  chain.lie((method, answer) => {
    if (method === 'arm_sendTransaction') sent.push(answer as never)
    return answer
  })
  expect(await codeOf(wallet.transfer(chain.address(1, 1).toUpperCase().replace('ARMT', 'ARM'), 1n))).toBe(
    'ARM_ADDRESS',
  )
  expect(await codeOf(wallet.transfer('nobody', 1n))).toBe('ARM_ADDRESS')
  expect(await codeOf(wallet.send({ ...note, method: 'steal' }, { vShard: 1 }))).toBe('ARM_TX_CALL_UNKNOWN')
  expect(await codeOf(wallet.send({ ...note, args: { to: '11' } }, { vShard: 1 }))).toBe('ARM_ARGUMENT')
  expect(await codeOf(wallet.send({ ...note, args: { ...note.args, to: '11' } }, { vShard: 1 }))).toBe('ARM_ARGUMENT')
  expect(await codeOf(wallet.transfer(chain.address(1, 1), -1n))).toBe('ARM_ARGUMENT')
  expect(await codeOf(wallet.transfer(chain.address(1, 1), 2n ** 64n))).toBe('ARM_ARGUMENT')
  expect(await codeOf(wallet.send(note, { vShard: 1, fields: { memo: 'x' } }))).toBe('ARM_ARGUMENT')
  expect(sent).toEqual([])
})

test('on a chain whose transactions carry a memo, the wallet signs it', async () => {
  chain = createTestChain(
    defaultSchemas([
      ['memo', fieldTypes.memo],
      ['reference', fieldTypes.optionalHash],
    ]),
  )
  wallet = await createWallet(chain.rpc, users[0] as KeyPair)
  const signed = await decode(await wallet.sign(note, { vShard: 1, fields: { memo: 'thanks' } }))
  expect(signed).toMatchObject({ memo: 'thanks', reference: undefined })
  await wallet.transfer(chain.address(1, 1), 3n, { fields: { memo: 'for you', reference: 'ab'.repeat(32) } })
  chain.seal()
  expect(await (await createWallet(chain.rpc, users[1] as KeyPair)).balance(1)).toBe(USER_MOTES + 3n)
  expect(await codeOf(wallet.sign(note, { vShard: 1 }))).toBe('ARM_ARGUMENT')
})

describe('a node that lies about the chain', () => {
  const other = createTestChain({ networkId: 'other' })

  /** Another answer to one method; the others are told as they are. */
  function lieOf(method: string, change: (answer: Answer) => unknown): void {
    chain.lie((asked, answer) => (asked === method ? change(answer) : answer))
  }

  const open = (options?: WalletOptions) => codeOf(createWallet(chain.rpc, users[0] as KeyPair, options))

  test.each<[string, unknown]>([
    ['genesisHash', toHex(trustedRoot(other.genesis).genesisHash)],
    ['signingDomain', toHex(signingDomain(trustedRoot(other.genesis).genesisHash, 'transaction', 1))],
    ['signingDomain', toHex(signingDomain(trustedRoot(createTestChain().genesis).genesisHash, 'head', 1))],
    ['networkId', 'other'],
    ['chainId', 8],
    ['addressPrefix', 'armc'],
    ['schemaVersion', 2],
    ['signingDomain', null],
  ])('a %s that is not that of the chain is refused, with a root and without', async (field, value) => {
    lieOf('arm_network', (answer) => ({ ...answer, [field]: value }))
    expect(await open({ root: trustedRoot(chain.genesis) })).toBe('ARM_ROOT_MISMATCH')
    expect(await open()).toBe('ARM_ROOT_MISMATCH')
  })

  test('a whole other chain is refused with a root, and taken at its word without one', async () => {
    const root = trustedRoot(chain.genesis)
    expect(await codeOf(createWallet(other.rpc, users[0] as KeyPair, { root }))).toBe('ARM_ROOT_MISMATCH')
    expect(await codeOf(createWallet(other.rpc, users[0] as KeyPair))).toBeUndefined()
    expect(await open({ root })).toBeUndefined()
    expect(await open({ root: await trustOnFirstUse(chain.rpc) })).toBeUndefined()
  })

  test('what is signed begins with the domain of the genesis hash', async () => {
    const { genesisHash } = trustedRoot(chain.genesis)
    const context = await fetchChainContext(chain.rpc, trustedRoot(chain.genesis))
    expect(context.domain).toEqual(signingDomain(genesisHash, 'transaction', 1))
  })

  const encoded = (parts: Partial<Scheme>) => toHex(schemeCodec.encode({ ...chain.genesis.scheme, ...parts }))

  test('another scheme is refused by its hash, and one that is none at all without a root too', async () => {
    lieOf('arm_scheme', (answer) => ({ ...answer, encoded: encoded({ compression: 'none' }) }))
    expect(await open({ root: trustedRoot(chain.genesis) })).toBe('ARM_ROOT_MISMATCH')
    // Fields in another order: what is signed as one would be read as the other.
    const swapped = encoded({
      transaction: chain.genesis.scheme.transaction.replace('maxFee:u64,tip:u64', 'tip:u64,maxFee:u64'),
    })
    lieOf('arm_scheme', (answer) => ({ ...answer, encoded: swapped }))
    expect(await open()).toBe('ARM_SCHEME')
  })

  test('bank.transfer has the arguments that this library knows; other calls are of modules of the scheme', async () => {
    const schema = 'struct(a:u64)'
    lieOf('arm_scheme', (answer) => ({ ...answer, calls: { bank: { transfer: schema } } }))
    expect(await open()).toBe('ARM_ROOT_MISMATCH')
    lieOf('arm_scheme', (answer) => ({ ...answer, calls: { ...(answer.calls as object), casino: { play: schema } } }))
    expect(await open()).toBe('ARM_ROOT_MISMATCH')
    lieOf('arm_scheme', (answer) => ({ ...answer, calls: null }))
    const blind = await createWallet(chain.rpc, users[0] as KeyPair)
    expect(await codeOf(blind.transfer(chain.address(1, 1), 1n))).toBeUndefined()
    expect(await codeOf(blind.send({ ...note, method: 'steal' }, { vShard: 1 }))).toBe('ARM_TX_CALL_UNKNOWN')
  })

  test('fees beyond the bound are not signed, whoever named them, unless the caller raises it', async () => {
    lieOf('arm_getFees', (answer) => ({ ...answer, suggestedMaxFeeMotes: '153000000', suggestedTipMotes: '153000000' }))
    expect(await codeOf(wallet.transfer(chain.address(1, 1), 1n))).toBe('ARM_TX_FEE_HIGH')
    await expect(wallet.sign(note, { vShard: 1 })).rejects.toMatchObject({
      data: { gasLimit: 5_000, maxFeeMotes: '153000000', costMotes: '765000000000', limitMotes: '1000000000' },
      message: expect.stringContaining('765 AC'),
    })
    expect(await codeOf(wallet.sign(note, { vShard: 1, gasLimit: 6 }))).toBeUndefined()
    expect(await codeOf(wallet.sign(note, { vShard: 1, gasLimit: 7 }))).toBe('ARM_TX_FEE_HIGH')
    const bold = await createWallet(chain.rpc, users[0] as KeyPair, { maxTotalFeeMotes: 765n * MOTES_PER_AC })
    expect(await codeOf(bold.sign(note, { vShard: 1 }))).toBeUndefined()
    expect(await codeOf(bold.sign(note, { vShard: 1, maxFeeMotes: 153_000_001n }))).toBe('ARM_TX_FEE_HIGH')
  })

  test('a version of the rules that the scheme has not, and answers that are none', async () => {
    lieOf('arm_getFees', (answer) => ({ ...answer, rulesVersion: 9 }))
    expect(await codeOf(wallet.sign(note, { vShard: 1 }))).toBe('ARM_ROOT_MISMATCH')
    for (const method of ['arm_getFees', 'arm_getAccount']) {
      lieOf(method, () => null)
      expect(await codeOf(wallet.sign(note, { vShard: 1 }))).toBe('ARM_RPC_RESPONSE')
    }
    lieOf('arm_getFees', (answer) => ({ ...answer, suggestedMaxFeeMotes: 'much' }))
    expect(await codeOf(wallet.sign(note, { vShard: 1 }))).toBe('ARM_RPC_RESPONSE')
    for (const method of ['arm_network', 'arm_scheme']) {
      lieOf(method, () => null)
      expect(await open()).toBe('ARM_RPC_RESPONSE')
      expect(await open({ root: trustedRoot(chain.genesis) })).toMatch(/^ARM_R(PC_RESPONSE|OOT_MISMATCH)$/)
      expect(await codeOf(trustOnFirstUse(chain.rpc))).toBe('ARM_RPC_RESPONSE')
    }
  })

  test('arguments that are encoded already are signed as they are', async () => {
    const args = transferArgsCodec.encode({ to: sha256(Uint8Array.of(1)), vShard: 1, amount: 5n })
    expect((await decode(await wallet.sign({ ...note, args }, { vShard: 1 }))).call.args).toEqual(args)
  })
})
