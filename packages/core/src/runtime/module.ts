import type { Receipt } from '../chain/receipt.ts'
import { compile } from '../codec/codec.ts'
import type { StructSchema } from '../codec/schema.ts'
import type { Refusal } from '../errors.ts'
import type { Account, Row } from '../state/account-table.ts'

/**
 * A runtime module: a plug-in to the state transition (requirement A10). Adding one touches no package: pass it to
 * `createRuntime` and name it in the scheme.
 *
 * Rules: deterministic; state only through the context; a refusal takes back every effect of the call but its fee.
 */
export interface RuntimeModule {
  /** Also the prefix of its state keys. */
  readonly name: string
  readonly calls?: Readonly<Record<string, CallDefinition>>
  /** What other shards' messages may invoke. */
  readonly messages?: Readonly<Record<string, CallDefinition>>
  readonly queries?: Readonly<Record<string, QueryDefinition>>
  /** Shape of each event's data. */
  readonly events?: Readonly<Record<string, StructSchema>>
  /** Runs before the messages of each block. */
  readonly beginBlock?: (context: ModuleContext) => void
  /** Runs after the transactions of each block. */
  readonly endBlock?: (context: ModuleContext) => void
  /** Values of fields that a scheme adds to the details of blocks, by the field's name; asked after `endBlock`. */
  readonly detailsFields?: Readonly<Record<string, (context: ReadContext) => unknown>>
  /** Values of fields that a scheme adds to receipts, by the field's name. */
  readonly receiptFields?: Readonly<Record<string, (context: ReadContext, receipt: Receipt) => unknown>>
}

/** A call with its argument schema: decoding happens before `run`, so that bad arguments never reach it. */
export interface CallDefinition {
  readonly schema: StructSchema
  /** Charged before anything else. */
  readonly gas: number
  /** May be a view, as `Codec.view` gives it. */
  decode(args: Uint8Array): unknown
  run(context: CallContext, args: unknown): Refusal | undefined
  /** Motes that the call takes from its sender's balance beside the fee: lets a pool refuse early. */
  spends(args: unknown): bigint
}

export interface QueryDefinition {
  readonly schema: StructSchema
  /** Shape of the result. */
  readonly result: StructSchema
  decode(args: Uint8Array): unknown
  run(context: QueryContext, args: unknown): unknown
}

/** Reads of one module. Each is of one key, so that a block can be run again from a witness of what it reads. */
export interface ReadContext {
  readonly vShard: number
  readonly height: number
  readonly timeMs: number
  /** Version of the rules in force: a module keeps its old rules, so that history replays. */
  readonly rules: number
  row(account: Uint8Array): Row
  account(row: Row): Account
  /** The row of the account that a module's own funds lie on. */
  moduleRow(module: string): Row
  /** This module's entry under an account's row, or under `SHARD_OWNER`. */
  get(owner: Row, key: string): Uint8Array | undefined
}

/** Reads of a query, free of gas. */
export interface QueryContext extends ReadContext {
  /** Keys of this module's entries of an owner that begin with `prefix`, ascending. A call that needs a list keeps one. */
  keys(owner: Row, prefix: string): readonly string[]
}

export interface ModuleContext extends ReadContext {
  id(row: Row): Uint8Array
  set(owner: Row, key: string, value: Uint8Array | undefined): void
  credit(row: Row, motes: bigint): void
  /** False, and nothing taken, if the balance is too low. */
  debit(row: Row, motes: bigint): boolean
  emit(name: string, data: Readonly<Record<string, unknown>>): void
}

export interface CallContext extends ModuleContext {
  readonly sender: Row
  /** Value that came with a message; it stands on `receiver` already. */
  readonly value: bigint
  /** Whom a message is addressed to; for a transaction's call, its sender. */
  readonly receiver: Row
  readonly traceId: Uint8Array
  charge(gas: number): void
  /** Sends a message from `from`, which pays the value and the gas; a refusal leaves nothing behind. */
  send(from: Row, message: SendMessage): Refusal | undefined
}

export type SendMessage = {
  readonly vShard: number
  readonly to: Uint8Array
  readonly value: bigint
  readonly call?: { readonly module: string; readonly method: string; readonly args: Uint8Array }
  /** Gas for the handler at the destination, beyond the delivery itself. */
  readonly callGas?: number
  /** Main-shard blocks until it bounces. */
  readonly expiryBlocks?: number
}

export function defineCall<Args>(definition: {
  readonly args: StructSchema
  readonly gas: number
  readonly run: (context: CallContext, args: Args) => Refusal | undefined
  readonly spends?: (args: Args) => bigint
}): CallDefinition {
  const codec = compile<Args>(definition.args)
  return {
    schema: definition.args,
    gas: definition.gas,
    decode: (args) => codec.view(args),
    run: (context, args) => definition.run(context, args as Args),
    spends: (args) => definition.spends?.(args as Args) ?? 0n,
  }
}

export function defineQuery<Args, Result>(definition: {
  readonly args: StructSchema
  readonly result: StructSchema
  readonly run: (context: QueryContext, args: Args) => Result
}): QueryDefinition {
  const codec = compile<Args>(definition.args)
  return {
    schema: definition.args,
    result: definition.result,
    decode: (args) => codec.decode(args),
    run: (context, args) => definition.run(context, args as Args),
  }
}
