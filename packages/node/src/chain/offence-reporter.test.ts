import { encodeEvidence, NOTARIZE, statementsOf, voteSigner } from '@armchain/consensus'
import { type KeyPair, wholeShard } from '@armchain/core'
import type { ReportArgs } from '@armchain/shard'
import { expect, test } from 'vitest'
import { addressOf, ask, startTestChain, testKey, testRuntime, users } from '../chain.fixture.ts'
import { type Log, silentLog } from '../log.ts'
import type { ArmNode } from '../node.ts'
import { OffenceReporter } from './offence-reporter.ts'

const shard = wholeShard(1)
const vote = voteSigner('ed25519', testKey('validator'))

/** Two votes of the validator of vShard 1 in one view. */
function twice(view: number): ReportArgs {
  const place = { genesisHash: testRuntime.genesisHash, schemaVersion: testRuntime.scheme.version, shard, epoch: 0 }
  const statements = statementsOf(place)
  const [one, two] = [1, 2].map((byte) => {
    const link = new Uint8Array(32).fill(byte)
    return { kind: NOTARIZE, link, signature: vote(statements(NOTARIZE, view, link)) } as const
  })
  return { shard, evidence: encodeEvidence({ epoch: 0, view, signer: 0 }, [one, two] as never) }
}

type Said = { readonly text: string; readonly code: unknown }

function reporterOf(node: ArmNode, key: KeyPair, turn = 0): { reporter: OffenceReporter; said: Said[] } {
  const said: Said[] = []
  const warn: Log['warn'] = (text, data) => void said.push({ text, code: data?.code })
  const main = () => node.host.machine.main
  const submit = node.submit
  return {
    reporter: new OffenceReporter({ runtime: testRuntime, main, key, turn, submit, log: { ...silentLog, warn } }),
    said,
  }
}

test('what an engine has found is on the main shard a block later, and reported once', async () => {
  await using node = await startTestChain()
  const { reporter, said } = reporterOf(node, users[0] as KeyPair)
  // Later offences of the same validator are not worth another fee.
  for (const view of [7, 8]) reporter.take(twice(view))
  await reporter.look()
  await ask(node, 'dev_mine')
  const { total, offences } = await ask(node, 'arm_getOffences')
  expect(total).toBe(1)
  expect(offences[0]).toMatchObject({ view: 7, reporter: addressOf(users[0] as KeyPair, 0) })
  for (let i = 0; i < 20; i++) {
    await ask(node, 'dev_mine')
    await reporter.look()
  }
  expect((await ask(node, 'arm_getAccount', { address: addressOf(users[0] as KeyPair, 0) })).nonce).toBe(1)
  expect(said.map(({ text }) => text)).toEqual(['a validator has contradicted itself: reported'])
})

test('a node whose turn comes later does not report what another has', async () => {
  await using node = await startTestChain()
  const [first, second] = [users[0], users[1]] as [KeyPair, KeyPair]
  const reporters = [reporterOf(node, first).reporter, reporterOf(node, second, 1).reporter]
  for (const reporter of reporters) reporter.take(twice(7))
  for (let i = 0; i < 3; i++) {
    for (const reporter of reporters) await reporter.look()
    await ask(node, 'dev_mine')
  }
  const nonces = []
  for (const key of [first, second])
    nonces.push((await ask(node, 'arm_getAccount', { address: addressOf(key, 0) })).nonce)
  expect(nonces).toEqual([1, 0])
})

test('without money nothing is reported, and nothing breaks', async () => {
  await using node = await startTestChain()
  const { reporter, said } = reporterOf(node, testKey('poor'))
  reporter.take(twice(7))
  await reporter.look()
  expect(said).toEqual([{ text: 'an offence could not be reported', code: 'ARM_TX_FUNDS' }])
  expect(await ask(node, 'arm_getOffences')).toMatchObject({ total: 0 })
})
