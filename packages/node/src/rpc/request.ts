import { isUtf8 } from 'node:buffer'
import { toHex } from '@armchain/core'
import { RPC_DEPTH_MAX, RPC_DEPTH_SCAN_BYTES, type RpcLimits } from '../limits.ts'
import type { SubmitResult } from './submit.ts'
import { errorText, idText, isRpcId, type RpcFailure, type RpcId } from './wire.ts'

/** Reading requests and putting answers together: the parts of the processor that keep no state. */

/** `undefined`: nothing is to be answered, as there were only notifications. */
export type AnswerText = string | undefined

/** A call as it came: nothing about it is known yet. */
export type Call = {
  readonly jsonrpc?: unknown
  readonly id?: unknown
  readonly method?: unknown
  readonly params?: unknown
}

export const SEND = 'arm_sendTransaction'
const NAME_LENGTH_SHOWN = 64
const QUOTE = 0x22
const BACKSLASH = 0x5c

export const PARSE: RpcFailure = {
  code: 'ARM_RPC_PARSE',
  message: 'the request is not JSON in UTF-8 of a sane depth',
  hint: 'send one JSON-RPC 2.0 object, or an array of them',
}
export const BUSY: RpcFailure = {
  code: 'ARM_RPC_BUSY',
  message: 'the node is answering as many requests as it takes on',
  hint: 'try again in a moment, with fewer requests at a time',
}
export const NOT_HEX: RpcFailure = { code: 'ARM_HEX', message: 'raw is not hex text of whole bytes' }

/** `undefined` for what is not JSON in UTF-8; JSON text itself never means undefined. */
export function parse(body: Uint8Array | string): unknown {
  try {
    if (typeof body === 'string') return JSON.parse(body)
    if (!isUtf8(body) || (body.length > RPC_DEPTH_SCAN_BYTES && isTooDeep(body))) return undefined
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  } catch {
    return undefined
  }
}

/** Parsing megabytes of `[` takes a second; counting brackets outside strings takes milliseconds. */
function isTooDeep(body: Uint8Array): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < body.length; i++) {
    const byte = body[i]
    if (inString) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    // 0x5b and 0x7b open, 0x5d and 0x7d close.
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > RPC_DEPTH_MAX * 2) return true
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return false
}

/** The hex of a well-formed arm_sendTransaction call; anything else goes the general way, which says what is wrong. */
export function rawOf(request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null) return undefined
  const { jsonrpc, id, method, params } = request as Call
  if (method !== SEND || jsonrpc !== '2.0' || typeof params !== 'object' || params === null) return undefined
  if (id !== undefined && !isRpcId(id)) return undefined
  if (Array.isArray(params)) return params.length === 1 && typeof params[0] === 'string' ? params[0] : undefined
  const { raw } = params as { readonly raw?: unknown }
  return typeof raw === 'string' && Object.keys(params).length === 1 ? raw : undefined
}

export function requestProblem(request: unknown): string | undefined {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return 'a request is a JSON object'
  const { jsonrpc, id, method } = request as Call
  if (jsonrpc !== '2.0') return 'jsonrpc is not "2.0"'
  if (typeof method !== 'string') return 'method is not a string'
  if (id !== undefined && !isRpcId(id)) return 'id is not null, a short string, or a number that JSON carries exactly'
  return undefined
}

export function knownId(request: unknown): RpcId {
  if (typeof request !== 'object' || request === null) return null
  const { id } = request as Call
  return isRpcId(id) ? id : null
}

export function submitText(id: RpcId, result: SubmitResult): string {
  if (result.ok) return `{"jsonrpc":"2.0","id":${idText(id)},"result":{"txId":"${toHex(result.id)}"}}`
  return errorText(id, submitFailure(result))
}

export function submitFailure({ code, message, data }: Extract<SubmitResult, { ok: false }>): RpcFailure {
  if (data === undefined) return { code, message }
  const { hint, ...rest } = data
  return { code, message, data: rest, ...(typeof hint === 'string' ? { hint } : {}) }
}

export function arrayText(answers: readonly AnswerText[]): AnswerText {
  let text = ''
  for (const answer of answers) if (answer !== undefined) text += text === '' ? `[${answer}` : `,${answer}`
  return text === '' ? undefined : `${text}]`
}

/**
 * What one batch may take: bytes of its answer, and time of its calls together. Once either is spent, what has not begun
 * is refused without being carried out.
 */
export class BatchBudget {
  readonly #limits: Pick<RpcLimits, 'batchAnswerBytes' | 'batchWorkMs'>
  #bytes = 0
  #workMs = 0

  constructor(limits: Pick<RpcLimits, 'batchAnswerBytes' | 'batchWorkMs'>) {
    this.#limits = limits
  }

  readonly spend = (ms: number): void => {
    this.#workMs += ms
  }

  /** Why nothing more is to be begun. */
  get failure(): RpcFailure | undefined {
    const { batchAnswerBytes, batchWorkMs } = this.#limits
    if (this.#bytes > batchAnswerBytes) return answerTooLarge(batchAnswerBytes)
    return this.#workMs > batchWorkMs ? tooMuchWork(batchWorkMs) : undefined
  }

  /** The answer, or the refusal that takes its place where there is no room for it; the first one always has room. */
  take(answer: AnswerText, request: unknown): AnswerText {
    if (answer === undefined) return undefined
    const { batchAnswerBytes } = this.#limits
    const first = this.#bytes === 0
    this.#bytes += answer.length
    return first || this.#bytes <= batchAnswerBytes
      ? answer
      : errorText(knownId(request), answerTooLarge(batchAnswerBytes))
  }
}

function tooMuchWork(limitMs: number): RpcFailure {
  return {
    code: 'ARM_RPC_TOO_LARGE',
    message: `the calls of the batch have taken ${limitMs} ms of work`,
    data: { limitMs },
    hint: 'ask for less in one request',
  }
}

export function answerTooLarge(limitBytes: number): RpcFailure {
  return {
    code: 'ARM_RPC_TOO_LARGE',
    message: `the answer is longer than ${limitBytes} bytes`,
    data: { limitBytes },
    hint: 'ask for less in one request',
  }
}

export function batchTooLong(calls: number, limitCalls: number): RpcFailure {
  return {
    code: 'ARM_RPC_TOO_LARGE',
    message: `the batch has ${calls} calls, at most ${limitCalls} are taken`,
    data: { calls, limitCalls },
    hint: 'send several batches, or POST /submit for many transactions',
  }
}

export function unknownMethod(name: string): RpcFailure {
  const shown = name.slice(0, NAME_LENGTH_SHOWN)
  return {
    code: 'ARM_RPC_METHOD',
    message: `there is no method ${JSON.stringify(shown)}`,
    data: { method: shown },
    hint: 'rpc.discover lists the methods',
  }
}

export function notServed(method: string, devOnly: boolean): RpcFailure {
  if (devOnly)
    return {
      code: 'ARM_DEV_ONLY',
      message: `${method} is answered by development chains only`,
      data: { method },
      hint: 'start one with `npx armchain testnet`',
    }
  return { code: 'ARM_RPC_METHOD', message: `this node does not serve ${method}`, data: { method } }
}
