import { ArmError, type ErrorCode } from '@armchain/core'

/** Longest part of a foreign answer that is quoted in an error. */
const QUOTE_LENGTH = 120

const START_HINT = 'is the testnet running? start it with `npx armchain testnet`'

/** The error object of a JSON-RPC answer as the ArmError that the server refused with. */
export function serverError(error: unknown, method: string): ArmError {
  if (typeof error !== 'object' || error === null)
    return responseError('the error in the answer is not an object', method)
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown }
  const text = typeof message === 'string' ? message : 'no message'
  const details = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {}
  const { code: ours, hint, ...rest } = details
  const known = typeof ours === 'string' && ours.startsWith('ARM_') ? (ours as ErrorCode) : standardCode(code)
  return new ArmError(known, text, { ...rest, method, ...(typeof hint === 'string' ? { hint } : {}) })
}

export function connectError(url: string, cause: unknown): ArmError {
  const reason = rootMessage(cause)
  return new ArmError('ARM_RPC_CONNECT', `cannot reach ${url}: ${reason}`, { url, hint: START_HINT }, { cause })
}

export function timeoutError(url: string, method: string, timeoutMs: number): ArmError {
  return new ArmError('ARM_RPC_TIMEOUT', `${method} had no answer within ${timeoutMs} ms`, {
    url,
    method,
    timeoutMs,
    hint: 'the node may be busy or gone: ask arm_status, or pass a longer timeoutMs',
  })
}

export function closedError(): ArmError {
  return new ArmError('ARM_RPC_CLOSED', 'the client is closed', { hint: 'create a new client' })
}

/** The answer is not what a node of ours says. */
export function responseError(message: string, method: string, status?: number, body?: string): ArmError {
  return new ArmError('ARM_RPC_RESPONSE', message, {
    method,
    ...(status === undefined ? {} : { status }),
    ...(body === undefined ? {} : { body: body.slice(0, QUOTE_LENGTH) }),
    hint: 'check that the URL is the RPC endpoint of an ArmChain node',
  })
}

function standardCode(code: unknown): ErrorCode {
  switch (code) {
    case -32700:
      return 'ARM_RPC_PARSE'
    case -32600:
      return 'ARM_RPC_REQUEST'
    case -32601:
      return 'ARM_RPC_METHOD'
    case -32602:
      return 'ARM_RPC_PARAMS'
    case -32603:
      return 'ARM_RPC_INTERNAL'
    default:
      return 'ARM_RPC_RESPONSE'
  }
}

/** `fetch` hides the reason, such as ECONNREFUSED, in the cause. */
function rootMessage(error: unknown): string {
  let current = error
  for (let depth = 0; depth < 4 && current instanceof Error && current.cause instanceof Error; depth++)
    current = current.cause
  if (!(current instanceof Error)) return String(current)
  const code = 'code' in current && typeof current.code === 'string' ? current.code : ''
  return current.message || code || current.name
}
