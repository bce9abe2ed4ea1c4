// Not `typebox/compile`, which loads a hundred modules more for conversions that are not used.
import { Compile, type Validator } from 'typebox/schema'
import type { RpcMethod } from './rpc-method.ts'

/** What is wrong with named params, in one line for people, or nothing. */
export type ParamsCheck = (params: object) => string | undefined

const KEY_LENGTH_SHOWN = 40

/** The validator is compiled at the first call, so that starting a node does not pay for methods nobody calls. */
export function paramsCheck(method: RpcMethod): ParamsCheck {
  const names = Object.keys(method.params.properties)
  let validator: Validator | undefined
  return (params) => {
    const unknown = Object.keys(params).find((key) => !names.includes(key))
    if (unknown !== undefined) return `unknown param ${JSON.stringify(unknown.slice(0, KEY_LENGTH_SHOWN))}`
    validator ??= Compile(method.params)
    return validator.Check(params) ? undefined : firstProblem(validator, params)
  }
}

function firstProblem(validator: Validator, params: object): string {
  const [, [error]] = validator.Errors(params)
  if (!error) return 'params do not fit the schema'
  const path = error.instancePath.slice(1).replaceAll('/', '.')
  return path === '' ? `params ${error.message}` : `${path} ${error.message}`
}
