import {
  ArmError,
  type Codec,
  checkScheme,
  compile,
  equalBytes,
  formatSchema,
  type Json,
  jsonToValue,
  parseSchema,
  type Scheme,
  schemeCodec,
  sha256,
  signingDomain,
  type Transaction,
  toHex,
  transferArgsCodec,
} from '@armchain/core'
import { EVIDENCE_MODULE, reportArgsCodec } from '@armchain/shard'
import { DISTRUST, fieldsOf, hexOf } from './answer.ts'
import type { RpcClient } from './rpc-client.ts'
import type { Network } from './rpc-schema.ts'
import { rootOf, type TrustedRoot } from './trusted-root.ts'

/** What signing needs to know of a chain; fetched once. */
export type ChainContext = {
  readonly network: Network
  readonly scheme: Scheme
  readonly transactions: Codec<Transaction>
  /** What the message of a transaction signature begins with; computed from the genesis hash. */
  readonly domain: Uint8Array
  /** Argument schemas of the chain's calls, by `module.call`. */
  readonly calls: ReadonlyMap<string, string>
}

export type CallRequest = {
  readonly module: string
  readonly method: string
  /** As JSON by the call's schema, or encoded already. */
  readonly args: Json | Uint8Array
}

/** Schemas that this library brings along; a node may not have others for the same calls. */
const OWN_CALLS: ReadonlyMap<string, string> = new Map([
  ['bank.transfer', formatSchema(transferArgsCodec.schema)],
  [`${EVIDENCE_MODULE}.report`, formatSchema(reportArgsCodec.schema)],
])

/**
 * Reads what signing needs from a node, and checks it against the root; without one, the node's genesis hash and scheme
 * are taken as they are (trust on first use) and only what contradicts them is refused.
 *
 * Checked: genesis hash and scheme against the root; signing domain, chain id, address prefix and schema version, which
 * follow from them; that transactions are the base transaction with fields before the signature at most; that
 * `bank.transfer` and `evidence.report` have the arguments that this library knows, and that other calls are of modules that the scheme names.
 * Not checked, because the scheme does not hold it: the argument schemas of those other calls.
 *
 * Throws `ARM_ROOT_MISMATCH`, or an error about what is no answer at all.
 */
export async function fetchChainContext(rpc: RpcClient, root?: TrustedRoot): Promise<ChainContext> {
  const [network, answer] = await Promise.all([rpc.call('arm_network'), rpc.call('arm_scheme')])
  const { encoded, calls } = fieldsOf(answer)
  const scheme = schemeCodec.decode(hexOf(encoded))
  const { transaction } = checkScheme(scheme)
  const { genesisHash, schemeHash } = root ?? rootOf(scheme, hexOf(fieldsOf(network).genesisHash))
  if (!equalBytes(sha256(hexOf(encoded)), schemeHash)) throw mismatch('scheme', toHex(schemeHash), encoded)
  const domain = signingDomain(genesisHash, 'transaction', scheme.version)
  checkNetwork(fieldsOf(network), scheme, { genesisHash, domain })
  return { network, scheme, transactions: compile(transaction), domain, calls: readCalls(calls, scheme) }
}

/** Arguments of a call by the schema that the chain publishes for it. Throws `ARM_TX_CALL_UNKNOWN` or `ARM_ARGUMENT`. */
export function encodeArgs({ calls }: ChainContext, { module, method, args }: CallRequest): Uint8Array {
  const schema = calls.get(`${module}.${method}`)
  if (schema === undefined) {
    throw new ArmError('ARM_TX_CALL_UNKNOWN', `the chain has no call ${module}.${method}`, {
      module,
      method,
      hint: 'arm_network lists the modules and their calls',
    })
  }
  if (args instanceof Uint8Array) return args
  const parsed = parseSchema(schema)
  return compile(parsed).encode(jsonToValue(parsed, args))
}

/** What the node says of its network has to follow from the genesis hash and the scheme. */
function checkNetwork(
  network: Readonly<Record<string, unknown>>,
  scheme: Scheme,
  { genesisHash, domain }: { readonly genesisHash: Uint8Array; readonly domain: Uint8Array },
): void {
  const expected = {
    genesisHash: toHex(genesisHash),
    signingDomain: toHex(domain),
    networkId: scheme.networkId,
    chainId: scheme.chainId,
    addressPrefix: scheme.addressPrefix,
    schemaVersion: scheme.version,
  }
  for (const [what, value] of Object.entries(expected)) {
    if (network[what] !== value) throw mismatch(what, value, network[what])
  }
}

/** The argument schemas that the node publishes, with those that this library brings along in their place. */
function readCalls(published: unknown, { modules }: Scheme): Map<string, string> {
  const calls = new Map([...OWN_CALLS].filter(([name]) => modules.includes(name.split('.')[0] as string)))
  for (const [module, own] of Object.entries(fieldsOf(published))) {
    if (!modules.includes(module)) throw mismatch('modules', modules, module)
    for (const [method, schema] of Object.entries(fieldsOf(own))) {
      if (typeof schema !== 'string') throw mismatch(`schema of ${module}.${method}`, 'a text', typeof schema)
      const known = OWN_CALLS.get(`${module}.${method}`)
      if (known !== undefined && schema !== known) throw mismatch(`schema of ${module}.${method}`, known, schema)
      calls.set(`${module}.${method}`, schema)
    }
  }
  return calls
}

function mismatch(what: string, expected: unknown, found: unknown): ArmError {
  return new ArmError(
    'ARM_ROOT_MISMATCH',
    `the node is of another chain, or lies: its ${what} is not the one expected`,
    {
      what,
      expected,
      found,
      ...DISTRUST,
    },
  )
}
