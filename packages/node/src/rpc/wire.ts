import { rpcErrorNumber } from '@armchain/client/rpc-schema'
import { ArmError, type ErrorCode, isArmError, toHex } from '@armchain/core'
import { RPC_ID_LENGTH_MAX } from '../limits.ts'

/** JSON-RPC 2.0 on the wire: ids, and answers as text. Text is put together by hand, as this is the hot path. */

export type RpcId = string | number | null

export type RpcFailure = {
  readonly code: ErrorCode
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly hint?: string
}

/** Numbers that JSON text does not carry exactly could not be matched by the client. */
export function isRpcId(id: unknown): id is RpcId {
  if (typeof id === 'number') return Number.isFinite(id) && Math.abs(id) <= Number.MAX_SAFE_INTEGER
  if (typeof id === 'string') return id.length <= RPC_ID_LENGTH_MAX
  return id === null
}

export function idText(id: RpcId): string {
  return typeof id === 'number' ? String(id) : JSON.stringify(id)
}

export function resultText(id: RpcId, json: string): string {
  return `{"jsonrpc":"2.0","id":${idText(id)},"result":${json}}`
}

export function errorText(id: RpcId, failure: RpcFailure): string {
  return `{"jsonrpc":"2.0","id":${idText(id)},"error":${errorObjectText(failure)}}`
}

export function errorObjectText({ code, message, data, hint }: RpcFailure): string {
  const text = `{"code":${rpcErrorNumber(code)},"message":${JSON.stringify(message)},"data":`
  if (data === undefined && hint === undefined) return `${text}{"code":"${code}"}}`
  return `${text}${dataText({ ...data, code, ...(hint === undefined ? {} : { hint }) }, code)}}`
}

/** What the caller is told of an error: ours as it is, anything else only that there was one. */
export function failureOf(error: unknown): RpcFailure {
  if (!isArmError(error)) return { code: 'ARM_RPC_INTERNAL', message: 'the node failed to answer' }
  const { code, hint } = error
  const prefix = `${code}: `
  const message = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message
  const data = typeof error.data === 'object' && error.data !== null ? error.data : {}
  return { code, message, data, ...(typeof hint === 'string' ? { hint } : {}) }
}

/** As an error to throw where the caller is code. */
export function failureError({ code, message, data, hint }: RpcFailure): ArmError {
  return new ArmError(code, message, { ...data, ...(hint === undefined ? {} : { hint }) })
}

function dataText(data: Readonly<Record<string, unknown>>, code: ErrorCode): string {
  try {
    return JSON.stringify(data, plain)
  } catch {
    // Data that JSON cannot hold, a cycle for instance: the code alone still says what happened.
    return `{"code":"${code}"}`
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return toHex(value)
  return value instanceof Error ? value.name : value
}
