import { parseArgs } from 'node:util'
import { ArmError, isArmError, toHex } from '@armchain/core'
import { accountCommand } from './account.ts'
import { benchCommand } from './bench.ts'
import { balanceCommand, blockCommand, faucetCommand, transferCommand, txCommand } from './chain.ts'
import { chaosCommand } from './chaos.ts'
import type { Command, Output } from './command.ts'
import { devCommand } from './dev.ts'
import { evidenceCommand } from './evidence.ts'
import { loadCommand } from './load.ts'
import { netCommand } from './net.ts'
import { nodeCommand } from './node.ts'
import { riskCommand } from './risk.ts'
import { testnetCommand } from './testnet.ts'
import { traceCommand } from './trace.ts'

const COMMANDS: Readonly<Record<string, Command>> = {
  testnet: testnetCommand,
  node: nodeCommand,
  net: netCommand,
  account: accountCommand,
  transfer: transferCommand,
  balance: balanceCommand,
  faucet: faucetCommand,
  tx: txCommand,
  block: blockCommand,
  trace: traceCommand,
  evidence: evidenceCommand,
  risk: riskCommand,
  dev: devCommand,
  chaos: chaosCommand,
  load: loadCommand,
  bench: benchCommand,
}

/** Where a command writes; the process's own streams unless told otherwise. */
export type Streams = { readonly out: (text: string) => void; readonly err: (text: string) => void }

const STREAMS: Streams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
}

/** Runs one command line; returns the exit code. With --json there is one JSON value on standard output, errors too. */
export async function runCommand(argv: readonly string[], streams: Streams = STREAMS): Promise<number> {
  const json = argv.includes('--json')
  let printed = false
  const output: Output = {
    json,
    text: (line) => {
      if (!json) streams.out(`${line}\n`)
    },
    value: (value) => {
      if (json && !printed) streams.out(`${JSON.stringify(value)}\n`)
      printed = true
    },
  }
  try {
    await execute(
      argv.filter((argument) => argument !== '--json'),
      output,
    )
    return 0
  } catch (error) {
    const failure = failureOf(error)
    // A command that fails after it has printed its value, as a testnet may, has only standard error left.
    if (json && !printed) streams.out(`${JSON.stringify({ error: failure }, plain)}\n`)
    else streams.err(`${failure.code}: ${failure.message}\n  ${failure.hint}\n`)
    return 1
  }
}

async function execute([name, ...rest]: readonly string[], output: Output): Promise<void> {
  const help = (text: string): void => {
    output.value({ usage: text })
    output.text(text)
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    output.value({ usage: usage(), commands: Object.keys(COMMANDS) })
    return output.text(usage())
  }
  if (name === undefined) throw new ArmError('ARM_CLI_USAGE', 'no command was given', { hint: usage() })
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined)
    throw new ArmError('ARM_CLI_USAGE', `unknown command "${name}"`, {
      hint: `commands: ${Object.keys(COMMANDS).join(', ')}`,
    })
  if (rest.includes('--help') || rest.includes('-h')) return help(command.usage)
  await command.run({ ...parse(command, rest), output })
}

function parse(
  command: Command,
  args: readonly string[],
): { values: Record<string, string | boolean | undefined>; positionals: string[] } {
  const negative = args.find((argument) => /^-[0-9.]/.test(argument))
  if (negative !== undefined)
    throw new ArmError('ARM_CLI_USAGE', `${negative} is below 0`, { hint: 'no amount or number here is below 0' })
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
        `expected ${[...new Set(command.positionals)].join(' to ')} arguments, got ${positionals.length}`,
        { hint: `usage: armchain ${command.usage}` },
      )
    }
    return { values: values as Record<string, string | boolean | undefined>, positionals }
  } catch (error) {
    if (isArmError(error)) throw error
    const [message = ''] = (error as Error).message.split('\n')
    throw new ArmError('ARM_CLI_USAGE', message, { hint: `usage: armchain ${command.usage}` })
  }
}

type Failure = {
  readonly code: string
  readonly message: string
  readonly hint: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** What the user is told; a bug is named as one, and shows its stack only to who asks for it. */
function failureOf(error: unknown): Failure {
  if (isArmError(error)) {
    const { code, message, hint = 'see docs/errors.md', data } = error
    return { code, message: message.replace(`${code}: `, ''), hint, data }
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const hint = 'this is a bug: please report it, with what ARMCHAIN_DEBUG=1 shows'
  return { code: 'ARM_INTERNAL', message, hint: process.env.ARMCHAIN_DEBUG ? `${hint}\n${stack}` : hint }
}

/** Data of an error may hold what JSON has no form for. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Uint8Array ? toHex(value) : value
}

function usage(): string {
  const lines = Object.values(COMMANDS).map((command) => `  ${command.usage.split('\n')[0]}`)
  return `armchain: sharded testnets and their accounts\n\n${lines.join('\n')}\n\nEvery command takes --json and --help. A running testnet is found at http://127.0.0.1:9650, or by --rpc URL.`
}
