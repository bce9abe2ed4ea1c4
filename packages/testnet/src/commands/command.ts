import { readFile, writeFile } from 'node:fs/promises'
import { createRpcClient, type RpcClient } from '@armchain/client'
import {
  ArmError,
  decryptKeystore,
  fromHex,
  type KeyPair,
  keyPairFromMnemonic,
  keyPairFromSecret,
  parseAc,
} from '@armchain/core'

export type Values = Readonly<Record<string, string | boolean | undefined>>

export type Output = {
  readonly json: boolean
  /** A line for people; silent with --json. */
  text(line: string): void
  /** The command's one JSON value; silent without --json. */
  value(value: unknown): void
}

export type Command = {
  /** The first line is the summary. */
  readonly usage: string
  readonly options: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>
  /** Fewest and most positional arguments. */
  readonly positionals: readonly [number, number]
  run(input: {
    readonly values: Values
    readonly positionals: readonly string[]
    readonly output: Output
  }): Promise<void>
}

export const DEFAULT_PORT = 9650
export const RPC_OPTION = { rpc: { type: 'string' } } as const
export const KEY_OPTIONS = {
  key: { type: 'string' },
  mnemonic: { type: 'string' },
  index: { type: 'string' },
  keystore: { type: 'string' },
  password: { type: 'string' },
} as const

export function connect(values: Values): RpcClient {
  return createRpcClient({
    url: text(values, 'rpc') ?? process.env.ARMCHAIN_RPC ?? `http://127.0.0.1:${DEFAULT_PORT}`,
  })
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name]
  return typeof value === 'string' ? value : undefined
}

/** The whole number of an option, from 0 to what 32 bits hold unless told otherwise. */
export function integer(values: Values, name: string, fallback: number, range: Range = U32): number {
  const value = text(values, name)
  return value === undefined ? fallback : wholeNumber(value, `--${name}`, range)
}

export type Range = { readonly min: number; readonly max: number }

const U32: Range = { min: 0, max: 0xffff_ffff }

/** Throws `ARM_CLI_USAGE`, and calls the number `name`. */
export function wholeNumber(value: string, name: string, { min, max }: Range = U32): number {
  const number = /^[0-9]{1,16}$/.test(value) ? Number(value) : -1
  if (number >= min && number <= max) return number
  throw new ArmError('ARM_CLI_USAGE', `${name} is not a whole number from ${min} to ${max}`, {
    value,
    hint: `for example ${name.startsWith('--') ? `${name} ${min}` : min}`,
  })
}

/** Throws `ARM_FILE` where the file cannot be written; `wx` keeps one that is there. */
export async function writeText(file: string, content: string, flag: 'w' | 'wx'): Promise<void> {
  try {
    await writeFile(file, content, { mode: 0o600, flag })
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    const why = exists ? 'is there already' : `cannot be written: ${(cause as Error).message}`
    const hint = exists ? 'choose another name, or remove it first' : 'choose a file in a folder that you may write to'
    throw new ArmError('ARM_FILE', `${file} ${why}`, { file, hint }, { cause })
  }
}

/** The key that signs: from --key (hex), --mnemonic with --index, --keystore with --password, or the same in the environment. */
export async function readKey(values: Values): Promise<KeyPair> {
  const secret = text(values, 'key') ?? process.env.ARMCHAIN_KEY
  if (secret !== undefined) {
    if (/^(0x)?[0-9a-fA-F]{64}$/.test(secret)) return keyPairFromSecret(fromHex(secret))
    throw new ArmError('ARM_KEY', 'the secret key is not 64 hex digits', {
      hint: 'copy it whole, as the testnet prints it; words go into --mnemonic',
    })
  }
  const mnemonic = text(values, 'mnemonic') ?? process.env.ARMCHAIN_MNEMONIC
  if (mnemonic !== undefined) return keyPairFromMnemonic(mnemonic, integer(values, 'index', 0))
  const keystore = text(values, 'keystore')
  if (keystore === undefined) {
    throw new ArmError('ARM_CLI_USAGE', 'no key was given', {
      hint: 'pass --key HEX, --mnemonic "WORDS" [--index N], or --keystore FILE --password TEXT',
    })
  }
  return await decryptKeystore(await readJson(keystore), readPassword(values))
}

/** What --max-fee allows a wallet to spend on gas; its own limit without. */
export function readFeeLimit(values: Values): { readonly maxTotalFeeMotes?: bigint } {
  const maxFee = text(values, 'max-fee')
  return maxFee === undefined ? {} : { maxTotalFeeMotes: parseAc(maxFee) }
}

export function readPassword(values: Values): string {
  const password = text(values, 'password') ?? process.env.ARMCHAIN_PASSWORD
  if (password) return password
  throw new ArmError('ARM_CLI_USAGE', 'a keystore needs a password', {
    hint: 'pass --password TEXT, or set ARMCHAIN_PASSWORD',
  })
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new ArmError(
      'ARM_KEYSTORE',
      `${file} cannot be read as a keystore`,
      { hint: 'give the path of a file that `armchain account create --out FILE` wrote' },
      { cause },
    )
  }
}
