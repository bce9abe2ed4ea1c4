import type { Timing } from '@armchain/consensus'
import { ArmError } from '@armchain/core'
import { keyOfPeer, type PeerId } from '@armchain/network'
import type { LogLevel } from '@armchain/node'
import { Type } from 'typebox'
import { Compile } from 'typebox/schema'

/** What a node may be; those that are not there yet are named so that a configuration for them is told when it is early. */
const ROLES = ['validator', 'full', 'super', 'light', 'shard', 'storage'] as const
export type NodeRole = (typeof ROLES)[number]
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export type NodeConfig = {
  readonly genesis: string
  readonly role: NodeRole
  readonly dataDir: string
  readonly keys?: string
  readonly network?: {
    readonly key?: string
    readonly listen?: readonly string[]
    readonly peers?: readonly string[]
    readonly validators?: readonly (PeerId | null)[]
    readonly preSharedKey?: string
  }
  readonly rpc?: { readonly host?: string; readonly port?: number }
  readonly blockTimeMs?: number
  readonly timing?: Timing
  readonly durability?: 'machine' | 'process'
  readonly verifyWorkers?: number
  readonly testnet?: boolean
  readonly log?: LogLevel
}

const File = (description: string) =>
  Type.String({ description: `${description}; relative to this file's folder`, minLength: 1 })
const Milliseconds = (description: string, maximum: number) =>
  Type.Integer({ description: `${description}, in milliseconds`, minimum: 1, maximum })
const PEER_ID = '12D3Koo[1-9A-HJ-NP-Za-km-z]{45}'
const HOST = '^/(ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\\d{1,5}'
const strict = { additionalProperties: false }
const CONNECTIONS_MAX = 1_024

const NetworkSchema = Type.Object(
  {
    key: Type.Optional(
      File("File with the node's network key, which is made if it is not there (default network.key)"),
    ),
    listen: Type.Optional(
      Type.Array(Type.String({ pattern: `${HOST}$` }), {
        description: 'Addresses to listen on, such as /ip4/0.0.0.0/tcp/9700 (default: any free port on loopback)',
        maxItems: 16,
      }),
    ),
    peers: Type.Optional(
      Type.Array(Type.String({ pattern: `${HOST}/p2p/${PEER_ID}$` }), {
        description: 'Addresses of nodes to stay connected to, which end with /p2p/ and the peer id',
        maxItems: CONNECTIONS_MAX,
      }),
    ),
    validators: Type.Optional(
      Type.Array(Type.Union([Type.String({ pattern: `^${PEER_ID}$` }), Type.Null()]), {
        description:
          "Peer id of each validator, in the order of the genesis; null for one that is not known. A validator's votes count only if they come from it",
        maxItems: CONNECTIONS_MAX,
      }),
    ),
    preSharedKey: Type.Optional(File('File with the key of a private network, in the format of libp2p')),
  },
  strict,
)

const NodeConfigSchema = Type.Object(
  {
    genesis: File('File with the genesis of the chain'),
    role: Type.Union(
      ROLES.map((role) => Type.Literal(role)),
      {
        description:
          'validator: decides; full: follows the whole chain; super: full, and relays for those who cannot be reached',
      },
    ),
    dataDir: File('Folder that holds the chain'),
    keys: Type.Optional(File('File with the keys that the node signs with, as a validator needs')),
    network: Type.Optional(NetworkSchema),
    rpc: Type.Optional(
      Type.Object(
        {
          host: Type.Optional(Type.String({ description: 'Address to bind (default 127.0.0.1)', minLength: 1 })),
          port: Type.Optional(
            Type.Integer({ description: 'Port (default 9650; 0 for any free one)', minimum: 0, maximum: 65_535 }),
          ),
        },
        strict,
      ),
    ),
    blockTimeMs: Type.Optional(
      Type.Integer({
        description: 'Milliseconds between blocks that this node leads; 0, which is the default, makes them on demand',
        minimum: 0,
        maximum: 3_600_000,
      }),
    ),
    timing: Type.Optional(
      Type.Object(
        {
          deltaMs: Milliseconds('What a message between validators takes at most, as a first guess', 60_000),
          deltaMaxMs: Milliseconds('What that guess grows to at most', 600_000),
          skipAfterMs: Milliseconds('A validator that was not heard of for so long is not waited for', 3_600_000),
        },
        strict,
      ),
    ),
    durability: Type.Optional(
      Type.Union([Type.Literal('machine'), Type.Literal('process')], {
        description: 'What final blocks survive: the end of the machine (default), or that of the process only',
      }),
    ),
    verifyWorkers: Type.Optional(
      Type.Integer({
        description: 'Threads that check signatures (default: one for each processor)',
        minimum: 1,
        maximum: 64,
      }),
    ),
    testnet: Type.Optional(
      Type.Boolean({
        description: 'The chain is a development network: dev_ methods answer, and the faucet if its key is in keys',
      }),
    ),
    log: Type.Optional(
      Type.Union(
        LOG_LEVELS.map((level) => Type.Literal(level)),
        { description: 'Lines to standard error from this level on (default info)' },
      ),
    ),
  },
  { ...strict, title: 'Configuration of an ArmChain node' },
)

/** As JSON Schema, for editors and people. */
export const nodeConfigSchema: object = NodeConfigSchema

/**
 * What a configuration file says.
 *
 * @throws ArmError ARM_CONFIG with the first field that is wrong, and what it may be.
 */
export function readNodeConfig(value: unknown, file: string): NodeConfig {
  const validator = Compile(NodeConfigSchema)
  if (!validator.Check(value)) throw problemOf(validator.Errors(value)[1], value, file)
  const config: NodeConfig = value
  const named = [...(config.network?.validators ?? []), ...(config.network?.peers ?? []).map(peerOf)]
  const wrong = named.find((peer) => peer !== null && keyOfPeer(peer) === undefined)
  if (wrong !== undefined)
    throw configError(file, `network: ${wrong} is no peer id`, 'copy it whole: armchain node --config FILE --peer-id')
  return config
}

export function configError(file: string, why: string, hint: string, cause?: unknown): ArmError {
  return new ArmError('ARM_CONFIG', `${file}: ${why}`, { file, hint }, { cause })
}

/** The peer that an address ends with. */
export function peerOf(address: string): string {
  return address.slice(address.lastIndexOf('/') + 1)
}

type SchemaError = {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
  readonly params: object
}
type Part = { readonly properties?: Record<string, Part>; readonly items?: Part; readonly anyOf?: readonly Part[] } & {
  readonly const?: unknown
  readonly description?: string
}

function problemOf(errors: readonly SchemaError[], value: unknown, file: string): ArmError {
  // The field itself, not the parts of a union that it might have been.
  const error = errors.find(({ keyword }) => keyword !== 'const' && keyword !== 'boolean') ?? errors[0]
  if (error === undefined) return configError(file, 'it does not fit', 'see armchain node --schema')
  const { keyword, instancePath, message, params } = error
  const keys = instancePath.split('/').slice(1)
  const part = partAt(keys)
  const at = keys.join('.')
  const within = at === '' ? '' : `${at}.`
  const fields = Object.keys(part?.properties ?? {}).join(', ')
  if ('additionalProperties' in params && keyword === 'additionalProperties')
    return configError(file, `there is no field ${within}${String(params.additionalProperties)}`, `fields: ${fields}`)
  if ('requiredProperties' in params) {
    const missing = String(params.requiredProperties)
    const description = part?.properties?.[missing.split(',')[0] ?? '']?.description
    return configError(file, `${within}${missing} is missing`, description ?? `fields: ${fields}`)
  }
  const given = keys.reduce<unknown>((inside, key) => (inside as Record<string, unknown> | undefined)?.[key], value)
  const choices = part?.anyOf?.flatMap(({ const: choice }) => (choice === undefined ? [] : [String(choice)])) ?? []
  const why = choices.length > 0 ? `is not one of ${choices.join(', ')}` : message
  const parent = partAt(keys.slice(0, -1))
  const hint = part?.description ?? parent?.description ?? 'see armchain node --schema'
  return configError(
    file,
    `${at === '' ? 'the configuration' : at} ${why}: ${JSON.stringify(given)?.slice(0, 100)}`,
    hint,
  )
}

function partAt(keys: readonly string[]): Part | undefined {
  return keys.reduce<Part | undefined>(
    (part, key) => part?.properties?.[key] ?? part?.items,
    NodeConfigSchema as unknown as Part,
  )
}
