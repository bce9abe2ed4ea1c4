import { concatBytes, utf8 } from '../bytes.ts'
import type { Details } from '../chain/block.ts'
import type { Receipt } from '../chain/receipt.ts'
import {
  BASE_DETAILS_SCHEMA,
  BASE_RECEIPT_SCHEMA,
  checkScheme,
  type Scheme,
  type SchemeTypes,
} from '../chain/scheme.ts'
import { signingDomain, type Transaction } from '../chain/transaction.ts'
import type { Codec } from '../codec/codec.ts'
import { compile } from '../codec/codec.ts'
import type { StructSchema } from '../codec/schema.ts'
import { sha256 } from '../crypto/hash.ts'
import { ArmError } from '../errors.ts'
import { NAME_BYTES_MAX } from '../limits.ts'
import type { CallDefinition, QueryDefinition, RuntimeModule } from './module.ts'

/** The module that gives a field, which a scheme has added, its value. */
export type FieldSupplier<Field> = { readonly name: string; readonly module: string; readonly field: Field }
type DetailsField = NonNullable<RuntimeModule['detailsFields']>[string]
type ReceiptField = NonNullable<RuntimeModule['receiptFields']>[string]

/** A scheme made runnable: its codecs compiled, its modules found by name. */
export type Runtime = {
  readonly scheme: Scheme
  readonly types: SchemeTypes
  readonly genesisHash: Uint8Array
  readonly txDomain: Uint8Array
  readonly headDomain: Uint8Array
  readonly transactions: Codec<Transaction>
  readonly details: Codec<Details>
  readonly receipts: Codec<Receipt>
  readonly vShards: ReadonlySet<number>
  /** In the scheme's order. */
  readonly modules: readonly RuntimeModule[]
  call(module: string, method: string): CallDefinition | undefined
  messageHandler(module: string, method: string): CallDefinition | undefined
  query(module: string, name: string): QueryDefinition | undefined
  /** Account that holds a module's own funds. */
  moduleAccount(module: string): Uint8Array
  event(module: string, name: string): Codec<Readonly<Record<string, unknown>>> | undefined
  readonly detailsFields: readonly FieldSupplier<DetailsField>[]
  readonly receiptFields: readonly FieldSupplier<ReceiptField>[]
}

/** Throws `ARM_SCHEME` if the scheme is invalid, or names a module or a field that no module given here supplies. */
export function createRuntime(scheme: Scheme, available: readonly RuntimeModule[], genesisHash: Uint8Array): Runtime {
  const types = checkScheme(scheme)
  const byName = new Map(available.map((module) => [module.name, module]))
  const modules = scheme.modules.map((name) => {
    const module = byName.get(name)
    if (module) return module
    throw new ArmError('ARM_SCHEME', 'the scheme names a module that this node does not have', {
      module: name,
      hint: 'pass the module to the node',
    })
  })
  // By module, then by name: joined, they would be text made for each event.
  const events = new Map<string, Map<string, Codec<Readonly<Record<string, unknown>>>>>()
  for (const module of modules) {
    const own = new Map<string, Codec<Readonly<Record<string, unknown>>>>()
    events.set(module.name, own)
    for (const [name, schema] of Object.entries(module.events ?? {})) {
      // No receipt could hold it.
      if (utf8(name).length > NAME_BYTES_MAX)
        throw new ArmError('ARM_ARGUMENT', 'the name of an event is too long', { module: module.name, name })
      own.set(name, compile(schema))
    }
  }
  // Each block asks for that of the fees.
  const accounts = new Map([...modules.map(({ name }) => name), 'fees'].map((name) => [name, moduleAccount(name)]))
  return {
    scheme,
    types,
    genesisHash,
    txDomain: signingDomain(genesisHash, 'transaction', scheme.version),
    headDomain: signingDomain(genesisHash, 'head', scheme.version),
    transactions: compile(types.transaction),
    details: compile(types.details),
    receipts: compile(types.receipt),
    vShards: new Set(scheme.shards.map(({ vShard }) => vShard)),
    modules,
    call: finder(modules, (module) => module.calls),
    messageHandler: finder(modules, (module) => module.messages),
    query: finder(modules, (module) => module.queries),
    moduleAccount: (module) => accounts.get(module) ?? moduleAccount(module),
    event: (module, name) => events.get(module)?.get(name),
    detailsFields: suppliers(types.details, BASE_DETAILS_SCHEMA, modules, (module) => module.detailsFields),
    receiptFields: suppliers(types.receipt, BASE_RECEIPT_SCHEMA, modules, (module) => module.receiptFields),
  }
}

/** The account of a module: no key hashes to it, so only the module's own rules move its funds. */
export function moduleAccount(module: string): Uint8Array {
  return sha256(concatBytes(utf8('armchain/v1/module-account\0'), utf8(module)))
}

/** Who supplies each field that `schema` has beyond `base`: exactly one module. */
function suppliers<Field>(
  schema: StructSchema,
  base: StructSchema,
  modules: readonly RuntimeModule[],
  part: (module: RuntimeModule) => Readonly<Record<string, Field>> | undefined,
): FieldSupplier<Field>[] {
  return schema.fields.slice(base.fields.length).flatMap(([name, type]) => {
    const found = modules.flatMap((module) => {
      const field = part(module)?.[name]
      return field === undefined ? [] : [{ name, module: module.name, field }]
    })
    // An optional field that nobody supplies is absent.
    if (found.length === 1 || (found.length === 0 && type.type === 'option')) return found
    throw new ArmError('ARM_SCHEME', 'a field that the scheme adds is not supplied by exactly one module', {
      field: name,
      modules: found.map(({ module }) => module),
      hint: 'name a module in the scheme that supplies the field, or leave the field out',
    })
  })
}

function finder<Found>(
  modules: readonly RuntimeModule[],
  part: (module: RuntimeModule) => Readonly<Record<string, Found>> | undefined,
): (module: string, name: string) => Found | undefined {
  const found = new Map<string, Map<string, Found>>()
  for (const module of modules) found.set(module.name, new Map(Object.entries(part(module) ?? {})))
  return (module, name) => found.get(module)?.get(name)
}
