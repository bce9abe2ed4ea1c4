import { concatBytes } from '@armchain/core'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Answer, ExchangeSpec, PeerId } from '../network.ts'
import { type NetworkReason, networkError } from '../network-error.ts'
import type { AdapterParts } from './adapter-parts.ts'
import { PENALTY_MALFORMED, REQUESTS_MAX } from './limits.ts'
import { plainBytes } from './plain-bytes.ts'
import { assertNew } from './spec-checks.ts'

/** First byte of an answer. */
const NO_ANSWER = 0
const ANSWER = 1

/** Streams of one peer beyond those that are answered and those that wait: they are being opened or closed. */
const STREAMS_SPARE = 4

/** What an exchange asks is answered to `perPeerMax` at a time, and as many wait. */
type Turns = { active: number; readonly waiting: (() => void)[] }

/**
 * Requests and answers: a stream for each, which both ends close whatever happens, as half of a stream that is left
 * open counts against the limits of the protocol.
 */
export class Exchanges {
  readonly #node: Libp2p
  readonly #parts: Pick<AdapterParts, 'traffic' | 'blame'>
  readonly #served: Map<string, ExchangeSpec> = new Map()
  readonly #turns: Map<string, Turns> = new Map()
  #requests = 0

  constructor(node: Libp2p, parts: Pick<AdapterParts, 'traffic' | 'blame'>) {
    this.#node = node
    this.#parts = parts
  }

  /** @throws ArmError ARM_ARGUMENT if it is served already. */
  serve(spec: ExchangeSpec, answer: Answer): void {
    const { name, perPeerMax } = spec
    assertNew(this.#served, name)
    this.#served.set(name, spec)
    void this.#node.handle(name, (stream, connection) => this.#answer(spec, answer, stream, connection), {
      maxInboundStreams: 2 * perPeerMax + STREAMS_SPARE,
      maxOutboundStreams: REQUESTS_MAX,
      runOnLimitedConnection: true,
    })
  }

  async request(spec: ExchangeSpec, to: PeerId, query: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const { name, queryBytesMax, answerBytesMax, timeoutMs } = spec
    if (query.length > queryBytesMax)
      throw networkError('too-large', 'larger than the exchange allows', { exchange: name, sizeBytes: query.length })
    if (this.#requests >= REQUESTS_MAX) throw networkError('busy', 'too many requests wait for their answers')
    const timeout = AbortSignal.timeout(timeoutMs)
    const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
    this.#requests++
    let stream: Stream | undefined
    let reason: NetworkReason = 'not-reached'
    try {
      const connection = this.#connection(to)
      if (connection === undefined) throw networkError('not-reached', 'there is no connection')
      stream = await connection.newStream(name, { signal: either, runOnLimitedConnection: true })
      reason = 'no-answer'
      const frames = lpStream(stream, { maxDataLength: answerBytesMax + 1 })
      await frames.write(query, { signal: either })
      this.#parts.traffic.sent(to, query.length)
      const answer = plainBytes((await frames.read({ signal: either })).subarray())
      this.#parts.traffic.received(to, answer.length)
      await stream.close({ signal: either })
      if (answer[0] !== ANSWER) throw networkError('no-answer', 'there is no answer')
      return answer.subarray(1)
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new Error(String(error)))
      if (signal?.aborted === true) reason = 'aborted'
      else if (timeout.aborted) reason = 'timeout'
      throw networkError(reason, 'a request was not answered', { exchange: name, peer: to }, error)
    } finally {
      this.#requests--
    }
  }

  #connection(to: PeerId): Connection | undefined {
    return this.#node
      .getConnections()
      .find(({ remotePeer, status }) => status === 'open' && remotePeer.toString() === to)
  }

  async #answer(spec: ExchangeSpec, answer: Answer, stream: Stream, { remotePeer }: Connection): Promise<void> {
    const from = remotePeer.toString()
    const { queryBytesMax, timeoutMs, answerBytesMax } = spec
    const signal = AbortSignal.timeout(timeoutMs)
    const endTurn = await this.#turn(spec, from, signal)
    try {
      if (endTurn === undefined) throw networkError('busy', 'too many requests of one peer')
      const frames = lpStream(stream, { maxDataLength: queryBytesMax })
      const query = await frames.read({ signal }).catch((error: Error) => {
        if (error.name === 'InvalidDataLengthError') this.#parts.blame(from, PENALTY_MALFORMED, 'a query is too large')
        throw error
      })
      this.#parts.traffic.received(from, query.byteLength)
      const found = await answer(plainBytes(query.subarray()), from)
      const fits = found !== undefined && found.length <= answerBytesMax
      await frames.write(fits ? concatBytes(Uint8Array.of(ANSWER), found) : Uint8Array.of(NO_ANSWER), { signal })
      if (fits) this.#parts.traffic.sent(from, found.length)
      await stream.close({ signal })
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
    } finally {
      endTurn?.()
    }
  }

  /** Resolves to what ends the turn, or to undefined if there are too many before it or it does not come in time. */
  async #turn(
    { name, perPeerMax }: ExchangeSpec,
    from: PeerId,
    signal: AbortSignal,
  ): Promise<(() => void) | undefined> {
    const key = `${name} ${from}`
    const turns = this.#turns.get(key) ?? { active: 0, waiting: [] }
    this.#turns.set(key, turns)
    const end = (): void => {
      const next = turns.waiting.shift()
      if (next !== undefined) return next()
      turns.active--
      if (turns.active === 0) this.#turns.delete(key)
    }
    if (turns.active < perPeerMax) {
      turns.active++
      return end
    }
    if (turns.waiting.length >= perPeerMax) return undefined
    const { promise, resolve } = Promise.withResolvers<(() => void) | undefined>()
    const go = (): void => {
      signal.removeEventListener('abort', giveUp)
      resolve(end)
    }
    const giveUp = (): void => {
      turns.waiting.splice(turns.waiting.indexOf(go), 1)
      resolve(undefined)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    turns.waiting.push(go)
    return promise
  }
}
