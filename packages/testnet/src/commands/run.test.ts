import { afterEach, expect, test, vi } from 'vitest'
import { startTestnet, type Testnet } from '../testnet.ts'
import { runCommand } from './run.ts'

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

/** What a command line prints, and its exit code. */
async function run(...argv: string[]): Promise<{ out: string; err: string; code: number }> {
  const out: string[] = []
  const err: string[] = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0)
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0)
  try {
    const code = await runCommand(argv)
    return { code, out: out.join(''), err: err.join('') }
  } finally {
    vi.restoreAllMocks()
  }
}

test.each<[string[], number, object]>([
  [['--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [
    ['help', '--json'],
    0,
    { usage: expect.stringContaining('dev snapshot'), commands: expect.arrayContaining(['dev']) },
  ],
  [['--help', '--json'], 0, { usage: expect.any(String) }],
  [['dev', '--help', '--json'], 0, { usage: expect.stringContaining('revert ID') }],
  [['testnet', '--certificates', 'rsa', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [
    ['risk', '--population', '400', '--faulty', '0.2', '--threshold', 'third', '--bits', '30', '--json'],
    0,
    { minCommittee: 178, safeCommittee: expect.any(Number), failureLog2: expect.any(Number) },
  ],
  [['risk', '--population', '9', '--faulty', '0', '--bits', '8', '--json'], 0, { minCommittee: 1, failureLog2: null }],
  [['risk', '--population', '9', '--faulty', '1', '--json'], 0, { minCommittee: null, safeCommittee: null }],
  [['risk', '--population', '400', '--committee', '100', '--json'], 0, { committee: 100 }],
  [['risk', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [['risk', '--population', '9', '--faulty', '2', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [['risk', '--population', '9', '--threshold', 'most', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [['nothing', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [['balance', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [['dev', 'revert', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [['dev', 'mine', 'x', '--json'], 1, { error: { code: 'ARM_CLI_USAGE' } }],
  [['dev', 'mine', '--json', '--rpc', 'http://127.0.0.1:1'], 1, { error: { code: 'ARM_RPC_CONNECT' } }],
])('%j prints one JSON value', async (argv, code, value) => {
  const ran = await run(...argv)
  expect(JSON.parse(ran.out)).toMatchObject(value)
  expect([ran.code, ran.err, ran.out.split('\n').length]).toEqual([code, '', 2])
})

test('without --json, help is for people', async () => {
  expect(await run('help')).toMatchObject({ code: 0, out: expect.stringMatching(/^armchain: /) })
  expect(await run()).toMatchObject({ code: 1, out: '' })
})

test('dev: mine, snapshot, mine more, revert', async () => {
  await using testnet: Testnet = await startTestnet({ shards: 1, accounts: 1, blockTime: 'manual' })
  const dev = async (...argv: string[]) =>
    JSON.parse((await run('dev', ...argv, '--json', '--rpc', testnet.rpcUrl)).out)
  const height = async (): Promise<number> =>
    JSON.parse((await run('block', '1', '--json', '--rpc', testnet.rpcUrl)).out).height
  const { heights } = await dev('mine')
  expect(heights).toContainEqual({ vShard: 1, height: await height() })
  const before = await height()
  const { snapshotId } = await dev('snapshot')
  await dev('mine', '3')
  expect(await height()).toBe(before + 3)
  expect(await dev('revert', snapshotId)).toEqual({ reverted: true })
  expect(await height()).toBe(before)
  expect(await dev('revert', 'snap-99')).toMatchObject({ error: { code: 'ARM_NOT_FOUND' } })
})
