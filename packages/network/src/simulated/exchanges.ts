import type { Answer, ExchangeSpec, PeerId } from '../network.ts'
import { networkError } from '../network-error.ts'
import type { Carrier, Frame } from './frame.ts'
import { WAITING_REQUESTS_MAX } from './limits.ts'

/** One node's requests and answers. */
export class Exchanges {
  readonly #carrier: Carrier
  /** Called when a promise of a caller has been settled. */
  readonly #settled: () => void
  readonly #served: Map<string, Served> = new Map()
  readonly #calls: Map<number, Call> = new Map()
  #nextCall = 0

  constructor(carrier: Carrier, settled: () => void) {
    this.#carrier = carrier
    this.#settled = settled
  }

  serve(spec: ExchangeSpec, answer: Answer): void {
    this.#served.set(spec.name, { spec, answer, busy: new Map(), waiting: new Map() })
  }

  request(spec: ExchangeSpec, to: PeerId, query: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const { name: exchange } = spec
    if (query.length > spec.queryBytesMax)
      return Promise.reject(
        networkError('too-large', `a query of ${query.length} bytes is larger than ${exchange} allows`),
      )
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    const call = this.#nextCall++
    const finish = (outcome: Uint8Array | Error): void => {
      if (!this.#calls.delete(call)) return
      signal?.removeEventListener('abort', abort)
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
      this.#settled()
    }
    const abort = (): void => finish(networkError('aborted', `the request on ${exchange} was ended`))
    this.#calls.set(call, { to, answerBytesMax: spec.answerBytesMax, finish })
    if (signal?.aborted) abort()
    else if (!this.#carrier.transmit(to, { kind: 'query', exchange, call, bytes: query }))
      finish(networkError('not-reached', `${to} is not connected`))
    else {
      signal?.addEventListener('abort', abort)
      this.#carrier.after(spec.timeoutMs, () => finish(networkError('timeout', `no answer on ${exchange} in time`)))
    }
    return promise
  }

  receive(from: PeerId, frame: Extract<Frame, { kind: 'query' | 'answer' }>): void {
    if (frame.kind === 'query') return this.#asked(from, frame)
    const call = this.#calls.get(frame.call)
    if (call?.to !== from) return
    const answer = (frame.bytes?.length ?? 0) <= call.answerBytesMax ? frame.bytes : undefined
    call.finish(answer ?? networkError('no-answer', `${from} has no answer`))
  }

  gone(peer: PeerId): void {
    for (const { to, finish } of [...this.#calls.values()])
      if (to === peer) finish(networkError('not-reached', `the connection to ${peer} ended`))
    for (const { busy, waiting } of this.#served.values()) {
      busy.delete(peer)
      waiting.delete(peer)
    }
  }

  #asked(from: PeerId, query: Query): void {
    const served = this.#served.get(query.exchange)
    if (served === undefined || query.bytes.length > served.spec.queryBytesMax) return this.#reply(from, query.call)
    const { busy, waiting, spec } = served
    if ((busy.get(from) ?? 0) < spec.perPeerMax) return this.#answer(served, from, query)
    const queue = waiting.get(from) ?? []
    if (queue.length >= WAITING_REQUESTS_MAX) return this.#reply(from, query.call)
    waiting.set(from, [...queue, query])
  }

  #answer(served: Served, from: PeerId, query: Query): void {
    const { spec, busy, waiting } = served
    busy.set(from, (busy.get(from) ?? 0) + 1)
    let isDone = false
    const done = (bytes: Uint8Array | undefined): void => {
      if (isDone) return
      isDone = true
      this.#reply(from, query.call, bytes !== undefined && bytes.length <= spec.answerBytesMax ? bytes : undefined)
      const left = (busy.get(from) ?? 1) - 1
      if (left > 0) busy.set(from, left)
      else busy.delete(from)
      const next = waiting.get(from)?.shift()
      if (next !== undefined) this.#answer(served, from, next)
    }
    this.#settled()
    this.#carrier.after(spec.timeoutMs, () => done(undefined))
    served.answer(query.bytes, from).then(done, () => done(undefined))
  }

  #reply(to: PeerId, call: number, bytes?: Uint8Array): void {
    this.#carrier.transmit(to, { kind: 'answer', call, bytes })
  }
}

type Query = Extract<Frame, { kind: 'query' }>

type Served = {
  readonly spec: ExchangeSpec
  readonly answer: Answer
  /** By peer: requests that are being answered, and those that wait. */
  readonly busy: Map<PeerId, number>
  readonly waiting: Map<PeerId, Query[]>
}

type Call = {
  readonly to: PeerId
  readonly answerBytesMax: number
  readonly finish: (outcome: Uint8Array | Error) => void
}
