import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { type BlsKeys, blsKeysFromSecret } from '@armchain/consensus'
import {
  ArmError,
  decodeGenesis,
  encodeGenesis,
  fromHex,
  type Genesis,
  genesisHash,
  isArmError,
  type KeyPair,
  keyPairFromSecret,
  toHex,
} from '@armchain/core'
import { configError } from './node-config.ts'

/** What a node signs with. */
export type NodeKeys = {
  /** Names a validator, and signs its votes where certificates are lists of ed25519 signatures. */
  readonly validator: KeyPair | undefined
  /** Signs its votes where certificates are BLS. */
  readonly voting: BlsKeys | undefined
  /** Pays what `dev_faucet` gives. */
  readonly faucet: KeyPair | undefined
}

const KEY_FIELDS = ['validatorSecretKey', 'votingSecretKey', 'faucetSecretKey'] as const
const GENESIS_FORMAT = 1

/** @throws ArmError ARM_FILE, and ARM_CONFIG for what is no genesis or has another hash than the file says. */
export async function readGenesis(file: string): Promise<Genesis> {
  const { format, genesisHash: named, genesis } = await readJson(file)
  const hint = 'copy the file anew from whoever runs the network'
  if (format !== GENESIS_FORMAT || typeof genesis !== 'string' || typeof named !== 'string')
    throw configError(file, 'this is no genesis file', hint)
  try {
    const decoded = decodeGenesis(fromHex(genesis))
    const hash = toHex(genesisHash(decoded))
    if (hash === named) return decoded
    throw configError(file, `the genesis has the hash ${hash}, not ${named}`, hint)
  } catch (cause) {
    if (isArmError(cause) && cause.code === 'ARM_CONFIG') throw cause
    throw configError(file, `the genesis is malformed: ${(cause as Error).message}`, hint, cause)
  }
}

export async function writeGenesis(file: string, genesis: Genesis): Promise<void> {
  const { networkId } = genesis.scheme
  const hash = toHex(genesisHash(genesis))
  await writeWhole(file, {
    format: GENESIS_FORMAT,
    networkId,
    genesisHash: hash,
    genesis: toHex(encodeGenesis(genesis)),
  })
}

/** @throws ArmError ARM_FILE, and ARM_CONFIG for fields that are none, or hold no secret keys in hex. */
export async function readKeys(file: string): Promise<NodeKeys> {
  const fields = await readJson(file)
  const unknown = Object.keys(fields).find((name) => !KEY_FIELDS.some((known) => known === name))
  if (unknown !== undefined) throw configError(file, `there is no field ${unknown}`, `fields: ${KEY_FIELDS.join(', ')}`)
  const [validator, voting, faucet] = KEY_FIELDS.map((name) =>
    fields[name] === undefined ? undefined : secretOf(fields[name], name, file),
  )
  return {
    validator: validator && keyPairFromSecret(validator),
    voting: voting && blsKeysFromSecret(voting),
    faucet: faucet && keyPairFromSecret(faucet),
  }
}

export async function writeKeys(file: string, keys: NodeKeys): Promise<void> {
  const [validator, voting, faucet] = KEY_FIELDS
  await writeWhole(file, {
    ...(keys.validator && { [validator]: toHex(keys.validator.secretKey) }),
    ...(keys.voting && { [voting]: toHex(keys.voting.secretKey) }),
    ...(keys.faucet && { [faucet]: toHex(keys.faucet.secretKey) }),
  })
}

/** The 32 bytes of a network key as hex; made at random where there is no such file. */
export async function readNetworkKey(file: string): Promise<Uint8Array> {
  let content: string
  try {
    content = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(file, 'read', error)
    const key = randomBytes(32)
    await writeNetworkKey(file, key)
    return key
  }
  return secretOf(content.trim(), 'the network key', file)
}

export async function writeNetworkKey(file: string, key: Uint8Array): Promise<void> {
  await writeText(file, `${toHex(key)}\n`)
}

export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw fileError(file, 'read', error)
  }
}

/** An object, as JSON. */
export async function readJson(file: string): Promise<Record<string, unknown>> {
  const content = new TextDecoder().decode(await readBytes(file))
  try {
    const value: unknown = JSON.parse(content)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch (cause) {
    throw configError(file, `it is not JSON: ${(cause as Error).message}`, 'mend it where the message says', cause)
  }
  throw configError(file, 'it is not one JSON object', 'it begins with { and ends with }')
}

/** Whole or not at all, and for its owner's eyes only. */
export async function writeWhole(file: string, value: object): Promise<void> {
  await writeText(file, `${JSON.stringify(value, null, 2)}\n`)
}

async function writeText(file: string, content: string): Promise<void> {
  try {
    await writeFile(`${file}.tmp`, content, { mode: 0o600, flush: true })
    await rename(`${file}.tmp`, file)
  } catch (error) {
    throw fileError(file, 'written', error)
  }
}

function secretOf(value: unknown, name: string, file: string): Uint8Array {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return fromHex(value)
  throw configError(file, `${name} is not 64 lower-case hex digits`, 'copy the secret key again, whole')
}

function fileError(file: string, what: 'read' | 'written', cause: unknown): ArmError {
  return new ArmError(
    'ARM_FILE',
    `${file} cannot be ${what}: ${(cause as Error).message}`,
    { file, hint: 'check the path, which is relative to the configuration, and its permissions' },
    { cause },
  )
}
