import { type Account, formatAddress, fromHex, headCodec, headHash, sha256, toHex } from '@armchain/core'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { type Answer, createTestChain, type TestChain, USER_MOTES } from './chain.fixture.ts'
import { createLightClient, type LightClient, trustedRoot, trustOnFirstUse } from './light-client.ts'

let chain: TestChain
let client: LightClient
beforeEach(() => {
  chain = createTestChain()
  client = createLightClient(chain.rpc, trustedRoot(chain.genesis))
})

const absentAddress = formatAddress({ account: sha256(Uint8Array.of(5)), vShard: 1 }, 'armt')

async function codeOf(answer: Promise<unknown>): Promise<string | undefined> {
  return await answer.then(
    () => undefined,
    (error: { code?: string }) => error.code ?? `no ArmError: ${error}`,
  )
}

/** Takes one answer of the chain as it is, to be told again, or changed. */
async function record(ask: () => Promise<unknown>): Promise<Answer> {
  let recorded: Answer = {}
  chain.lie((_, answer) => {
    recorded = answer
    return answer
  })
  await ask()
  chain.lie((_, answer) => answer)
  return recorded
}

function flipped(hex: string, at: number): string {
  const bytes = fromHex(hex)
  bytes[at] = (bytes[at] as number) ^ (1 << (at % 8))
  return toHex(bytes)
}

test('an honest node is believed: heads, accounts that are there, and accounts that are not', async () => {
  for (const vShard of [0, 1, 2]) expect((await client.head(vShard)).shard.vShard).toBe(vShard)
  const { account, head } = await client.account(chain.address(0, 1))
  expect(account).toEqual({ balance: USER_MOTES, nonce: 0, keyType: 0 } satisfies Account)
  expect(head.height).toBe(1)
  expect((await client.account(absentAddress)).account).toBeUndefined()
})

test('on first use a node is taken at its word, which is that of the genesis here', async () => {
  expect(await trustOnFirstUse(chain.rpc)).toEqual(trustedRoot(chain.genesis))
})

const REFUSED = /^ARM_(BLOCK_CERTIFICATE|PROOF|CODEC_INPUT)$/

test.each(['head', 'certificate'])('a head of which any byte of the %s is changed is refused', async (field) => {
  const answer = await record(() => client.head(1))
  for (let at = 0; at < (answer[field] as string).length / 2; at++) {
    chain.lie(() => ({ ...answer, [field]: flipped(answer[field] as string, at) }))
    expect(await codeOf(client.head(1))).toMatch(REFUSED)
  }
})

test.each([
  ['that is there', () => chain.address(0, 1)],
  ['that is not', () => absentAddress],
])('any byte changed of head, certificate or proof of an account %s is refused', async (_, addressOf) => {
  const address = addressOf()
  const answer = await record(() => client.account(address))
  for (const field of ['head', 'certificate', 'proof']) {
    for (let at = 0; at < (answer[field] as string).length / 2; at++) {
      chain.lie(() => ({ ...answer, [field]: flipped(answer[field] as string, at) }))
      expect(await codeOf(client.account(address)), `${field} ${at}`).toMatch(REFUSED)
    }
  }
})

test("another vShard's head, proof or whole answer is refused", async () => {
  const [own, other] = [
    await record(() => client.account(chain.address(0, 1))),
    await record(() => client.account(chain.address(0, 2))),
  ]
  chain.lie(() => other)
  expect(await codeOf(client.account(chain.address(0, 1)))).toBe('ARM_PROOF')
  expect(await codeOf(client.head(1))).toBe('ARM_PROOF')
  chain.lie(() => ({ ...own, head: other.head, certificate: other.certificate }))
  expect(await codeOf(client.account(chain.address(0, 1)))).toBe('ARM_PROOF')
  chain.lie(() => ({ ...own, certificate: other.certificate }))
  expect(await codeOf(client.account(chain.address(0, 1)))).toBe('ARM_BLOCK_CERTIFICATE')
})

test('the proof of another account, there or not, shows nothing of this one', async () => {
  const answers = [
    await record(() => client.account(chain.address(1, 1))),
    await record(() => client.account(absentAddress)),
  ]
  for (const answer of answers) {
    chain.lie(() => answer)
    expect(await codeOf(client.account(chain.address(0, 1)))).toBe('ARM_PROOF')
  }
  const there = await record(() => client.account(chain.address(0, 1)))
  chain.lie(() => there)
  expect(await codeOf(client.account(absentAddress))).toBe('ARM_PROOF')
})

test('an old proof does not go with a new head; an old answer as a whole says how old it is', async () => {
  const old = await record(() => client.account(chain.address(0, 1)))
  chain.seal()
  const now = await record(() => client.account(chain.address(0, 1)))
  expect(now.head).not.toBe(old.head)
  chain.lie(() => ({ ...now, proof: old.proof }))
  expect(await codeOf(client.account(chain.address(0, 1)))).toBe('ARM_PROOF')
  chain.lie(() => old)
  expect((await client.account(chain.address(0, 1))).head.height).toBe(1)
})

test('a chain of the same validator with another genesis is another chain', async () => {
  const other = createTestChain({ networkId: 'other' })
  expect(await codeOf(createLightClient(other.rpc, trustedRoot(chain.genesis)).head(1))).toBe('ARM_BLOCK_CERTIFICATE')
  const liar = { ...trustedRoot(other.genesis), genesisHash: trustedRoot(chain.genesis).genesisHash }
  expect(await codeOf(createLightClient(other.rpc, liar).head(1))).toBe('ARM_BLOCK_CERTIFICATE')
})

test('a vShard that the genesis has not, and an address that is none', async () => {
  expect(await codeOf(client.head(9))).toBe('ARM_TX_SHARD')
  expect(await codeOf(client.account(`${chain.address(0, 1)}q`))).toBe('ARM_ADDRESS')
})

test('a head comes with the bytes that were certified', async () => {
  const answer = await record(() => client.head(2))
  const head = await client.head(2)
  expect(headHash(headCodec.encode(head))).toEqual(headHash(fromHex(answer.head as string)))
})

test('whatever a node answers, only errors of ours come out', async () => {
  const answer = await record(() => client.account(chain.address(0, 1)))
  const junk = fc.oneof(fc.jsonValue(), fc.constantFrom(undefined, 'zz', 'abc', '00'.repeat(40), answer.head))
  const field = fc.constantFrom('head', 'certificate', 'proof')
  await fc.assert(
    fc.asyncProperty(field, junk, fc.boolean(), async (name, value, whole) => {
      if (value === answer[name]) return
      chain.lie(() => (whole ? (value ?? null) : { ...answer, [name]: value }))
      expect(await codeOf(client.account(chain.address(0, 1)))).toMatch(/^ARM_/)
      if (whole || name !== 'proof') expect(await codeOf(client.head(1))).toMatch(/^ARM_/)
    }),
    { numRuns: 300 },
  )
})
