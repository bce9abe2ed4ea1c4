/**
 * From the bytes of a request to the text of its answer; knows no sockets. A batch's transactions are decoded in one
 * pass and submitted in one call; other calls of the batch are begun in order and may end in any.
 */
import { performance } from 'node:perf_hooks'
import type { RpcMethod } from '@armchain/client/rpc-schema'
import type { RpcLimits } from '../limits.ts'
import type { Log } from '../log.ts'
import type { RpcMetrics } from '../metrics.ts'
import type { RpcContext } from './handlers.ts'
import { type ParamsReader, paramsReader } from './params.ts'
import {
  AnswerSize,
  type AnswerText,
  answerTooLarge,
  arrayText,
  BUSY,
  batchTooLong,
  type Call,
  knownId,
  NOT_HEX,
  notServed,
  PARSE,
  parse,
  rawOf,
  requestProblem,
  SEND,
  submitText,
  unknownMethod,
} from './request.ts'
import { createSubmitter, type SubmitMany, type SubmitResult, type Submitter, tally } from './submit.ts'
import { errorText, failureOf, type RpcFailure, type RpcId, resultText } from './wire.ts'

export interface RpcProcessor {
  /** Never rejects. `body` is a whole request or batch. */
  process(body: Uint8Array | string, context: RpcContext): Promise<AnswerText>
  /** The next request would be refused with `ARM_RPC_BUSY`. */
  busy(): boolean
  /** Requests being answered. */
  inFlight(): number
  readonly submitter: Submitter
}

/** Handlers by method name, params already checked. */
export type AnyHandler = (params: never, context: RpcContext) => unknown

export type ProcessorOptions = {
  readonly methods: Readonly<Record<string, RpcMethod>>
  readonly handlers: ReadonlyMap<string, AnyHandler>
  readonly submitMany: SubmitMany
  readonly limits: RpcLimits
  readonly metrics: RpcMetrics
  readonly log: Log
}

type Method = {
  readonly name: string
  readonly read: ParamsReader
  readonly devOnly: boolean
  readonly handler: AnyHandler | undefined
}
type Answer = AnswerText | Promise<AnswerText>

class Processor implements RpcProcessor {
  readonly submitter: Submitter
  readonly #options: ProcessorOptions
  readonly #methods: ReadonlyMap<string, Method>
  #inFlight = 0

  constructor(options: ProcessorOptions) {
    const { log, handlers } = options
    this.#options = options
    this.submitter = createSubmitter(options.submitMany, options.metrics, log)
    this.#methods = new Map(
      Object.entries(options.methods).map(([name, method]) => [
        name,
        { name, read: paramsReader(name, method), devOnly: method.devOnly === true, handler: handlers.get(name) },
      ]),
    )
  }

  busy(): boolean {
    return this.#inFlight >= this.#options.limits.inFlightRequests
  }

  inFlight(): number {
    return this.#inFlight
  }

  async process(body: Uint8Array | string, context: RpcContext): Promise<AnswerText> {
    const busy = this.busy()
    this.#inFlight++
    try {
      const request = parse(body)
      if (request === undefined) return this.#refuse(null, PARSE)
      if (!Array.isArray(request))
        return await (busy ? this.#refuse(knownId(request), BUSY) : this.#single(request, context))
      return await this.#batch(request, context, busy)
    } catch (error) {
      this.#options.log.error('a request was not answered', { error })
      return this.#refuse(null, failureOf(error))
    } finally {
      this.#inFlight--
    }
  }

  #single(request: unknown, context: RpcContext): Answer {
    const raw = rawOf(request)
    if (raw === undefined) return this.#call(request, context)
    const { id } = request as Call
    const bytes = this.submitter.writer.fromHex(raw)
    if (bytes === undefined) return this.#rejected(id as RpcId | undefined, SEND, NOT_HEX)
    const startMs = performance.now()
    return this.submitter.submitSoon(bytes).then((result) => {
      this.#countSends(tally([result]), startMs)
      return id === undefined ? undefined : submitText(id as RpcId, result)
    })
  }

  async #batch(requests: readonly unknown[], context: RpcContext, busy: boolean): Promise<AnswerText> {
    const { batchCalls } = this.#options.limits
    if (requests.length === 0) return this.#refuse(null, { code: 'ARM_RPC_REQUEST', message: 'the batch is empty' })
    if (requests.length > batchCalls) return this.#refuse(null, batchTooLong(requests.length, batchCalls))
    if (busy) return arrayText(requests.map((request) => this.#refuse(knownId(request), BUSY)))
    const answers: AnswerText[] = new Array(requests.length)
    const raws: Uint8Array[] = []
    const positions: number[] = []
    const waits: Promise<void>[] = []
    const total = new AnswerSize(this.#options.limits.answerBytes)
    for (let i = 0; i < requests.length; i++) {
      const request = requests[i]
      const raw = rawOf(request)
      if (raw !== undefined) {
        const bytes = this.submitter.writer.fromHex(raw)
        if (bytes === undefined) answers[i] = this.#rejected((request as Call).id as RpcId | undefined, SEND, NOT_HEX)
        else {
          raws.push(bytes)
          positions.push(i)
        }
        continue
      }
      const answer = total.full ? this.#refuseCall(request, total.failure) : this.#call(request, context)
      if (!(answer instanceof Promise)) answers[i] = total.take(answer, request)
      else {
        const put = answer.then((text) => {
          answers[i] = total.take(text, request)
        })
        waits.push(put)
      }
    }
    if (raws.length > 0) await this.#submit(raws, positions, requests, answers)
    if (waits.length > 0) await Promise.all(waits)
    return arrayText(answers)
  }

  async #submit(
    raws: readonly Uint8Array[],
    positions: readonly number[],
    requests: readonly unknown[],
    answers: AnswerText[],
  ): Promise<void> {
    const startMs = performance.now()
    const results = await this.submitter.submitNow(raws)
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i] as number
      const { id } = requests[position] as Call
      if (id !== undefined) answers[position] = submitText(id as RpcId, results[i] as SubmitResult)
    }
    this.#countSends(tally(results), startMs)
  }

  /** One call of any kind; never throws. */
  #call(request: unknown, context: RpcContext): Answer {
    const problem = requestProblem(request)
    if (problem !== undefined) return this.#refuse(knownId(request), { code: 'ARM_RPC_REQUEST', message: problem })
    const { id, method: name, params } = request as { id?: RpcId; method: string; params?: unknown }
    const method = this.#methods.get(name)
    if (!method) return this.#rejected(id, 'unknown', unknownMethod(name))
    const checked = method.read(params)
    if (!checked.ok) return this.#rejected(id, name, checked.failure)
    if (!method.handler) return this.#rejected(id, name, notServed(name, method.devOnly))
    const startMs = performance.now()
    try {
      const result = method.handler(checked.value as never, context)
      if (!(result instanceof Promise)) return this.#answered(id, name, result, startMs)
      return result.then(
        (value) => this.#answered(id, name, value, startMs),
        (error: unknown) => this.#failed(id, name, error, startMs),
      )
    } catch (error) {
      return this.#failed(id, name, error, startMs)
    }
  }

  #answered(id: RpcId | undefined, name: string, result: unknown, startMs: number): AnswerText {
    try {
      const json = JSON.stringify(result) ?? 'null'
      if (json.length > this.#options.limits.answerBytes)
        return this.#rejected(id, name, answerTooLarge(this.#options.limits.answerBytes))
      this.#options.metrics.answered(name, 'ok', 1, (performance.now() - startMs) / 1000)
      return id === undefined ? undefined : resultText(id, json)
    } catch (error) {
      return this.#failed(id, name, error, startMs)
    }
  }

  #failed(id: RpcId | undefined, name: string, error: unknown, startMs: number): AnswerText {
    const failure = failureOf(error)
    if (failure.code === 'ARM_RPC_INTERNAL') this.#options.log.error('an RPC handler failed', { method: name, error })
    this.#options.metrics.answered(name, failure.code, 1, (performance.now() - startMs) / 1000)
    return id === undefined ? undefined : errorText(id, failure)
  }

  #rejected(id: RpcId | undefined, name: string, failure: RpcFailure): AnswerText {
    this.#options.metrics.answered(name, failure.code, 1, 0)
    return id === undefined ? undefined : errorText(id, failure)
  }

  /** Refuses what may not even be a call, so it is answered even without an id. */
  #refuse(id: RpcId, failure: RpcFailure): string {
    this.#options.metrics.answered('unknown', failure.code, 1, 0)
    return errorText(id, failure)
  }

  #refuseCall(request: unknown, failure: RpcFailure): AnswerText {
    return requestProblem(request) === undefined && (request as Call).id === undefined
      ? undefined
      : this.#refuse(knownId(request), failure)
  }

  #countSends(outcomes: ReadonlyMap<string, number>, startMs: number): void {
    const seconds = (performance.now() - startMs) / 1000
    for (const [outcome, count] of outcomes) this.#options.metrics.answered(SEND, outcome, count, seconds)
  }
}

export function createProcessor(options: ProcessorOptions): RpcProcessor {
  return new Processor(options)
}
