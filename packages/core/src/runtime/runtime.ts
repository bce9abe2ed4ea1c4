import { concatBytes, utf8 } from '../bytes.ts'
import type { Details } from '../chain/block.ts'
import type { Receipt } from '../chain/receipt.ts'
import { checkScheme, type Scheme, type SchemeTypes } from '../chain/scheme.ts'
import { signingDomain, type Transaction } from '../chain/transaction.ts'
import type { Codec } from '../codec/codec.ts'
import { compile } from '../codec/codec.ts'
import { sha256 } from '../crypto/hash.ts'
import { ArmError } from '../errors.ts'
import { NAME_BYTES_MAX } from '../limits.ts'
import type { CallDefinition, QueryDefinition, RuntimeModule } from './module.ts'

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
  /** In the scheme's order. */
  readonly modules: readonly RuntimeModule[]
  call(module: string, method: string): CallDefinition | undefined
  messageHandler(module: string, method: string): CallDefinition | undefined
  query(module: string, name: string): QueryDefinition | undefined
  /** Account that holds a module's own funds. */
  moduleAccount(module: string): Uint8Array
  event(module: string, name: string): Codec<Readonly<Record<string, unknown>>> | undefined
}

/** Throws `ARM_SCHEME` if the scheme names a module that is not given, or is itself invalid. */
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
  const events = new Map<string, Codec<Readonly<Record<string, unknown>>>>()
  for (const module of modules) {
    for (const [name, schema] of Object.entries(module.events ?? {})) {
      // No receipt could hold it.
      if (utf8(name).length > NAME_BYTES_MAX)
        throw new ArmError('ARM_ARGUMENT', 'the name of an event is too long', { module: module.name, name })
      events.set(`${module.name}/${name}`, compile(schema))
    }
  }
  return {
    scheme,
    types,
    genesisHash,
    txDomain: signingDomain(genesisHash, 'transaction', scheme.version),
    headDomain: signingDomain(genesisHash, 'head', scheme.version),
    transactions: compile(types.transaction),
    details: compile(types.details),
    receipts: compile(types.receipt),
    modules,
    call: finder(modules, (module) => module.calls),
    messageHandler: finder(modules, (module) => module.messages),
    query: finder(modules, (module) => module.queries),
    moduleAccount,
    event: (module, name) => events.get(`${module}/${name}`),
  }
}

/** The account of a module: no key hashes to it, so only the module's own rules move its funds. */
export function moduleAccount(module: string): Uint8Array {
  return sha256(concatBytes(utf8('armchain/v1/module-account\0'), utf8(module)))
}

function finder<Found>(
  modules: readonly RuntimeModule[],
  part: (module: RuntimeModule) => Readonly<Record<string, Found>> | undefined,
): (module: string, name: string) => Found | undefined {
  const found = new Map<string, Map<string, Found>>()
  for (const module of modules) found.set(module.name, new Map(Object.entries(part(module) ?? {})))
  return (module, name) => found.get(module)?.get(name)
}
