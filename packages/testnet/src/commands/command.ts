import { readFile } from 'node:fs/promises'
import { createRpcClient, type RpcClient } from '@armchain/client'
import {
  ArmError,
  decryptKeystore,
  fromHex,
  type KeyPair,
  keyPairFromMnemonic,
  keyPairFromSecret,
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

export function integer(values: Values, name: string, fallback: number): number {
  const value = text(values, name)
  if (value === undefined) return fallback
  if (!/^[0-9]{1,15}$/.test(value))
    throw new ArmError('ARM_CLI_USAGE', `--${name} takes a whole number`, {
      value,
      hint: `for example --${name} ${fallback}`,
    })
  return Number(value)
}

/** The key that signs: from --key (hex), --mnemonic with --index, --keystore with --password, or the same in the environment. */
export async function readKey(values: Values): Promise<KeyPair> {
  const secret = text(values, 'key') ?? process.env.ARMCHAIN_KEY
  if (secret !== undefined) return keyPairFromSecret(fromHex(secret))
  const mnemonic = text(values, 'mnemonic') ?? process.env.ARMCHAIN_MNEMONIC
  if (mnemonic !== undefined) return keyPairFromMnemonic(mnemonic, integer(values, 'index', 0))
  const keystore = text(values, 'keystore')
  if (keystore === undefined) {
    throw new ArmError('ARM_CLI_USAGE', 'no key to sign with', {
      hint: 'pass --key HEX, --mnemonic "WORDS" [--index N], or --keystore FILE --password TEXT',
    })
  }
  return await decryptKeystore(
    await readJson(keystore),
    text(values, 'password') ?? process.env.ARMCHAIN_PASSWORD ?? '',
  )
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
