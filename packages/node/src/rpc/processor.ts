/**
 * From the bytes of a request to the text of its answer; knows no sockets. A batch's transactions are decoded in one
 * pass and submitted in one call; other calls of the batch are begun in order, a few at a time, and may end in any.
 */
import { performance } from 'node:perf_hooks'
import type { RpcMethod } from '@armchain/client/rpc-schema'
import type { RpcLimits } from '../limits.ts'
import type { Log } from '../log.ts'
import type { RpcMetrics } from '../metrics.ts'
import { CallContext, type CallPlace, Work } from './call-context.ts'
import { CallGate, Lanes } from './call-gate.ts'
import type { RpcContext } from './handlers.ts'
import { type ParamsReader, paramsReader } from './params.ts'
import {
  type AnswerText,
  answerTooLarge,
  arrayText,
  BatchBudget,
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
import type { RequestContext } from './request-context.ts'
import { createSubmitter, type SubmitMany, type SubmitResult, type Submitter, tally } from './submit.ts'
import { WaitLimit } from './wait-limit.ts'
import { errorText, failureOf, type RpcFailure, type RpcId, resultText } from './wire.ts'

export interface RpcProcessor {
  /** Never rejects. `body` is a whole request or batch. */
  process(body: Uint8Array | string, context: RequestContext): Promise<AnswerText>
  /** Answers every call of a request with `ARM_RPC_BUSY` and carries none out. */
  refuse(body: Uint8Array): string
  /** The next request would be refused with `ARM_RPC_BUSY`. */
  busy(): boolean
  /** Requests being worked on; those that only wait for something are not counted. */
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

const GONE: RpcFailure = { code: 'ARM_RPC_CLOSED', message: 'the client has gone, or the node is stopping' }

class Processor implements RpcProcessor {
  readonly submitter: Submitter
  readonly #options: ProcessorOptions
  readonly #methods: ReadonlyMap<string, Method>
  readonly #gate: CallGate
  readonly #waits: WaitLimit
  #inFlight = 0

  constructor(options: ProcessorOptions) {
    const { log, handlers } = options
    this.#options = options
    this.#gate = new CallGate(options.limits)
    this.#waits = new WaitLimit(options.limits)
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

  refuse(body: Uint8Array): string {
    const request = parse(body)
    if (!Array.isArray(request)) return this.#refuse(knownId(request), request === undefined ? PARSE : BUSY)
    if (request.length === 0 || request.length > this.#options.limits.batchCalls) return this.#refuse(null, BUSY)
    return arrayText(request.map((call) => this.#refuse(knownId(call), BUSY))) as string
  }

  async process(body: Uint8Array | string, context: RequestContext): Promise<AnswerText> {
    const busy = this.busy()
    const work = new Work((change) => {
      this.#inFlight += change
      context.changeWorking(change)
    })
    work.begin()
    let answer: Answer
    try {
      const request = parse(body)
      if (request === undefined) answer = this.#refuse(null, PARSE)
      else if (Array.isArray(request)) answer = await this.#batch(request, { context, work, busy })
      else if (busy) answer = this.#refuse(knownId(request), BUSY)
      else answer = this.#single(request, { context, work })
    } catch (error) {
      this.#options.log.error('a request was not answered', { error })
      answer = this.#refuse(null, failureOf(error))
    } finally {
      // From here on only the calls that still run count, and not while they wait.
      work.end()
    }
    return await answer
  }

  #single(request: unknown, { context, work }: { readonly context: RequestContext; readonly work: Work }): Answer {
    const raw = rawOf(request)
    if (raw === undefined) return this.#call(request, { request: context, gate: this.#gate, waits: this.#waits, work })
    const { id } = request as Call
    const bytes = this.submitter.writer.fromHex(raw)
    if (bytes === undefined) return this.#rejected(id as RpcId | undefined, SEND, NOT_HEX)
    const startMs = performance.now()
    work.begin()
    return this.submitter.submitSoon(bytes).then((result) => {
      work.end()
      this.#countSends(tally([result]), startMs)
      return id === undefined ? undefined : submitText(id as RpcId, result)
    })
  }

  /** Resolves to the promise of the answer once all calls have begun. */
  async #batch(
    requests: readonly unknown[],
    { context, work, busy }: { readonly context: RequestContext; readonly work: Work; readonly busy: boolean },
  ): Promise<AnswerText> {
    const { limits } = this.#options
    if (requests.length === 0) return this.#refuse(null, { code: 'ARM_RPC_REQUEST', message: 'the batch is empty' })
    if (requests.length > limits.batchCalls) return this.#refuse(null, batchTooLong(requests.length, limits.batchCalls))
    if (busy) return arrayText(requests.map((request) => this.#refuse(knownId(request), BUSY)))
    const answers: AnswerText[] = new Array(requests.length)
    const { raws, positions, others } = this.#sortOut(requests, answers)
    const sent = raws.length > 0 ? this.#submit(raws, positions, requests, answers) : undefined
    if (others.length > 0) {
      const begun = await this.#runOthers(requests, others, answers, { context, work })
      await sent
      // The calls that still run count for themselves.
      work.end()
      await Promise.all(begun)
      work.begin()
    }
    await sent
    return arrayText(answers)
  }

  /** Decodes the transactions of a batch in one pass; `others` are the positions of all other calls. */
  #sortOut(
    requests: readonly unknown[],
    answers: AnswerText[],
  ): { readonly raws: Uint8Array[]; readonly positions: number[]; readonly others: number[] } {
    const raws: Uint8Array[] = []
    const positions: number[] = []
    const others: number[] = []
    for (let i = 0; i < requests.length; i++) {
      const request = requests[i]
      const raw = rawOf(request)
      if (raw === undefined) {
        others.push(i)
        continue
      }
      const bytes = this.submitter.writer.fromHex(raw)
      if (bytes === undefined) answers[i] = this.#rejected((request as Call).id as RpcId | undefined, SEND, NOT_HEX)
      else {
        raws.push(bytes)
        positions.push(i)
      }
    }
    return { raws, positions, others }
  }

  /** Begins calls in order, a few at a time, within the batch's budget; resolves when the last has begun. */
  async #runOthers(
    requests: readonly unknown[],
    others: readonly number[],
    answers: AnswerText[],
    { context, work }: { readonly context: RequestContext; readonly work: Work },
  ): Promise<Promise<void>[]> {
    const { limits } = this.#options
    const budget = new BatchBudget(limits)
    const lanes = new Lanes(limits.callsPerBatch)
    const place = {
      request: context,
      gate: this.#gate,
      waits: this.#waits,
      work,
      batch: { lanes, spend: budget.spend },
    }
    const begun: Promise<void>[] = []
    for (const i of others) {
      await lanes.take()
      const request = requests[i]
      const failure = context.aborted ? GONE : budget.failure
      if (failure !== undefined) {
        answers[i] = this.#refuseCall(request, failure)
        lanes.give()
        continue
      }
      const answer = this.#call(request, place)
      if (!(answer instanceof Promise)) answers[i] = budget.take(answer, request)
      else {
        const put = answer.then((text) => {
          answers[i] = budget.take(text, request)
        })
        begun.push(put)
      }
    }
    return begun
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

  /** One call of any kind; never throws. Takes the batch's lane with it. */
  #call(request: unknown, place: CallPlace): Answer {
    const problem = requestProblem(request)
    const { id, method: name, params } = (request ?? {}) as { id?: RpcId; method: string; params?: unknown }
    const method = problem === undefined ? this.#methods.get(name) : undefined
    const checked = method?.read(params)
    if (checked?.ok && method?.handler !== undefined) return this.#carryOut(id, method, checked.value, place)
    place.batch?.lanes.give()
    if (problem !== undefined) return this.#refuse(knownId(request), { code: 'ARM_RPC_REQUEST', message: problem })
    if (method === undefined || checked === undefined) return this.#rejected(id, 'unknown', unknownMethod(name))
    return this.#rejected(id, name, checked.ok ? notServed(name, method.devOnly) : checked.failure)
  }

  /** Runs a handler as soon as there is a place for it. */
  #carryOut(id: RpcId | undefined, method: Method, params: unknown, place: CallPlace): Answer {
    const context = new CallContext(place)
    const entered = context.enter()
    return entered === undefined
      ? this.#run(id, method, params, context)
      : entered.then(() => this.#run(id, method, params, context))
  }

  #run(id: RpcId | undefined, { name, handler }: Method, params: unknown, context: CallContext): Answer {
    const startMs = performance.now()
    const answered = (value: unknown): AnswerText => {
      const text = this.#answered(id, name, value, startMs)
      context.end()
      return text
    }
    const failed = (error: unknown): AnswerText => {
      context.end()
      return this.#failed(id, name, error, startMs)
    }
    try {
      const result = (handler as AnyHandler)(params as never, context)
      return result instanceof Promise ? result.then(answered, failed) : answered(result)
    } catch (error) {
      return failed(error)
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
