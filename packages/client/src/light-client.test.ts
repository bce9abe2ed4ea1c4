import {
  type Account,
  formatAddress,
  fromHex,
  headCodec,
  headHash,
  type KeyPair,
  parseAddress,
  sha256,
  toHex,
  wholeShard,
} from '@armchain/core'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Answer, createTestChain, type TestChain, USER_MOTES, users } from './chain.fixture.ts'
import { createLightClient, type LightClient } from './light-client.ts'
import { type MessageProof, verifyMessageProof } from './message-proof.ts'
import { type TrustedRoot, trustedRoot, trustOnFirstUse } from './trusted-root.ts'
import { createWallet } from './wallet.ts'

let chain: TestChain
let client: LightClient
beforeEach(() => {
  chain = createTestChain()
  client = clientOf(chain)
})

/** Dated against the chain's own time. */
function clientOf(of: TestChain, maxAgeMs?: number): LightClient {
  return createLightClient(of.rpc, trustedRoot(of.genesis), {
    clock: { nowMs: () => of.nowMs() },
    ...(maxAgeMs !== undefined && { maxAgeMs }),
  })
}

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

test('an old proof does not go with a new head; an old answer as a whole is refused by who has seen a later one', async () => {
  const old = await record(() => client.account(chain.address(0, 1)))
  chain.seal()
  const now = await record(() => client.account(chain.address(0, 1)))
  expect(now.head).not.toBe(old.head)
  chain.lie(() => ({ ...now, proof: old.proof }))
  expect(await codeOf(client.account(chain.address(0, 1)))).toBe('ARM_PROOF')
  chain.lie(() => old)
  expect(await codeOf(client.account(chain.address(0, 1)))).toBe('ARM_HEAD_OLD')
  expect((await clientOf(chain).account(chain.address(0, 1))).head.height).toBe(1)
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

describe('freshness', () => {
  test('a head below the highest that was seen is refused, on each vShard by itself', async () => {
    const old = await record(() => client.head(1))
    for (let round = 0; round < 7; round++) chain.seal()
    expect((await client.account(chain.address(0, 1))).head.height).toBe(8)
    chain.lie((_, answer) => (answer.vShard === 1 ? old : answer))
    await expect(client.head(1)).rejects.toMatchObject({ code: 'ARM_HEAD_OLD', data: { height: 1, seenHeight: 8 } })
    expect((await client.head(2)).height).toBe(8)
    chain.lie((_, answer) => answer)
    expect((await client.head(1)).height).toBe(8)
  })

  test('an answer that is overtaken by another is as good as when it was asked for', async () => {
    const old = await record(() => client.head(1))
    const late = Promise.withResolvers<void>()
    const slow = createLightClient(
      {
        ...chain.rpc,
        call: (async (...args: Parameters<typeof chain.rpc.call>) => {
          if (args[0] !== 'arm_getHead') return await chain.rpc.call(...args)
          await late.promise
          return old
        }) as typeof chain.rpc.call,
      },
      trustedRoot(chain.genesis),
      { clock: { nowMs: chain.nowMs } },
    )
    const overtaken = slow.head(1)
    chain.seal()
    expect((await slow.account(chain.address(0, 1))).head.height).toBe(2)
    late.resolve()
    expect((await overtaken).height).toBe(1)
    expect(await codeOf(slow.head(1))).toBe('ARM_HEAD_OLD')
  })

  test('two certified heads of one height are refused, whichever comes first', async () => {
    // The same genesis and validators, another history: what a validator that signs twice would show.
    const fork = createTestChain()
    await fork.rpc.call('arm_sendTransaction', {
      raw: toHex(await (await createWallet(fork.rpc, user)).sign(note, on1)),
    })
    chain.seal()
    fork.seal()
    for (const [one, two] of [
      [chain, fork],
      [fork, chain],
    ] as const) {
      const shown = await record(() => client.head(1))
      let forked: Answer = {}
      fork.lie((_, answer) => {
        forked = answer
        return answer
      })
      await clientOf(fork).head(1)
      fork.lie((_, answer) => answer)
      expect(forked.height).toBe(shown.height)
      const first = one === chain ? shown : forked
      const second = two === chain ? shown : forked
      const fresh = clientOf(chain)
      chain.lie(() => first)
      await fresh.head(1)
      chain.lie(() => second)
      await expect(fresh.head(1)).rejects.toMatchObject({ code: 'ARM_HEAD_CONFLICT', data: { vShard: 1, height: 2 } })
      chain.lie((_, answer) => answer)
    }
  })

  test('the latest head is refused once it is older than allowed', async () => {
    let nowMs = chain.nowMs()
    const dated = (maxAgeMs?: number) =>
      createLightClient(chain.rpc, trustedRoot(chain.genesis), {
        clock: { nowMs: () => nowMs },
        ...(maxAgeMs !== undefined && { maxAgeMs }),
      })
    const { timeMs } = await dated().head(1)
    nowMs = timeMs + 60_000
    expect((await dated().head(1)).height).toBe(1)
    nowMs++
    for (const ask of [dated().head(1), dated().account(chain.address(0, 1))])
      await expect(ask).rejects.toMatchObject({ code: 'ARM_HEAD_STALE', data: { ageMs: 60_001, maxAgeMs: 60_000 } })
    expect((await dated(60_001).head(1)).height).toBe(1)
    expect((await dated(Number.POSITIVE_INFINITY).head(1)).height).toBe(1)
    for (const maxAgeMs of [-1, Number.NaN]) expect(() => dated(maxAgeMs)).toThrow('ARM_ARGUMENT')
    // The system's clock is years ahead of this chain's.
    expect(await codeOf(createLightClient(chain.rpc, trustedRoot(chain.genesis)).head(1))).toBe('ARM_HEAD_STALE')
  })
})

describe('anchored', () => {
  test('a head and an account of every vShard, and the main-shard head that anchors them is remembered', async () => {
    for (const vShard of [0, 1, 2]) expect((await client.head(vShard, 'anchored')).shard.vShard).toBe(vShard)
    expect((await client.account(chain.address(0, 1), 'anchored')).account?.balance).toBe(USER_MOTES)
    expect((await client.account(absentAddress, 'anchored')).account).toBeUndefined()
    const old = await record(() => client.head(0))
    chain.seal()
    await client.head(1, 'anchored')
    chain.lie(() => old)
    expect(await codeOf(client.head(0))).toBe('ARM_HEAD_OLD')
  })

  test('a head that only its shard has certified is not', async () => {
    chain.seal([1])
    expect((await client.head(1)).height).toBe(2)
    expect(await codeOf(client.head(1, 'anchored'))).toBe('ARM_RPC_TIMEOUT')
    chain.seal([0])
    expect((await client.head(1, 'anchored')).height).toBe(2)
  })

  test('any byte changed, and the proof of another head, is refused', async () => {
    const proof = (vShard: number, height: number) => chain.rpc.call('arm_getAnchorProof', { vShard, height })
    chain.seal()
    const good = await proof(1, 2)
    const told = async (lie: object): Promise<string | undefined> => {
      chain.lie((method, answer) => (method === 'arm_getAnchorProof' ? lie : answer))
      return await codeOf(client.head(1, 'anchored'))
    }
    expect(await told(good)).toBeUndefined()
    chain.lie((_, answer) => answer)
    for (const other of [await proof(1, 1), await proof(2, 2), { ...good, top: (await proof(2, 2)).top }])
      expect(await told(other)).toBe('ARM_PROOF')
    for (const field of ['top', 'anchorHead', 'anchorCertificate'] as const) {
      for (let at = 0; at < good[field].length / 2; at++)
        expect(await told({ ...good, [field]: flipped(good[field], at) }), `${field} ${at}`).toMatch(REFUSED)
    }
    const [sibling] = good.topProof as [string]
    for (let at = 0; at < 32; at++) expect(await told({ ...good, topProof: [flipped(sibling, at)] })).toBe('ARM_PROOF')
    for (const change of [
      { topIndex: good.topIndex ^ 1 },
      { topCount: 3 },
      { topProof: [] },
      { topProof: [sibling, sibling] },
    ])
      expect(await told({ ...good, ...change })).toBe('ARM_PROOF')
    for (const field of Object.keys(good).filter((name) => name !== 'vShard' && name !== 'height')) {
      for (const junk of [undefined, null, -1, 0.5, {}, 'zz'])
        expect(await told({ ...good, [field]: junk })).toMatch(/^ARM_/)
    }
  })
})

describe('messages', () => {
  /** A payment from vShard 1 to vShard 2, and one from the main shard; both delivered. */
  async function pay(): Promise<{ readonly fromOne: string; readonly fromMain: string }> {
    const wallet = await createWallet(chain.rpc, user)
    const fromOne = await wallet.transfer(chain.address(1, 2), 70n, { vShard: 1 })
    // So that the batch of vShard 1 holds more than one message.
    await wallet.transfer(chain.address(2, 2), 71n, { vShard: 1 })
    await wallet.transfer(chain.address(2, 0), 72n, { vShard: 1 })
    const fromMain = await wallet.transfer(chain.address(1, 1), 80n, { vShard: 0 })
    for (let round = 0; round < 3; round++) chain.seal()
    return { fromOne, fromMain }
  }

  test('what was sent is shown with its sender, receiver and value', async () => {
    const { fromOne, fromMain } = await pay()
    const [sent, ...others] = await client.messages(fromOne)
    expect(others).toEqual([])
    const { account, vShard } = parseAddress(chain.address(1, 2), 'armt')
    expect(sent).toMatchObject({ sourceHeight: 2, anchor: { height: 2, shard: { vShard: 0 } } })
    expect(sent?.message).toMatchObject({ from: user.account, to: account, value: 70n, seq: 0, hop: 1 })
    expect(sent?.message.destination).toEqual(wholeShard(vShard))
    const [fromMainShard] = await client.messages(`0x${fromMain.toUpperCase()}`)
    expect(fromMainShard?.message).toMatchObject({ source: wholeShard(0), destination: wholeShard(1), value: 80n })
  })

  test('any byte changed of message, proof, main-shard head or certificate is refused', async () => {
    const { fromOne, fromMain } = await pay()
    const root = trustedRoot(chain.genesis)
    for (const txId of [fromOne, fromMain]) {
      const proof = await proofOf(txId)
      const { message } = verifyMessageProof(root, proof)
      for (const field of ['message', 'proof', 'anchorHead', 'anchorCertificate'] as const) {
        const bytes = fc.record({ at: fc.nat(proof[field].length / 2 - 1), change: fc.integer({ min: 1, max: 255 }) })
        const every = Array.from(
          { length: proof[field].length / 2 },
          (_, at) => [{ at, change: 1 << (at % 8) }] as const,
        )
        fc.assert(
          fc.property(bytes, ({ at, change }) => {
            const altered = fromHex(proof[field])
            altered[at] = (altered[at] as number) ^ change
            expect(refusalOf(root, { ...proof, [field]: toHex(altered) }), `${field} ${at}`).toMatch(REFUSED)
          }),
          { numRuns: 100, examples: every.map(([example]) => [example]) },
        )
      }
      const wrong = [
        { source: 2 },
        { destination: 0 },
        { seq: message.seq + 1 },
        { seq: '0' },
        { source: 9 },
        { destination: null },
      ]
      for (const change of wrong) expect(refusalOf(root, { ...proof, ...change })).toMatch(/^ARM_(PROOF|TX_SHARD)$/)
    }
  })

  test('another message of the same import, the proof of another message, and that of another trace', async () => {
    const { fromOne, fromMain } = await pay()
    const root = trustedRoot(chain.genesis)
    const [one, main] = [await proofOf(fromOne), await proofOf(fromMain)]
    expect(refusalOf(root, { ...one, message: main.message })).toBe('ARM_PROOF')
    expect(refusalOf(root, { ...one, proof: main.proof })).toBe('ARM_PROOF')
    const { anchorHead, anchorCertificate } = await chain.rpc.call('arm_getAnchorProof', { vShard: 1, height: 1 })
    expect(refusalOf(root, { ...one, anchorHead, anchorCertificate })).toBe('ARM_PROOF')
    chain.lie((method, answer) => (method === 'arm_getMessageProof' ? { messages: [main] } : answer))
    expect(await codeOf(client.messages(fromOne))).toBe('ARM_PROOF')
    expect(await codeOf(client.messages(fromMain))).toBeUndefined()
  })

  test('whatever a node answers, only errors of ours come out', async () => {
    const { fromOne } = await pay()
    const proof = await proofOf(fromOne)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(proof)), fc.jsonValue(), async (field, value) => {
        if (value === proof[field as keyof MessageProof]) return
        chain.lie(() => ({ messages: [{ ...proof, [field]: value }] }))
        expect(await codeOf(client.messages(fromOne))).toMatch(/^ARM_/)
        chain.lie(() => value)
        expect(await codeOf(client.messages(fromOne))).toMatch(/^ARM_/)
      }),
      { numRuns: 200 },
    )
  })
})

const user = users[0] as KeyPair
const note = { module: 'bank', method: 'transfer', args: { to: '11'.repeat(32), vShard: 1, amount: '5' } }
const on1 = { vShard: 1 }

async function proofOf(traceId: string): Promise<MessageProof> {
  return (await chain.rpc.call('arm_getMessageProof', { traceId })).messages[0] as MessageProof
}

function refusalOf(root: TrustedRoot, proof: object): string | undefined {
  try {
    verifyMessageProof(root, proof as MessageProof)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code ?? `no ArmError: ${error}`
  }
}
