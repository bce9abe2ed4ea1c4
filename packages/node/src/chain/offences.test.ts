import { encodeEvidence, FINALIZE, NULLIFY, statementsOf, voteSigner } from '@armchain/consensus'
import { activeEd25519, type KeyPair, toHex, wholeShard } from '@armchain/core'
import { evidenceTransaction, OFFENCES_PAGE_MAX } from '@armchain/shard'
import { expect, test } from 'vitest'
import { addressOf, ask, idOf, startTestChain, testGenesis, testKey, testRuntime, users } from '../chain.fixture.ts'

const validator = testKey('validator')
const shard = wholeShard(1)

/** What a validator that finalises and nullifies a view shows to all. */
function contradiction(view: number): Uint8Array {
  const { genesisHash } = testRuntime
  const statements = statementsOf({ genesisHash, schemaVersion: testRuntime.scheme.version, shard, epoch: 0 })
  const sign = voteSigner('ed25519', validator)
  const link = new Uint8Array(32).fill(1)
  return encodeEvidence({ epoch: 0, view, signer: 0 }, [
    { kind: FINALIZE, link, signature: sign(statements(FINALIZE, view, link)) },
    { kind: NULLIFY, link: undefined, signature: sign(statements(NULLIFY, view)) },
  ])
}

function reporting({ publicKey, secretKey }: KeyPair, nonce: number, view: number): Uint8Array {
  const sign = (message: Uint8Array) => activeEd25519().sign(message, secretKey)
  const sender = { publicKey, sign, nonce, baseFee: 100n, height: 0 }
  return evidenceTransaction(testRuntime, { shard, evidence: contradiction(view) }, sender)
}

test('offences that were reported can be listed, and outlive the block that recorded them', async () => {
  await using node = await startTestChain()
  expect(await ask(node, 'arm_getOffences')).toEqual({ total: 0, offences: [] })
  const reporter = users[0] as KeyPair
  const raws = [7, 8, 7].map((view, nonce) => reporting(reporter, nonce, view))
  expect((await node.submit(raws)).every(({ ok }) => ok)).toBe(true)
  await ask(node, 'dev_mine', { count: 2 })
  const codes = []
  for (const raw of raws) codes.push((await ask(node, 'arm_getReceipt', { txId: idOf(raw) })).code)
  expect(codes).toEqual([null, null, 'ARM_EVIDENCE_KNOWN'])
  const { total, offences } = await ask(node, 'arm_getOffences')
  expect(total).toBe(2)
  const { height } = await ask(node, 'arm_getReceipt', { txId: idOf(raws[0] as Uint8Array) })
  expect(offences[0]).toEqual({
    index: 0,
    vShard: 1,
    epoch: 0,
    view: 7,
    seat: 0,
    validator: toHex(validator.publicKey),
    offence: 'nullify-and-finalize',
    id: expect.stringMatching(/^[0-9a-f]{64}$/),
    height,
    reporter: addressOf(reporter, 0),
    txId: idOf(raws[0] as Uint8Array),
  })
  const second = { total, offences: offences.slice(1) }
  expect(await ask(node, 'arm_getOffences', { from: 1, limit: 1 })).toEqual(second)
  expect(await ask(node, 'arm_getOffences', { from: 2 })).toEqual({ total, offences: [] })
  // What the interface lets through is what a page of the module holds.
  expect((await ask(node, 'arm_getOffences', { limit: OFFENCES_PAGE_MAX })).total).toBe(total)
  await expect(ask(node, 'arm_getOffences', { limit: OFFENCES_PAGE_MAX + 1 })).rejects.toMatchObject({
    code: 'ARM_RPC_PARAMS',
  })
  // The same by way of the module, whose answer has the schema that the chain publishes.
  const query = { vShard: 0, module: 'evidence', query: 'offences', args: { from: 1, limit: 5 } }
  expect((await ask(node, 'arm_query', query)).offences[0]).toMatchObject({ view: 8, offence: 'nullify-and-finalize' })
})

test('a chain without the module says so', async () => {
  const scheme = { ...testGenesis.scheme, modules: ['bank', 'vesting', 'fees'] }
  await using node = await startTestChain({ genesis: { ...testGenesis, scheme } })
  await expect(ask(node, 'arm_getOffences')).rejects.toMatchObject({ code: 'ARM_NOT_FOUND' })
})
