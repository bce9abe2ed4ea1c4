import { readFile } from 'node:fs/promises'
import { ArmError } from '@armchain/core'
import { runLoad } from '../load.ts'
import { type Command, connect, integer, RPC_OPTION, text } from './command.ts'

export const loadCommand: Command = {
  usage: `load --config FILE [options]            send transfers as fast as the testnet takes them
  --config FILE       what \`testnet --config-out\` wrote
  --count N           transfers (default 10000)
  --cross PERCENT     part that goes to another vShard (default 0)
  --rpc URL`,
  options: { ...RPC_OPTION, config: { type: 'string' }, count: { type: 'string' }, cross: { type: 'string' } },
  positionals: [0, 0],
  async run({ values, output }) {
    const file = text(values, 'config')
    if (file === undefined)
      throw new ArmError('ARM_CLI_USAGE', 'load needs the accounts of a testnet', {
        hint: 'pass --config FILE from `testnet --config-out FILE`',
      })
    const config = await readConfig(file)
    await using rpc = connect({ rpc: config.rpc[0], ...values })
    const crossPercent = integer(values, 'cross', 0, { min: 0, max: 100 })
    const count = integer(values, 'count', 10_000, { min: 1, max: COUNT_MAX })
    const result = await runLoad(rpc, {
      accounts: config.accounts,
      count,
      crossPercent,
      onProgress: (line) => output.text(line),
    })
    output.value(result)
    output.text(`${result.included} transfers in ${result.wallMs} ms: ${result.tps} a second, all durable`)
  },
}

/** All are signed beforehand and held in memory. */
export const COUNT_MAX = 5_000_000

type Config = { readonly rpc: readonly string[]; readonly accounts: readonly { readonly secretKey: string }[] }

async function readConfig(file: string): Promise<Config> {
  try {
    const config = JSON.parse(await readFile(file, 'utf8')) as Config
    if (Array.isArray(config.rpc) && Array.isArray(config.accounts) && config.accounts.length > 0) return config
  } catch (cause) {
    throw new ArmError(
      'ARM_CLI_USAGE',
      `${file} cannot be read`,
      { hint: 'write it with `armchain testnet --config-out FILE`' },
      { cause },
    )
  }
  throw new ArmError('ARM_CLI_USAGE', `${file} is no testnet configuration`, {
    hint: 'write it with `armchain testnet --config-out FILE`',
  })
}
