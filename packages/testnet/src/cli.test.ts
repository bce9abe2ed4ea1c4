import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { encryptKeystore, formatAddress, isMnemonic, MOTES_PER_AC } from '@armchain/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from './commands/run.ts'
import { accountKey, startTestnet, type TestAccount, type Testnet } from './testnet.ts'

// One testnet in this process, and one as a user starts it: `armchain testnet`, a process of its own.
const BIN = join(import.meta.dirname, '../bin/armchain.mjs')
const START_MS = 30_000
const AC = MOTES_PER_AC

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Json = any
type Ran = { readonly exitCode: number; readonly out: string; readonly err: string }

const folder = mkdtempSync(join(tmpdir(), 'armchain-cli-'))
const dataDir = join(folder, 'data')
const configFile = join(folder, 'config.json')
const keystore = join(folder, 'key.json')
/** One whose password is quickly found wrong. */
const quickKeystore = join(folder, 'quick-key.json')
let testnet: Testnet
let child: ChildProcessWithoutNullStreams
let childOutput: Promise<[string, string]>

beforeAll(async () => {
  for (const name of Object.keys(process.env)) if (name.startsWith('ARMCHAIN_')) delete process.env[name]
  child = spawn(process.execPath, [
    BIN,
    ...['testnet', '--json', '--port', '0', '--accounts', '40', '--data-dir', dataDir, '--config-out', configFile],
  ])
  childOutput = Promise.all([text(child.stdout), text(child.stderr)])
  testnet = await startTestnet({ accounts: 3 })
  process.env.ARMCHAIN_RPC = testnet.rpcUrl
  const cost = { n: 2 ** 10, r: 8, p: 1 }
  const file = await encryptKeystore(accountKey(testnet.accounts[0] as TestAccount), 'right', { cost })
  writeFileSync(quickKeystore, JSON.stringify(file))
  const deadline = performance.now() + START_MS
  while (!existsSync(configFile)) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`no start: ${await childOutput}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
})

afterAll(async () => {
  child.kill('SIGKILL')
  await testnet.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('what works', () => {
  test('account create and show: the same key from words, from hex and from a keystore', async () => {
    const made = await value('account', 'create', '--out', keystore, '--password', 'secret words', '--shards', '1')
    expect(isMnemonic(made.mnemonic)).toBe(true)
    expect(made.addresses).toHaveLength(2)
    expect(statSync(keystore).mode & 0o777).toBe(0o600)
    expect(readFileSync(keystore, 'utf8')).not.toContain(made.mnemonic)
    const { mnemonic, keystore: _, ...shown } = made
    expect(await value('account', 'show', '--mnemonic', mnemonic, '--shards', '1')).toEqual(shown)
    const opened = await value('account', 'show', '--keystore', keystore, '--password', 'secret words', '--shards', '1')
    expect(opened).toEqual(shown)
    const { secretKey, address } = testnet.accounts[0] as TestAccount
    expect((await value('account', 'show', '--key', `0x${secretKey}`)).addresses[1]).toBe(address)
    const second = await value('account', 'show', '--mnemonic', mnemonic, '--index', '1', '--prefix', 'armc')
    expect(second.account).not.toBe(made.account)
    expect(second.addresses[2]).toMatch(/^armc1/)

    expect((await lines('account', 'create'))[0]).toMatch(/^mnemonic {3}(\w+ ){11}\w+$/)
    expect(await lines('account', 'show', '--key', secretKey)).toEqual([
      expect.stringMatching(/^public key [0-9a-f]{64}$/),
      expect.stringMatching(/^vShard 0 {3}armt1/),
      `vShard 1   ${address}`,
      expect.stringMatching(/^vShard 2 {3}armt1/),
    ])
  })

  test('faucet, balance, transfer inside a vShard and across, tx, block, trace', async () => {
    const { addresses, mnemonic } = await value('account', 'create')
    const [onMain, onOne, onTwo] = addresses as [string, string, string]
    expect(await value('balance', onOne)).toMatchObject({ exists: false, balanceMotes: '0', nonce: 0 })
    expect(await lines('balance', onOne)).toEqual([
      expect.stringMatching(/^0 AC, nonce 0, at height \d+ \(never used\)$/),
    ])
    expect(await value('faucet', onOne)).toMatchObject({ ok: true, vShard: 1, durable: true })
    expect((await lines('faucet', onOne, '2.5'))[0]).toMatch(/^ok {2}[0-9a-f]{64}$/)
    expect(await value('faucet', onMain, '1')).toMatchObject({ ok: true, vShard: 0 })
    expect(await value('balance', onOne)).toMatchObject({ exists: true, balanceMotes: '102500000000' })

    const { address, secretKey } = testnet.accounts[1] as TestAccount
    const inside = await value('transfer', address, '1.000000001', '--mnemonic', mnemonic)
    expect(inside).toMatchObject({ ok: true, vShard: 1, messages: [] })
    const across = await value('transfer', onTwo, '4', '--mnemonic', mnemonic, '--from', '1', '--wait', 'anchored')
    expect(across).toMatchObject({ ok: true, vShard: 1, finality: 'anchored' })
    expect(across.messages).toEqual([{ seq: expect.any(Number), destination: 2, valueMotes: (4n * AC).toString() }])
    const texts = await lines('transfer', onMain, '0.5', '--key', secretKey, '--from', '1', '--max-fee', '0.01')
    expect(texts[0]).toMatch(/^ok {2}[0-9a-f]{64}$/)
    expect(texts[2]).toMatch(/message #\d+ to vShard 0, 0.5 AC \(armchain trace [0-9a-f]{64}\)/)

    const { transaction, receipt } = await value('tx', inside.txId)
    expect(transaction).toMatchObject({ status: 'included', sender: onOne, nonce: 0, call: { module: 'bank' } })
    expect(receipt).toMatchObject({ txId: inside.txId, blockHash: inside.blockHash })
    expect((await lines('tx', inside.txId)).slice(0, 2)).toEqual([
      expect.stringMatching(/^bank.transfer \{"to":"[0-9a-f]{64}","vShard":1,"amount":"1000000001"\}$/),
      `from ${onOne}, nonce 0, included`,
    ])
    const block = await value('block', '1', String(inside.height))
    expect(block).toMatchObject({ vShard: 1, hash: inside.blockHash, transactions: [inside.txId] })
    expect(await value('block')).toMatchObject({ vShard: 0 })
    expect((await lines('block', '2'))[0]).toMatch(/^vShard 2 height \d+, \d{4}-\d\d-\d\dT/)

    let trace: Json
    const deadline = performance.now() + START_MS
    do trace = await value('trace', across.txId)
    while (!trace.done && performance.now() < deadline)
    expect(trace.spans.map(({ kind, vShard }: Json) => `${kind} ${vShard}`)).toEqual(
      expect.arrayContaining(['included 1', 'shard-final 1', 'anchored 0', 'delivered 2']),
    )
    const waterfall = await lines('trace', across.txId)
    expect(waterfall).toHaveLength(trace.spans.length + 1)
    expect(waterfall.at(-1)).toBe('done: nothing of it is under way')
  })

  test('load on the testnet of another process, with its configuration', async () => {
    const result = await value('load', '--config', configFile, '--count', '400', '--cross', '25')
    expect(result).toMatchObject({ included: 400, crossPercent: 25, tps: expect.any(Number) })
    expect((await lines('load', '--config', configFile, '--count', '1')).at(-1)).toMatch(/^1 transfers in \d+ ms: /)
  })

  test('bench', async () => {
    const { runs } = await value('bench', '--shards', '1', '--count', '50')
    expect(runs).toMatchObject([{ included: 50, crossPercent: 0 }])
  })

  test('the main shard alone', async () => {
    await using alone = await startTestnet({ shards: 0, accounts: 2 })
    const [alice, bob] = alone.accounts as [TestAccount, TestAccount]
    const options = ['--key', alice.secretKey, '--rpc', alone.rpcUrl]
    expect(await value('transfer', bob.address, '1', ...options)).toMatchObject({ ok: true, vShard: 0 })
  })

  test('help', async () => {
    for (const args of [['help'], ['--help'], ['-h']]) expect((await lines(...args)).join()).toContain('trace ID')
    expect((await lines('transfer', '--help')).join()).toContain('--wait FINALITY')
    expect(await value('load', '-h')).toEqual({ usage: expect.stringContaining('--cross PERCENT') })
  })
})

/** Name, command line, code, and what the hint has to name. */
type Failing = readonly [string, string, string, RegExp]

const FAILURES: readonly Failing[] = [
  ['no command', '', 'ARM_CLI_USAGE', /transfer ADDRESS/],
  ['an unknown command', 'mint', 'ARM_CLI_USAGE', /transfer/],
  ['a command of Object', 'constructor', 'ARM_CLI_USAGE', /transfer/],
  ['an unknown account command', 'account drop', 'ARM_CLI_USAGE', /account create/],
  ['an unknown option', 'balance $BOB --fast', 'ARM_CLI_USAGE', /balance ADDRESS/],
  ['an option without its value', 'transfer $BOB 1 --from --key $KEY', 'ARM_CLI_USAGE', /--from V/],
  ['a missing argument', 'transfer $BOB', 'ARM_CLI_USAGE', /transfer ADDRESS AMOUNT/],
  ['an argument too many', 'tx $ID $ID', 'ARM_CLI_USAGE', /tx ID/],

  ['no address', 'balance bob', 'ARM_ADDRESS', /whole address/],
  ['a changed address', 'faucet $CHANGED', 'ARM_ADDRESS', /whole address/],
  ['an address of another network', 'balance $ELSEWHERE', 'ARM_ADDRESS', /this network/],
  ['a payee of another network', 'transfer $ELSEWHERE 1 --key $KEY', 'ARM_ADDRESS', /this network/],
  ['an address on no vShard', 'balance $NOWHERE', 'ARM_TX_SHARD', /arm_network/],
  ['a payment to no vShard', 'transfer $NOWHERE 1 --from 1 --key $KEY', 'ARM_CALL_SHARD', /armchain tx [0-9a-f]{64}/],
  ['a payment from no vShard', 'transfer $BOB 1 --from 9 --key $KEY', 'ARM_TX_SHARD', /arm_network/],
  ['a vShard that is no number', 'transfer $BOB 1 --from 9e9 --key $KEY', 'ARM_CLI_USAGE', /--from 0/],

  ['an amount below 0', 'transfer $BOB -5 --key $KEY', 'ARM_CLI_USAGE', /below 0/],
  ['an amount of 0', 'transfer $BOB 0 --key $KEY', 'ARM_CALL_AMOUNT', /armchain tx [0-9a-f]{64}/],
  ['too many places', 'transfer $BOB 1.0000000001 --key $KEY', 'ARM_AMOUNT_RANGE', /12\.5/],
  ['an amount beyond 64 bits', 'transfer $BOB 18446744073.709551616 --key $KEY', 'ARM_AMOUNT_RANGE', /12\.5/],
  ['an amount in words', 'transfer $BOB ten --key $KEY', 'ARM_AMOUNT_RANGE', /12\.5/],
  ['an amount with an exponent', 'faucet $BOB 1e3', 'ARM_AMOUNT_RANGE', /12\.5/],
  ['an empty amount', 'faucet $BOB $EMPTY', 'ARM_AMOUNT_RANGE', /12\.5/],
  ['more than there is', 'transfer $BOB 18446744073 --key $KEY', 'ARM_TX_FUNDS', /fund the account/],
  ['more than the faucet has', 'faucet $BOB 99999999', 'ARM_FAUCET', /ask for/],
  ['a fee above the bound', 'transfer $BOB 1 --max-fee 0.0000001 --key $KEY', 'ARM_TX_FEE_HIGH', /--max-fee/],
  ['a bound that is no amount', 'transfer $BOB 1 --max-fee little --key $KEY', 'ARM_AMOUNT_RANGE', /12\.5/],
  ['another finality', 'transfer $BOB 1 --wait soon --key $KEY', 'ARM_CLI_USAGE', /anchored/],

  ['no key', 'transfer $BOB 1', 'ARM_CLI_USAGE', /--mnemonic/],
  ['a short key', 'transfer $BOB 1 --key abcd', 'ARM_KEY', /copy it whole/],
  ['a key that is no hex', 'account show --key x$KEY', 'ARM_KEY', /copy it whole/],
  ['bad words', 'transfer $BOB 1 --mnemonic $BAD_WORDS', 'ARM_MNEMONIC', /order of the words/],
  ['an index that is none', 'account show --mnemonic $WORDS --index one', 'ARM_CLI_USAGE', /--index 0/],
  ['an index beyond all', 'account show --mnemonic $WORDS --index 2147483648', 'ARM_ARGUMENT', /0 to 2147483647/],
  ['a missing keystore', 'account show --keystore $DIR/none --password x', 'ARM_KEYSTORE', /account create --out/],
  ['another file', 'account show --keystore $CONFIG --password x', 'ARM_KEYSTORE', /as `armchain account` wrote it/],
  ['no password', 'account show --keystore $KEYSTORE', 'ARM_CLI_USAGE', /--password/],
  ['a wrong password', 'account show --keystore $KEYSTORE --password no', 'ARM_KEYSTORE_PASSWORD', /try again/],
  ['no password to write with', 'account create --out $DIR/new', 'ARM_CLI_USAGE', /--password/],
  ['a prefix that is none', 'account create --prefix ARM!', 'ARM_CLI_USAGE', /addressPrefix/],
  ['addresses without end', 'account create --shards 4000000000', 'ARM_CLI_USAGE', /--shards 0/],

  ['an unknown transaction', 'tx $ID', 'ARM_NOT_FOUND', /check the id/],
  ['no id', 'tx abc', 'ARM_RPC_PARAMS', /txId/],
  ['an unknown trace', 'trace $ID', 'ARM_NOT_FOUND', /check the id/],
  ['a block to come', 'block 1 999999', 'ARM_NOT_FOUND', /latest block is \d+/],
  ['a block of no vShard', 'block 9', 'ARM_TX_SHARD', /arm_network/],
  ['a block without a number', 'block first', 'ARM_CLI_USAGE', /for example 0/],
  ['a load without accounts', 'load', 'ARM_CLI_USAGE', /--config-out/],
  ['a load without its file', 'load --config $DIR/none', 'ARM_CLI_USAGE', /--config-out/],
  ['a load with another file', 'load --config $KEYSTORE', 'ARM_CLI_USAGE', /--config-out/],
  ['a load of nothing', 'load --config $CONFIG --count 0', 'ARM_CLI_USAGE', /--count 1/],
  ['over a hundred percent', 'load --config $CONFIG --cross 101', 'ARM_CLI_USAGE', /--cross 0/],
  ['accounts from elsewhere', 'load --config $CONFIG --count 1 --rpc $RPC', 'ARM_RPC_RESPONSE', /accounts/],
  ['no node', 'balance $BOB --rpc http://127.0.0.1:9', 'ARM_RPC_CONNECT', /armchain testnet/],
  ['no URL', 'balance $BOB --rpc localhost', 'ARM_ARGUMENT', /http:\/\/127/],
  ['another path', 'balance $BOB --rpc $RPC/health', 'ARM_RPC_REQUEST', /docs/],

  ['too many vShards', 'testnet --shards 9999', 'ARM_ARGUMENT', /vShards beside/],
  ['vShards in words', 'testnet --shards two', 'ARM_CLI_USAGE', /--shards 0/],
  ['no accounts', 'testnet --accounts 0', 'ARM_ARGUMENT', /10 is usual/],
  ['a block time in words', 'testnet --block-time abc', 'ARM_CLI_USAGE', /manual/],
  ['a block time of hours', 'testnet --block-time 9999999', 'ARM_ARGUMENT', /manual/],
  ['a reset of nothing', 'testnet --reset', 'ARM_CLI_USAGE', /in memory/],
  ['a testnet of bad words', 'testnet --port 0 --mnemonic $BAD_WORDS', 'ARM_MNEMONIC', /order of the words/],
  ['an unknown log level', 'testnet --log all', 'ARM_CLI_USAGE', /debug/],
  ['a port beyond all', 'testnet --port 65536', 'ARM_CLI_USAGE', /--port 0/],
  ['a port in use', 'testnet --port $PORT', 'ARM_PORT_IN_USE', /another port/],
  ['an address of another machine', 'testnet --port 0 --host 192.0.2.1', 'ARM_ARGUMENT', /this machine/],
  ['a data folder in use', 'testnet --port 0 --data-dir $DATA', 'ARM_DATA_DIR_LOCKED', /stop process \d+/],
  ['one in use, to reset', 'testnet --port 0 --data-dir $DATA --reset', 'ARM_DATA_DIR_LOCKED', /stop process \d+/],
  ['a folder of something else', 'testnet --port 0 --data-dir $DIR --reset', 'ARM_DATA_DIR', /empty folder/],
  ['a data folder that is a file', 'testnet --port 0 --data-dir $CONFIG', 'ARM_DATA_DIR', /folder/],
  ['a configuration to no folder', 'testnet --port 0 --config-out $DIR/none/x', 'ARM_FILE', /may write to/],
]

/** A command line of the table as arguments: `$NAME` stands for what is known only at run time. */
function words(line: string): string[] {
  const [alice, bob] = testnet.accounts as [TestAccount, TestAccount]
  const { account } = accountKey(bob)
  const names: Readonly<Record<string, string>> = {
    BOB: bob.address,
    CHANGED: `${bob.address.slice(0, -1)}b`,
    ELSEWHERE: formatAddress({ account, vShard: 1 }, 'armc'),
    NOWHERE: formatAddress({ account, vShard: 9 }, 'armt'),
    KEY: alice.secretKey,
    WORDS: alice.mnemonic,
    BAD_WORDS: 'correct horse battery',
    ID: 'f'.repeat(64),
    EMPTY: '',
    DIR: folder,
    DATA: dataDir,
    CONFIG: configFile,
    KEYSTORE: quickKeystore,
    RPC: testnet.rpcUrl,
    PORT: new URL(testnet.rpcUrl).port,
  }
  return line === ''
    ? []
    : line.split(' ').map((word) => word.replace(/\$([A-Z_]+)/, (_, name) => names[name] as string))
}

describe('what does not work is told with a code and a hint, and without a stack', () => {
  test.each(FAILURES)('%s: %s', async (_, line, code, hint) => {
    const before = readdirSync(folder).sort()
    const [json, plain] = [await run(...words(line), '--json'), await run(...words(line))]
    expect(json).toMatchObject({ exitCode: 1, err: '' })
    expect(json.out).toMatch(/^[^\n]+\n$/)
    const { error, ...rest } = JSON.parse(json.out)
    expect(rest).toEqual({})
    expect(error).toMatchObject({ code, message: expect.stringMatching(/\w{3}/), hint: expect.stringMatching(hint) })

    expect(plain.exitCode).toBe(1)
    expect(plain.err).toMatch(new RegExp(`^${code}: .+\n  `))
    expect(plain.err.replace(/\s+/g, ' ')).toMatch(hint)
    for (const shown of [json.out, plain.out, plain.err])
      expect(shown).not.toMatch(/\bat .+\.ts:\d|node:internal|\[object/)
    expect(DOCUMENTED).toContain(code)
    expect(readdirSync(folder).sort()).toEqual(before)
  })

  test('a file that is there is not written over', async () => {
    const taken = join(folder, 'taken')
    writeFileSync(taken, 'mine')
    expect(await error('account', 'create', '--out', taken, '--password', 'x')).toMatchObject({ code: 'ARM_FILE' })
    expect(readFileSync(taken, 'utf8')).toBe('mine')
    mkdirSync(join(folder, 'place'))
    const out = ['testnet', '--port', '0', '--config-out', join(folder, 'place')]
    expect(await error(...out)).toMatchObject({ code: 'ARM_FILE' })
  })

  test('a folder is used again only in the shape that it has', async () => {
    const own = join(folder, 'own')
    await (await startTestnet({ dataDir: own, shards: 1 })).close()
    const options = ['testnet', '--port', '0', '--data-dir', own]
    expect(await error(...options, '--shards', '2')).toMatchObject({
      code: 'ARM_DATA_DIR',
      message: 'the data folder was made with shards 1, not 2',
      hint: expect.stringContaining('--reset'),
    })
  })
})

// Last, as it stops the testnet of the other process.
test('testnet --json prints its configuration, the same as in the file, and nothing else until it has stopped', async () => {
  const config = JSON.parse(readFileSync(configFile, 'utf8'))
  expect(config).toMatchObject({
    networkId: 'armchain-testnet',
    rpc: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)],
    ws: [expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/)],
    dataDir,
  })
  expect(config.accounts).toHaveLength(40)
  const [{ address, secretKey, mnemonic, balanceMotes }] = config.accounts
  expect({ mnemonic: isMnemonic(mnemonic), balanceMotes }).toEqual({ mnemonic: true, balanceMotes: '10000000000000' })
  expect((await value('account', 'show', '--key', secretKey)).addresses[1]).toBe(address)
  expect((await value('account', 'show', '--mnemonic', mnemonic)).addresses[1]).toBe(address)
  expect(statSync(configFile).mode & 0o777).toBe(0o600)
  const untouched = await value('balance', config.accounts[39].address, '--rpc', config.rpc[0])
  expect(untouched).toMatchObject({ exists: true })

  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
  const [out, err] = await childOutput
  expect(err).toBe('')
  expect(out).toBe(`${JSON.stringify(config)}\n`)
})

const DOCUMENTED = [
  ...readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8').matchAll(/^\| `(ARM_\w+)` \|/gm),
].map((match) => match[1])

async function run(...args: readonly string[]): Promise<Ran> {
  let [out, err] = ['', '']
  const exitCode = await runCommand(args, {
    out: (written) => {
      out += written
    },
    err: (written) => {
      err += written
    },
  })
  return { exitCode, out, err }
}

/** The one JSON value that a command prints when it succeeds. */
async function value(...args: readonly string[]): Promise<Json> {
  const { exitCode, out, err } = await run(...args, '--json')
  expect({ exitCode, err, out }).toMatchObject({ exitCode: 0, err: '', out: expect.stringMatching(/^[^\n]+\n$/) })
  return JSON.parse(out)
}

async function error(...args: readonly string[]): Promise<Json> {
  const { exitCode, out } = await run(...args, '--json')
  expect(exitCode).toBe(1)
  return JSON.parse(out).error
}

/** What a command that succeeds prints for people. */
async function lines(...args: readonly string[]): Promise<string[]> {
  const { exitCode, out, err } = await run(...args)
  expect({ exitCode, err, out }).toMatchObject({ exitCode: 0, err: '' })
  return out.split('\n').slice(0, -1)
}
