import { RPC_DEPTH_MAX } from '../limits.ts'

/**
 * What is wrong with params beyond what a schema says, or nothing: nesting that would exhaust a recursive reader, and
 * the key that turns an ordinary copy into a change of prototype. Not recursive itself.
 */
export function jsonProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  let level: object[] = [value]
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > RPC_DEPTH_MAX) return `params are nested deeper than ${RPC_DEPTH_MAX} levels`
    const next: object[] = []
    for (const node of level) {
      if (Object.hasOwn(node, '__proto__')) return 'params hold the key __proto__'
      for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
  return undefined
}
