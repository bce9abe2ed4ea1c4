import type { ErrorCode } from '@armchain/core'
import { type TObject, type TProperties, type TSchema, Type } from 'typebox'

export type RpcMethod<Params extends TProperties = TProperties, Result extends TSchema = TSchema> = {
  readonly summary: string
  /** Declared order is the order of by-position params. */
  readonly params: TObject<Params>
  readonly result: Result
  /** Refusals of ours that it may answer, beside those that any call may meet. */
  readonly errors: readonly ErrorCode[]
  /** Answered by development chains only. */
  readonly devOnly?: true
}

/** Codes that any call may be answered with. */
export const COMMON_ERRORS = [
  'ARM_RPC_PARSE',
  'ARM_RPC_REQUEST',
  'ARM_RPC_METHOD',
  'ARM_RPC_PARAMS',
  'ARM_RPC_TOO_LARGE',
  'ARM_RPC_BUSY',
  'ARM_RPC_CLOSED',
  'ARM_RPC_FORBIDDEN',
  'ARM_RPC_INTERNAL',
] as const satisfies readonly ErrorCode[]

/** Number in the JSON-RPC error object: the standard's for what the standard names, -32000 for every other refusal. */
export function rpcErrorNumber(code: ErrorCode): number {
  switch (code) {
    case 'ARM_RPC_PARSE':
      return -32700
    case 'ARM_RPC_REQUEST':
      return -32600
    case 'ARM_RPC_METHOD':
      return -32601
    case 'ARM_RPC_PARAMS':
      return -32602
    case 'ARM_RPC_INTERNAL':
    case 'ARM_INTERNAL':
      return -32603
    default:
      return -32000
  }
}

export function method<Params extends TProperties, Result extends TSchema>(
  summary: string,
  params: Params,
  result: Result,
  errors: readonly ErrorCode[],
): RpcMethod<Params, Result> {
  return { summary, params: Type.Object(params, { additionalProperties: false }), result, errors }
}

export function devMethod<Params extends TProperties, Result extends TSchema>(
  summary: string,
  params: Params,
  result: Result,
  errors: readonly ErrorCode[],
): RpcMethod<Params, Result> {
  return { ...method(summary, params, result, ['ARM_DEV_ONLY', ...errors]), devOnly: true }
}
