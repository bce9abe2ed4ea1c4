import type { Subscriber } from './subscriptions.ts'
import type { ConnectionLoad } from './wait-limit.ts'

/** One HTTP request, or one WebSocket with all its requests. Its signal is made only if a handler asks: most calls never wait. */
export class RequestContext {
  readonly subscriber: Subscriber | undefined
  readonly load: ConnectionLoad
  readonly #onRoom: () => void
  #working = 0
  #controller: AbortController | undefined
  #reason: Error | undefined

  /** `onRoom` is called when a request of it is no longer worked on: answered, or only waiting. */
  constructor(
    load: ConnectionLoad = { waits: 0, requests: 0 },
    subscriber?: Subscriber,
    onRoom: () => void = () => {},
  ) {
    this.load = load
    this.subscriber = subscriber
    this.#onRoom = onRoom
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Requests that are worked on; those that only wait are not. */
  get working(): number {
    return this.#working
  }

  /** Nobody waits for its answers any more. */
  get aborted(): boolean {
    return this.#reason !== undefined
  }

  changeWorking(change: 1 | -1): void {
    this.#working += change
    if (change < 0) this.#onRoom()
  }

  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
  }
}
