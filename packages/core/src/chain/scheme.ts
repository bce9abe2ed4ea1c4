import { type Codec, compile } from '../codec/codec.ts'
import {
  blob,
  bool,
  bytes,
  bytes32,
  fieldOffset,
  formatSchema,
  list,
  option,
  parseSchema,
  type Schema,
  type StructSchema,
  struct,
  text,
  u8,
  u16,
  u32,
  u53,
  u64,
} from '../codec/schema.ts'
import { ArmError, isArmError } from '../errors.ts'
import {
  BLOCK_BODY_BYTES_MAX,
  CALL_ARGS_BYTES_MAX,
  EVENT_BYTES_MAX,
  NAME_BYTES_MAX,
  SHARDS_MAX,
  TX_BYTES_MAX,
  TX_EVENTS_MAX,
  TX_MESSAGES_MAX,
} from '../limits.ts'
import { GAS } from '../runtime/gas.ts'
import { SHARD_KEY_SCHEMA } from './shard-key.ts'
import { type CommitteeParts, checkValidators, VALIDATORS_SCHEMA } from './validator.ts'

/**
 * A chain's rules as data (requirement A2): what its transactions, headers and receipts look like, how blocks grow,
 * what gas costs, which modules run, which engine orders each vShard. The genesis hash commits to it, and a node
 * that has the scheme has all it needs to join.
 */
export type Scheme = {
  /** Version of the schemas: part of every signing domain. */
  readonly version: number
  /** Replay protection between chains, together with the genesis hash. */
  readonly chainId: number
  readonly networkId: string
  /** Human-readable prefix of addresses, 1 to 16 lower-case letters. */
  readonly addressPrefix: string
  /** Schema texts, see `formatSchema`. Each must extend the base schema of its kind at the end. */
  readonly transaction: string
  readonly details: string
  readonly receipt: string
  readonly blocks: BlockPolicy
  readonly fees: FeePolicy
  /** Names of the runtime modules, in the order in which their hooks run. */
  readonly modules: readonly string[]
  /** `none` or `zstd`: how bodies are stored and sent. Hashes are over uncompressed bytes. */
  readonly compression: string
  readonly shards: readonly ShardScheme[]
  /** Versions of the rules by main-shard height, ascending, the first from 0: old blocks replay under old rules. */
  readonly versions: readonly RuleVersion[]
}

/** The elastic block size: grows by an eighth after a block over three quarters full, shrinks below one quarter. */
export type BlockPolicy = {
  readonly minBytes: number
  readonly initialBytes: number
  readonly maxBytes: number
  readonly maxGas: number
  /** Gas that imported messages may take of a block, so that neither side starves the other. */
  readonly importGas: number
}

export type FeePolicy = {
  readonly initialBaseFee: bigint
  /** Floor of the base fee, in motes per unit of gas. */
  readonly minBaseFee: bigint
  /** The base fee moves by at most 1/this a block (a mote at least), and not at all at `targetGas`. */
  readonly changeDenominator: number
  readonly targetGas: number
  /** Part of the base fee that is burnt, in percent; the rest and the tip go to the shard's fee account. */
  readonly burnPercent: number
}

/** One vShard: which engine orders it, who certifies its heads, and how they sign. */
export type ShardScheme = CommitteeParts & { readonly vShard: number; readonly engine: string }

export type RuleVersion = { readonly fromHeight: number; readonly version: number }

const NAME = text(NAME_BYTES_MAX)

export const CALL_SCHEMA: StructSchema = struct(['module', NAME], ['method', NAME], ['args', blob(CALL_ARGS_BYTES_MAX)])

/** What every transaction has. A scheme may add fields between `call` and `signature`. */
export const BASE_TRANSACTION_SCHEMA: StructSchema = struct(
  ['version', u8],
  ['chainId', u32],
  ['vShard', u32],
  ['keyType', u8],
  ['senderKey', bytes32],
  ['nonce', u53],
  ['gasLimit', u32],
  ['maxFee', u64],
  ['tip', u64],
  ['expiryHeight', u53],
  ['call', CALL_SCHEMA],
  ['signature', bytes(64)],
)

export const SUPPLY_SCHEMA: StructSchema = struct(['balances', u64], ['burnt', u64], ['sent', u64], ['received', u64])

/** What lies behind the head's `bodyHash`. */
export const BASE_DETAILS_SCHEMA: StructSchema = struct(
  ['previous', list(bytes32, 2)],
  ['mainHeight', u53],
  ['mainHash', bytes32],
  ['txRoot', bytes32],
  ['receiptsRoot', bytes32],
  ['importsRoot', bytes32],
  ['dataRoot', bytes32],
  ['execHeight', u53],
  ['congestion', u32],
  ['txCount', u32],
  ['gasUsed', u32],
  ['sizeBytes', u32],
  ['sizeLimitBytes', u32],
  ['baseFee', u64],
  ['supply', SUPPLY_SCHEMA],
  ['proposer', bytes32],
)

export const EVENT_SCHEMA: StructSchema = struct(['module', NAME], ['name', NAME], ['data', blob(EVENT_BYTES_MAX)])

export const BASE_RECEIPT_SCHEMA: StructSchema = struct(
  ['kind', u8],
  ['id', bytes32],
  ['traceId', bytes32],
  ['ok', bool],
  ['code', NAME],
  ['gasUsed', u32],
  ['fee', u64],
  ['events', list(EVENT_SCHEMA, TX_EVENTS_MAX)],
  ['messages', list(struct(['destination', SHARD_KEY_SCHEMA], ['seq', u53], ['value', u64]), TX_MESSAGES_MAX)],
)

const SCHEME_SCHEMA: StructSchema = struct(
  ['version', u8],
  ['chainId', u32],
  ['networkId', text(64)],
  ['addressPrefix', text(16)],
  ['transaction', text(4096)],
  ['details', text(4096)],
  ['receipt', text(4096)],
  ['blocks', struct(['minBytes', u32], ['initialBytes', u32], ['maxBytes', u32], ['maxGas', u32], ['importGas', u32])],
  [
    'fees',
    struct(
      ['initialBaseFee', u64],
      ['minBaseFee', u64],
      ['changeDenominator', u16],
      ['targetGas', u32],
      ['burnPercent', u8],
    ),
  ],
  ['modules', list(NAME, 255)],
  ['compression', NAME],
  [
    'shards',
    list(
      struct(['vShard', u32], ['engine', NAME], ['certificates', NAME], ['validators', VALIDATORS_SCHEMA]),
      SHARDS_MAX,
    ),
  ],
  ['versions', list(struct(['fromHeight', u53], ['version', u8]), 255)],
)

export const schemeCodec: Codec<Scheme> = compile(SCHEME_SCHEMA)

/** A scheme whose schemas are parsed and checked: what codecs are compiled from. */
export type SchemeTypes = {
  readonly transaction: StructSchema
  readonly details: StructSchema
  readonly receipt: StructSchema
  /** Where the 32-byte sender key stands in a transaction's bytes. */
  readonly senderKeyOffset: number
}

/** Checks a scheme as a whole. Throws `ARM_SCHEME`, or `ARM_SCHEMA` where a schema's text is malformed. */
export function checkScheme(scheme: Scheme): SchemeTypes {
  checkForm(scheme)
  const transaction = extending(scheme.transaction, BASE_TRANSACTION_SCHEMA, 'transaction', 1)
  const details = extending(scheme.details, BASE_DETAILS_SCHEMA, 'details', 0)
  const receipt = extending(scheme.receipt, BASE_RECEIPT_SCHEMA, 'receipt', 0)
  checkBlocks(scheme)
  checkFees(scheme)
  checkShards(scheme)
  checkModules(scheme)
  checkVersions(scheme)
  if (!/^[a-z]{1,16}$/.test(scheme.addressPrefix))
    throw bad('address prefix is not 1 to 16 lower-case letters', scheme.addressPrefix)
  if (scheme.compression !== 'none' && scheme.compression !== 'zstd')
    throw bad('unknown compression', scheme.compression)
  return { transaction, details, receipt, senderKeyOffset: fieldOffset(transaction, 'senderKey') + 2 }
}

/** A scheme with the base types and the given parts; `extra` fields go before the signature of each transaction. */
export function defaultSchemas(extraTransactionFields: readonly (readonly [string, Schema])[] = []): {
  transaction: string
  details: string
  receipt: string
} {
  const fields = BASE_TRANSACTION_SCHEMA.fields
  const transaction = struct(
    ...fields.slice(0, -1),
    ...extraTransactionFields,
    fields[fields.length - 1] as (typeof fields)[number],
  )
  return {
    transaction: formatSchema(transaction),
    details: formatSchema(BASE_DETAILS_SCHEMA),
    receipt: formatSchema(BASE_RECEIPT_SCHEMA),
  }
}

/** The rules' version in a block that has seen the main shard up to a height. */
export function rulesVersion(scheme: Scheme, mainHeight: number): number {
  let version = 0
  for (const entry of scheme.versions) if (entry.fromHeight <= mainHeight) version = entry.version
  return version
}

/** Extra optional field types that a scheme may want; exported so that schemes need no other import. */
export const fieldTypes: { readonly memo: Schema; readonly optionalHash: Schema } = {
  memo: text(256),
  optionalHash: option(bytes32),
}

function extending(source: string, base: StructSchema, what: string, last: number): StructSchema {
  const schema = parseSchema(source)
  if (schema.type !== 'struct') throw bad(`the ${what} schema is not a struct`, source)
  const head = base.fields.slice(0, base.fields.length - last)
  const tail = base.fields.slice(base.fields.length - last)
  const begins = head.every((field, i) => sameField(field, schema.fields[i]))
  const ends = tail.every((field, i) => sameField(field, schema.fields[schema.fields.length - last + i]))
  if (!begins || !ends || schema.fields.length < base.fields.length)
    throw bad(`the ${what} schema does not extend the base schema`, source)
  return schema
}

/** Whether the scheme can be written at all: types, ranges and lengths. */
function checkForm(scheme: Scheme): void {
  try {
    schemeCodec.encode(scheme)
  } catch (cause) {
    if (!isArmError(cause)) throw cause
    throw new ArmError('ARM_SCHEME', 'scheme is invalid: a field has a wrong type or range', {}, { cause })
  }
}

function sameField(a: readonly [string, Schema], b: readonly [string, Schema] | undefined): boolean {
  return b !== undefined && a[0] === b[0] && formatSchema(a[1]) === formatSchema(b[1])
}

/** Imports take at most half, and the largest transaction fits into the other half, so that neither blocks its queue. */
const BLOCK_BYTES_FLOOR = 2 * TX_BYTES_MAX + 8192

function checkBlocks({ blocks }: Scheme): void {
  const { minBytes, initialBytes, maxBytes, maxGas, importGas } = blocks
  const ordered =
    minBytes >= BLOCK_BYTES_FLOOR &&
    minBytes <= initialBytes &&
    initialBytes <= maxBytes &&
    maxBytes <= BLOCK_BODY_BYTES_MAX
  if (!ordered) throw bad(`block sizes are not ${BLOCK_BYTES_FLOOR} <= min <= initial <= max <= limit`, blocks)
  if (importGas < GAS.deliver || importGas > maxGas)
    throw bad(`import gas is not between ${GAS.deliver}, which delivers one message, and the block gas`, blocks)
}

function checkFees({ fees, blocks }: Scheme): void {
  if (fees.burnPercent > 100) throw bad('over 100 percent of the base fee are burnt', fees.burnPercent)
  if (fees.changeDenominator < 1) throw bad('the base fee has no bound on its change', fees.changeDenominator)
  if (fees.targetGas < 1 || fees.targetGas > blocks.maxGas)
    throw bad('target gas is not within the block gas', fees.targetGas)
  if (fees.minBaseFee < 1n || fees.initialBaseFee < fees.minBaseFee) throw bad('base fee is below its floor', 'fees')
}

/** Owners of keys in the shard's own tree that are no modules. */
const RESERVED_NAMES = ['kernel', 'outbox', 'inbox', 'anchor', 'owed']

/** A name is the first part of state keys, up to a slash: no module may reach what is another's. */
function checkModules({ modules }: Scheme): void {
  if (new Set(modules).size !== modules.length) throw bad('a module is named twice', modules)
  const misnamed = modules.find((name) => !/^[a-z][a-z0-9-]*$/.test(name) || RESERVED_NAMES.includes(name))
  if (misnamed !== undefined) throw bad('a module has a reserved or malformed name', misnamed)
}

function checkVersions({ versions }: Scheme): void {
  if (versions[0]?.fromHeight !== 0) throw bad('the first rule version is not from height 0', 'versions')
  for (let i = 1; i < versions.length; i++) {
    if ((versions[i] as RuleVersion).fromHeight <= (versions[i - 1] as RuleVersion).fromHeight)
      throw bad('rule versions are not in ascending order of height', i)
  }
}

function checkShards({ shards }: Scheme): void {
  if (shards[0]?.vShard !== 0) throw bad('the first shard is not the main shard, vShard 0', shards.length)
  for (let i = 1; i < shards.length; i++) {
    if ((shards[i] as ShardScheme).vShard <= (shards[i - 1] as ShardScheme).vShard)
      throw bad('vShards are not in ascending order', i)
  }
  for (const shard of shards) checkValidators(shard.vShard, shard)
}

function bad(why: string, value: unknown): ArmError {
  return new ArmError('ARM_SCHEME', `scheme is invalid: ${why}`, { value })
}

/** A scheme with the usual policies: what a test network runs unless told otherwise. */
export function defaultScheme(parts: Pick<Scheme, 'chainId' | 'networkId' | 'shards'> & Partial<Scheme>): Scheme {
  return {
    version: 1,
    addressPrefix: 'armt',
    ...defaultSchemas(),
    blocks: {
      minBytes: 512 * 1024,
      initialBytes: 1024 * 1024,
      maxBytes: 4 * 1024 * 1024,
      maxGas: 40_000_000,
      importGas: 10_000_000,
    },
    fees: { initialBaseFee: 100n, minBaseFee: 10n, changeDenominator: 8, targetGas: 20_000_000, burnPercent: 50 },
    modules: ['bank', 'vesting', 'fees'],
    compression: 'zstd',
    versions: [{ fromHeight: 0, version: 1 }],
    ...parts,
  }
}
