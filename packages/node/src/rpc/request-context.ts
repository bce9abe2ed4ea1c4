import type { RpcContext } from './handlers.ts'
import type { Subscriber } from './subscriptions.ts'

/** The context of one request or connection. Its signal is made only if a handler asks: most calls never wait. */
export class RequestContext implements RpcContext {
  readonly subscriber?: Subscriber
  #controller: AbortController | undefined
  #reason: Error | undefined

  constructor(subscriber?: Subscriber) {
    if (subscriber) this.subscriber = subscriber
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(reason)
  }
}
