import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultScheme, ed25519Validators, type Genesis, keyPairFromSecret, tokenAllocations } from '@armchain/core'
import { peerIdOf } from '@armchain/network'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeGenesis, writeKeys } from '../node-process/node-files.ts'
import { runCommand } from './run.ts'

const OURS = keyPairFromSecret(new Uint8Array(32).fill(1))
const OTHER = keyPairFromSecret(new Uint8Array(32).fill(2))
const STRANGER = keyPairFromSecret(new Uint8Array(32).fill(3))
const PEER = peerIdOf(OTHER.publicKey)

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'node-command-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('its schema names every field, and a peer id is made once', async () => {
  const schema = JSON.parse((await run('--schema')).out)
  expect(schema.properties.network.properties.listen.description).toContain('/ip4/0.0.0.0/tcp/')
  const file = await configured({})
  const first = JSON.parse((await run('--config', file, '--peer-id')).out)
  expect(first.peerId).toMatch(/^12D3Koo/)
  expect(JSON.parse((await run('--config', file, '--peer-id')).out)).toEqual(first)
  expect(statSync(join(dir, 'network.key')).mode & 0o777).toBe(0o600)
})

test.each<[why: string, change: object, message: RegExp]>([
  ['a field that there is not', { dataDirectory: 'x' }, /there is no field dataDirectory/],
  ['one within another', { network: { listenOn: [] } }, /there is no field network\.listenOn/],
  ['a field of another kind', { blockTimeMs: '80' }, /blockTimeMs must be integer: "80"/],
  ['a field that is missing', { dataDir: undefined }, /dataDir is missing/],
  ['a part that is missing', { timing: { deltaMs: 5 } }, /timing\.deltaMaxMs,skipAfterMs is missing/],
  ['a role that there is not', { role: 'miner' }, /role is not one of validator, full, super/],
  ['a role that is not there yet', { role: 'light' }, /the role light is not there yet/],
  ['an address that is none', { network: { listen: ['127.0.0.1:80'] } }, /network\.listen\.0 .*127\.0\.0\.1:80/],
  ['a peer without its name', { network: { peers: ['/ip4/1.2.3.4/tcp/5'] } }, /network\.peers\.0/],
  ['a peer id of no key', { network: { validators: [`12D3Koo${'z'.repeat(45)}`] } }, /is no peer id/],
  [
    'more validators than there are',
    { network: { validators: [PEER, null, null] } },
    /names 3 validators, and there are 2/,
  ],
  ["another's place", { network: { validators: [PEER] } }, /network\.validators\.0 is 12D3Koo/],
  ['a key without a seat', { keys: 'stranger.json' }, /has no seat in the genesis/],
  ['no key', { keys: undefined }, /a validator needs validatorSecretKey/],
  ['a genesis of another hash', { genesis: 'changed.json' }, /the genesis has the hash/],
  ['a genesis that is none', { genesis: 'keys.json' }, /this is no genesis file/],
  ['keys that are none', { keys: 'genesis.json' }, /there is no field format/],
])('%s is refused, by name', async (_, change, message) => {
  const ran = await run('--config', await configured(change))
  expect(ran.code).toBe(1)
  const { error } = JSON.parse(ran.out)
  expect(error).toMatchObject({ code: 'ARM_CONFIG', message: expect.stringMatching(message) })
  expect(error.hint.length).toBeGreaterThan(5)
})

test('a file that is not there, or no JSON, is named', async () => {
  expect(JSON.parse((await run('--config', join(dir, 'none.json'))).out).error).toMatchObject({ code: 'ARM_FILE' })
  writeFileSync(join(dir, 'broken.json'), '{"genesis": ')
  expect(JSON.parse((await run('--config', join(dir, 'broken.json'))).out).error).toMatchObject({
    code: 'ARM_CONFIG',
    message: expect.stringContaining('it is not JSON'),
  })
  expect(JSON.parse((await run()).out).error).toMatchObject({ code: 'ARM_CLI_USAGE' })
})

test('a port in use is named, and the folder is free again', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  try {
    const file = await configured({ network: { listen: [`/ip4/127.0.0.1/tcp/${port}`] } })
    expect(JSON.parse((await run('--config', file)).out).error).toMatchObject({
      code: 'ARM_CONFIG',
      message: expect.stringContaining(`/ip4/127.0.0.1/tcp/${port}`),
    })
    const other = await configured({})
    const ran = JSON.parse((await run('--config', other, '--port', String(port))).out)
    expect(ran.error).toMatchObject({ code: 'ARM_PORT_IN_USE' })
  } finally {
    server.close()
  }
})

async function run(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let [out, err] = ['', '']
  const code = await runCommand(['node', ...argv, '--json'], {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { code, out, err }
}

/** A configuration that is right but for the change, with all that it names. */
async function configured(change: object): Promise<string> {
  await writeGenesis(join(dir, 'genesis.json'), genesisOf(1))
  await writeGenesis(join(dir, 'changed.json'), genesisOf(2))
  const changed = join(dir, 'changed.json')
  const { genesisHash } = JSON.parse(readFileSync(join(dir, 'genesis.json'), 'utf8'))
  writeFileSync(changed, JSON.stringify({ ...JSON.parse(readFileSync(changed, 'utf8')), genesisHash }))
  const none = { voting: undefined, faucet: undefined }
  await writeKeys(join(dir, 'keys.json'), { validator: OURS, ...none })
  await writeKeys(join(dir, 'stranger.json'), { validator: STRANGER, ...none })
  const file = join(dir, 'config.json')
  const right = {
    genesis: 'genesis.json',
    role: 'validator',
    dataDir: 'data',
    keys: 'keys.json',
    rpc: { port: 0 },
    log: 'silent',
  }
  writeFileSync(file, JSON.stringify({ ...right, ...change }))
  return file
}

function genesisOf(timeMs: number): Genesis {
  const seats = ed25519Validators([OURS.publicKey, OTHER.publicKey])
  const shards = [{ vShard: 0, engine: 'simplex', ...seats }]
  return {
    scheme: defaultScheme({ chainId: 5, networkId: 'suite', shards }),
    timeMs,
    allocations: tokenAllocations(),
  }
}
