import { rename } from 'node:fs/promises'
import { ArmError, formatAc } from '@armchain/core'
import { createLog } from '@armchain/node'
import { runDemo } from '../demo.ts'
import { stopSignal } from '../node-process/stop-signal.ts'
import { startTestnet, type Testnet, type TestnetEngine, type TestnetOptions } from '../testnet.ts'
import { type Command, DEFAULT_PORT, integer, type Output, text, type Values, writeText } from './command.ts'

export const testnetCommand: Command = {
  usage: `testnet [options]                       start a sharded testnet and keep it running
  --shards N          vShards beside the main shard (default 2; 0 for the main shard alone)
  --validators N      validators of every shard, 1 to 31 (default 1; of 4 one may fail in any way)
  --processes         every validator a process of its own, on libp2p (4 unless --validators says otherwise)
  --engine NAMES      how several decide: simplex (default), or poa, which bears crashes only; simplex,poa for the main
                      shard by one and the vShards by the other
  --certificates KIND what blocks are certified with: bls, of one size for any number of validators (default
                      for several, where its native library loads), or ed25519
  --accounts N        funded accounts (default 10)
  --block-time T      milliseconds, 0 for on demand (default), or "manual"
  --data-dir DIR      keep the chain there across restarts (default: in memory)
  --reset             start that folder over
  --port P            RPC port (default ${DEFAULT_PORT}; 0 for any)
  --host H            address to bind (default 127.0.0.1)
  --mnemonic "WORDS"  derive all keys from these words
  --config-out FILE   write endpoints and accounts as JSON once the first block is made
  --demo              run a short demonstration first
  --log LEVEL         log to standard error: debug, info, warn, error
  --json              print the configuration as one JSON value`,
  options: {
    shards: { type: 'string' },
    validators: { type: 'string' },
    processes: { type: 'boolean' },
    engine: { type: 'string' },
    certificates: { type: 'string' },
    accounts: { type: 'string' },
    'block-time': { type: 'string' },
    'data-dir': { type: 'string' },
    reset: { type: 'boolean' },
    port: { type: 'string' },
    host: { type: 'string' },
    mnemonic: { type: 'string' },
    'config-out': { type: 'string' },
    demo: { type: 'boolean' },
    log: { type: 'string' },
  },
  positionals: [0, 0],
  async run({ values, output }) {
    using stopped = stopSignal()
    const testnet = await startTestnet({ ...readOptions(values), onFailure: stopped.fail })
    try {
      const config = configOf(testnet)
      const file = text(values, 'config-out')
      if (file !== undefined) await writeWhole(file, `${JSON.stringify(config, null, 2)}\n`)
      output.value(config)
      printBanner(testnet, output)
      if (values.demo) await runDemo(testnet, (line) => output.text(line))
      output.text('\nRunning. Stop with Ctrl-C.')
      await stopped.promise
    } finally {
      await testnet.close()
      output.text('Stopped.')
    }
  },
}

function readOptions(values: Values): TestnetOptions {
  const blockTime = text(values, 'block-time')
  const dataDir = text(values, 'data-dir')
  const host = text(values, 'host')
  const mnemonic = text(values, 'mnemonic')
  const level = text(values, 'log')
  const engine = text(values, 'engine')
  const certificates = text(values, 'certificates')
  if (values.reset && dataDir === undefined)
    throw new ArmError('ARM_CLI_USAGE', '--reset needs --data-dir', { hint: 'in memory every start is fresh' })
  return {
    ...(values.shards !== undefined && { shards: integer(values, 'shards', 2) }),
    ...(values.validators !== undefined && { validators: integer(values, 'validators', 1, { min: 1, max: 31 }) }),
    ...(engine !== undefined && { engine: readEngines(engine) }),
    ...(certificates !== undefined && { certificates: readCertificates(certificates) }),
    ...(values.accounts !== undefined && { accounts: integer(values, 'accounts', 10) }),
    ...(values.processes === true && { processes: true }),
    blockTime: blockTime === undefined ? 0 : readBlockTime(blockTime),
    port: integer(values, 'port', DEFAULT_PORT, { min: 0, max: 65_535 }),
    reset: values.reset === true,
    ...(dataDir !== undefined && { dataDir }),
    ...(host !== undefined && { host }),
    ...(mnemonic !== undefined && { mnemonic }),
    ...(level !== undefined && { log: createLog({ level: logLevel(level) }) }),
  }
}

function readBlockTime(blockTime: string): number | 'manual' {
  if (blockTime === 'manual' || /^[0-9]{1,7}$/.test(blockTime))
    return blockTime === 'manual' ? 'manual' : Number(blockTime)
  throw new ArmError('ARM_CLI_USAGE', '--block-time is not a number of milliseconds', {
    blockTime,
    hint: 'for example --block-time 1000, 0 for blocks on demand, or manual',
  })
}

function readEngines(names: string): readonly TestnetEngine[] {
  return names.split(',').map((engine) => {
    if (engine === 'simplex' || engine === 'poa') return engine
    throw new ArmError('ARM_CLI_USAGE', `unknown engine "${engine}"`, {
      hint: 'simplex, poa, or a list like simplex,poa',
    })
  })
}

function readCertificates(certificates: string): 'ed25519' | 'bls' {
  if (certificates === 'ed25519' || certificates === 'bls') return certificates
  throw new ArmError('ARM_CLI_USAGE', `unknown certificates "${certificates}"`, { hint: 'ed25519 or bls' })
}

function logLevel(level: string): 'debug' | 'info' | 'warn' | 'error' {
  if (level === 'debug' || level === 'info' || level === 'warn' || level === 'error') return level
  throw new ArmError('ARM_CLI_USAGE', 'unknown log level', { level, hint: 'one of debug, info, warn, error' })
}

function configOf(testnet: Testnet): unknown {
  const { networkId, accounts, dataDir } = testnet
  const places = placesOf(testnet)
  const { rpc, ws } = { rpc: places.map((each) => each.rpc), ws: places.map((each) => each.ws) }
  return { networkId, rpc, ws, accounts, dataDir: dataDir ?? null }
}

type Place = { readonly rpc: string; readonly ws: string; readonly recovered: number }

/** Where each validator answers. */
function placesOf(testnet: Testnet): readonly Place[] {
  const { validators, processes, genesis, rpcUrl, wsUrl } = testnet
  const numbers = (genesis.scheme.shards[0]?.validators ?? []).keys()
  if (processes !== undefined) return [...numbers].map((i) => processes.ready(i))
  if (validators === undefined) return [{ rpc: rpcUrl, ws: wsUrl, recovered: testnet.node.recovered.blocks }]
  return [...numbers].map((i) => {
    const { url = '', wsUrl: ws = '', recovered } = validators.node(i)
    return { rpc: url, ws, recovered: recovered.blocks }
  })
}

function printBanner(testnet: Testnet, { text: print }: Output): void {
  const { processes, genesis, networkId, rpcUrl, wsUrl, accounts, dataDir, fresh } = testnet
  const { shards } = genesis.scheme
  const places = placesOf(testnet)
  print(`ArmChain testnet "${networkId}": main shard and ${shards.length - 1} vShards`)
  print(`  RPC        ${rpcUrl}   (methods: rpc.discover, metrics: ${rpcUrl}/metrics)`)
  print(`  WebSocket  ${wsUrl}`)
  if (places.length > 1) {
    const kinds = shards.map(({ engine, certificates }) => `${engine} with ${certificates} certificates`)
    const by = [...new Set(kinds)].join(', ')
    const where = processes === undefined ? '' : ' as processes'
    print(
      `  Validators ${places.length}${where}, by ${by}: ${places.map(({ rpc }) => rpc).join(' ')}   (see armchain chaos)`,
    )
  }
  const replayed = places[0]?.recovered ?? 0
  print(`  Data       ${dataDir ?? 'in memory'}${fresh ? '' : ` (continued, ${replayed} blocks replayed)`}`)
  print(`  Mnemonic   ${accounts[0]?.mnemonic}`)
  print(
    `  Accounts   each with ${formatAc(BigInt(accounts[0]?.balanceMotes ?? 0))} AC at genesis on every vShard; addresses on vShard ${shards.length > 1 ? 1 : 0}`,
  )
  for (const { address, secretKey } of accounts.slice(0, 3)) print(`    ${address}  key ${secretKey}`)
  if (accounts.length > 3) print(`    and ${accounts.length - 3} more (--config-out FILE lists them)`)
}

/** A reader that waits for the file never sees a part of it. */
async function writeWhole(file: string, content: string): Promise<void> {
  await writeText(`${file}.tmp`, content, 'w')
  await rename(`${file}.tmp`, file).catch((cause: Error) => {
    const hint = 'choose the name of a file, not of a folder'
    throw new ArmError('ARM_FILE', `${file} cannot be written: ${cause.message}`, { file, hint }, { cause })
  })
}
