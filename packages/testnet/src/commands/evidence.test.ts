import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeEvidence, NOTARIZE, statementsOf, voteSigner } from '@armchain/consensus'
import { fromHex, genesisHash, keyPairFromMnemonic, toHex, wholeShard } from '@armchain/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestnet, type TestAccount, type Testnet } from '../testnet.ts'
import { runCommand } from './run.ts'

let testnet: Testnet
const folder = mkdtempSync(join(tmpdir(), 'armchain-evidence-'))
beforeAll(async () => {
  testnet = await startTestnet({ shards: 1, accounts: 1 })
})
afterAll(async () => {
  await testnet.close()
  rmSync(folder, { recursive: true, force: true })
})

const account = () => testnet.accounts[0] as TestAccount

/** Exit code, and what was printed: as JSON with --json. */
async function run(...argv: string[]) {
  const printed: string[] = []
  const print = (text: string) => void printed.push(text)
  const code = await runCommand(['evidence', ...argv, '--rpc', testnet.rpcUrl], { out: print, err: print })
  const out = printed.join('')
  return { code, out, value: argv.includes('--json') ? JSON.parse(out) : undefined }
}

const report = (...argv: string[]) => run('report', ...argv, '--key', account().secretKey, '--json')

/** Two votes of the testnet's validator on vShard 1 for different blocks. */
function evidence(view: number): string {
  const { scheme } = testnet.genesis
  const place = { genesisHash: genesisHash(testnet.genesis), schemaVersion: scheme.version, epoch: 0 }
  const statements = statementsOf({ ...place, shard: wholeShard(1) })
  const sign = voteSigner('ed25519', keyPairFromMnemonic(account().mnemonic, 1_000_000_000))
  const [one, two] = [1, 2].map((byte) => {
    const link = new Uint8Array(32).fill(byte)
    return { kind: NOTARIZE, link, signature: sign(statements(NOTARIZE, view, link)) } as const
  })
  return toHex(encodeEvidence({ epoch: 0, view, signer: 0 }, [one, two] as never))
}

describe('armchain evidence', () => {
  test('reports from the command line and from a file, and lists what is recorded', async () => {
    expect(await run('list')).toMatchObject({ code: 0, out: '0 offences recorded\n' })
    const first = await report('1', evidence(1_000))
    expect(first.value).toMatchObject({ ok: true, events: [{ module: 'evidence', name: 'reported' }] })
    const file = join(folder, 'evidence.hex')
    writeFileSync(file, `${evidence(1_001)}\n`)
    expect(await report('1', `@${file}`)).toMatchObject({ code: 0, value: { ok: true } })
    const { value } = await run('list', '--json')
    expect(value).toMatchObject({ total: 2, offences: [{ view: 1_000, offence: 'double-notarize' }, { view: 1_001 }] })
    const listed = await run('list', '--limit', '1')
    expect(listed.out).toContain(`armchain tx ${first.value.txId}`)
    expect(listed.out).toContain('1 more: --from 1')
    expect((await run('list', '--from', '1')).out).toContain('view 1001')
  })

  test('what was reported, and what is no evidence, is refused by the chain', async () => {
    const again = evidence(2_000)
    await report('1', again)
    expect((await report('1', again)).value).toMatchObject({ error: { code: 'ARM_EVIDENCE_KNOWN' } })
    expect((await report('0', again)).value).toMatchObject({ error: { code: 'ARM_EVIDENCE' } })
    const forged = fromHex(evidence(2_001))
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1
    expect((await report('1', toHex(forged))).value).toMatchObject({ error: { code: 'ARM_EVIDENCE' } })
    expect((await report('1', '00'.repeat(321))).value).toMatchObject({ error: { code: 'ARM_ARGUMENT' } })
  })

  test.each<[string[], string]>([
    [[], 'ARM_CLI_USAGE'],
    [['list', '1'], 'ARM_CLI_USAGE'],
    [['list', '--limit', '101'], 'ARM_CLI_USAGE'],
    [['list', '--from', 'x'], 'ARM_CLI_USAGE'],
    [['report'], 'ARM_CLI_USAGE'],
    [['report', '1'], 'ARM_CLI_USAGE'],
    [['report', 'x', '00'], 'ARM_CLI_USAGE'],
    [['report', '1', 'zz'], 'ARM_HEX'],
    [['report', '1', '@/no/such/file'], 'ARM_FILE'],
    [['report', '1', '00'], 'ARM_CLI_USAGE'],
    [['forget'], 'ARM_CLI_USAGE'],
  ])('evidence %j is refused with %s', async (argv, code) => {
    expect((await run(...argv, '--json')).value).toMatchObject({ error: { code, hint: expect.any(String) } })
  })
})
