import { paramsCheck, type RpcMethod } from '@armchain/client/rpc-schema'
import { jsonProblem } from './json-guard.ts'
import type { RpcFailure } from './wire.ts'

export type CheckedParams =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly failure: RpcFailure }

/** Reads the params of one method: named or by position, checked by its schema. */
export type ParamsReader = (params: unknown) => CheckedParams

export function paramsReader(name: string, method: RpcMethod): ParamsReader {
  const names = Object.keys(method.params.properties)
  const required = new Set<string>(method.params.required)
  const check = paramsCheck(method)
  return (params) => {
    const named = namedParams(params, names, required)
    if (typeof named === 'string') return invalid(name, names, named)
    const problem = jsonProblem(named) ?? check(named)
    return problem === undefined ? { ok: true, value: named as Record<string, unknown> } : invalid(name, names, problem)
  }
}

function namedParams(params: unknown, names: readonly string[], required: ReadonlySet<string>): object | string {
  if (params === undefined) return {}
  if (typeof params !== 'object' || params === null) return 'params are neither an object nor an array'
  if (!Array.isArray(params)) return params
  if (params.length > names.length) return `${params.length} params by position, at most ${names.length} are known`
  const named: Record<string, unknown> = {}
  for (const [i, value] of params.entries()) {
    const name = names[i] as string
    // By position, null is the only way to leave out what is optional.
    if (value !== null || required.has(name)) named[name] = value
  }
  return named
}

function invalid(method: string, names: readonly string[], message: string): CheckedParams {
  const hint =
    names.length === 0 ? `${method} takes no params` : `${method} takes ${names.join(', ')}; see rpc.discover`
  return { ok: false, failure: { code: 'ARM_RPC_PARAMS', message, data: { method }, hint } }
}
