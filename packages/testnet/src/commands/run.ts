import { parseArgs } from 'node:util'
import { ArmError, isArmError } from '@armchain/core'
import { accountCommand } from './account.ts'
import { benchCommand } from './bench.ts'
import { balanceCommand, blockCommand, faucetCommand, transferCommand, txCommand } from './chain.ts'
import type { Command, Output } from './command.ts'
import { devCommand } from './dev.ts'
import { loadCommand } from './load.ts'
import { testnetCommand } from './testnet.ts'
import { traceCommand } from './trace.ts'

const COMMANDS: Readonly<Record<string, Command>> = {
  testnet: testnetCommand,
  account: accountCommand,
  transfer: transferCommand,
  balance: balanceCommand,
  faucet: faucetCommand,
  tx: txCommand,
  block: blockCommand,
  trace: traceCommand,
  dev: devCommand,
  load: loadCommand,
  bench: benchCommand,
}

/**
 * Runs one command line; returns the exit code. With --json there is exactly one JSON value on standard output, whatever
 * is asked and whatever comes of it; what fails after it was printed goes to standard error.
 */
export async function runCommand(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json')
  let printed = false
  const output: Output = {
    json,
    text: (line) => {
      if (!json) process.stdout.write(`${line}\n`)
    },
    value: (value) => {
      if (json && !printed) process.stdout.write(`${JSON.stringify(value)}\n`)
      printed = true
    },
  }
  try {
    return await dispatch(
      argv.filter((argument) => argument !== '--json'),
      output,
    )
  } catch (error) {
    return report(error, json && !printed)
  }
}

async function dispatch([name, ...rest]: readonly string[], output: Output): Promise<number> {
  if (name === undefined && output.json)
    throw new ArmError('ARM_CLI_USAGE', 'no command', { hint: `commands: ${Object.keys(COMMANDS).join(', ')}` })
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    output.value({ usage: usage(), commands: Object.keys(COMMANDS) })
    output.text(usage())
    return name === undefined ? 1 : 0
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined)
    throw new ArmError('ARM_CLI_USAGE', `unknown command "${name}"`, {
      hint: `commands: ${Object.keys(COMMANDS).join(', ')}`,
    })
  if (rest.includes('--help') || rest.includes('-h')) {
    output.value({ usage: command.usage })
    output.text(command.usage)
    return 0
  }
  const { values, positionals } = parse(command, rest)
  await command.run({ values, positionals, output })
  return typeof process.exitCode === 'number' ? process.exitCode : 0
}

function parse(
  command: Command,
  args: readonly string[],
): { values: Record<string, string | boolean | undefined>; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: command.options,
      allowPositionals: true,
      strict: true,
    })
    if (positionals.length < command.positionals[0] || positionals.length > command.positionals[1]) {
      throw new ArmError(
        'ARM_CLI_USAGE',
        `expected ${command.positionals.join(' to ')} arguments, got ${positionals.length}`,
        { hint: command.usage },
      )
    }
    return { values: values as Record<string, string | boolean | undefined>, positionals }
  } catch (error) {
    if (isArmError(error)) throw error
    throw new ArmError('ARM_CLI_USAGE', (error as Error).message, { hint: command.usage })
  }
}

function report(error: unknown, json: boolean): number {
  const known = isArmError(error)
    ? error
    : new ArmError('ARM_INTERNAL', error instanceof Error ? (error.stack ?? error.message) : String(error))
  const message = known.message.replace(`${known.code}: `, '')
  const hint = known.hint ?? 'see docs/errors.md'
  if (json)
    process.stdout.write(`${JSON.stringify({ error: { code: known.code, message, hint, data: known.data } }, plain)}\n`)
  else process.stderr.write(`${known.code}: ${message}\n  ${hint}\n`)
  return 1
}

/** Data of an error may hold what JSON has no form for. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

function usage(): string {
  const lines = Object.values(COMMANDS).map((command) => `  ${command.usage.split('\n')[0]}`)
  return `armchain: sharded testnets and their accounts\n\n${lines.join('\n')}\n\nEvery command takes --json and --help. A running testnet is found at http://127.0.0.1:9650, or by --rpc URL.`
}
