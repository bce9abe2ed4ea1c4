import { type Event, type Runtime, type Schema, toHex } from '@armchain/core'

/** What subscriptions know an address by: its vShard and its account. */
export function accountKey(account: Uint8Array, vShard: number): string {
  return `${vShard}:${toHex(account)}`
}

/**
 * Account ids that an event may name: all its fields of 32 bytes, whatever the module calls them. One that is no account
 * matches no address.
 */
export function accountsInEvent(runtime: Runtime, { module, name, data }: Event): Uint8Array[] {
  const codec = runtime.event(module, name)
  const found: Uint8Array[] = []
  if (codec !== undefined) collect(codec.schema, codec.decode(data), found)
  return found
}

const ACCOUNT_BYTES = 32

function collect(schema: Schema, value: unknown, found: Uint8Array[]): void {
  if (schema.type === 'bytes') {
    if (schema.size === ACCOUNT_BYTES) found.push(value as Uint8Array)
  } else if (schema.type === 'list') for (const item of value as readonly unknown[]) collect(schema.of, item, found)
  else if (schema.type === 'option') {
    if (value !== undefined) collect(schema.of, value, found)
  } else if (schema.type === 'struct')
    for (const [name, field] of schema.fields) collect(field, (value as Record<string, unknown>)[name], found)
}
