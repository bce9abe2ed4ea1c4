import type { ErrorCode } from '@armchain/core'
import type { TSchema } from 'typebox'
import { COMMON_ERRORS, type RpcMethod, rpcErrorNumber } from './rpc-method.ts'

type OpenRpcError = {
  readonly code: number
  readonly message: string
  readonly data: { readonly code: string | readonly string[] }
}

type OpenRpcParam = {
  readonly name: string
  readonly description: string
  readonly required: boolean
  readonly schema: TSchema
}

export type OpenRpcDocument = {
  readonly openrpc: '1.3.2'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly servers: readonly { readonly name: string; readonly url: string }[]
  readonly methods: readonly {
    readonly name: string
    readonly summary: string
    readonly tags?: readonly { readonly name: string }[]
    readonly paramStructure: 'either'
    readonly params: readonly OpenRpcParam[]
    readonly result: { readonly name: string; readonly schema: TSchema }
    readonly errors: readonly OpenRpcError[]
  }[]
  readonly components: { readonly errors: Readonly<Record<string, OpenRpcError>> }
}

/**
 * OpenRPC 1.3 of `methods`. The errors of one method must differ in their number, so a method has one entry for all
 * refusals of ours, with the codes in its data; `components.errors` has them one by one.
 */
export function openRpcDocument(
  methods: Readonly<Record<string, RpcMethod>>,
  about: { readonly version: string; readonly url: string },
): OpenRpcDocument {
  const codes = new Set<ErrorCode>(COMMON_ERRORS)
  for (const { errors } of Object.values(methods)) for (const code of errors) codes.add(code)
  return {
    openrpc: '1.3.2',
    info: {
      title: 'ArmChain node',
      version: about.version,
      description:
        'Amounts are decimal strings of motes (1 AC = 10^9 motes), bytes are lower-case hex, addresses Bech32m. ' +
        'An error carries its code in data.code and, where there is one, what to do next in data.hint.',
    },
    servers: [{ name: 'this node', url: about.url }],
    methods: Object.entries(methods).map(([name, method]) => ({
      name,
      summary: method.summary,
      ...(method.devOnly ? { tags: [{ name: 'development' }] } : {}),
      paramStructure: 'either',
      params: paramsOf(method),
      result: { name: 'result', schema: method.result },
      errors: errorsOf(method),
    })),
    components: {
      errors: Object.fromEntries(
        [...codes].map((code) => [code, { code: rpcErrorNumber(code), message: code, data: { code } }]),
      ),
    },
  }
}

function paramsOf(method: RpcMethod): OpenRpcParam[] {
  const required = new Set<string>(method.params.required)
  return Object.entries(method.params.properties).map(([name, schema]) => ({
    name,
    description: 'description' in schema && typeof schema.description === 'string' ? schema.description : name,
    required: required.has(name),
    schema,
  }))
}

function errorsOf(method: RpcMethod): OpenRpcError[] {
  if (method.errors.length === 0) return []
  return [{ code: rpcErrorNumber('ARM_NOT_FOUND'), message: 'Refused', data: { code: method.errors } }]
}
