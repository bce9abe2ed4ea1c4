import { defaultSchemas, fieldTypes, type KeyPair, type Transaction } from '@armchain/core'
import { beforeEach, expect, test } from 'vitest'
import { createTestChain, type TestChain, USER_MOTES, users } from './chain.fixture.ts'
import { createWallet, fetchChainContext, type Wallet } from './wallet.ts'

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
