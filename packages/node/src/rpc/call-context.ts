import type { CallGate, Lanes } from './call-gate.ts'
import type { RpcContext } from './handlers.ts'
import type { RequestContext } from './request-context.ts'
import type { Subscriber } from './subscriptions.ts'
import type { WaitLimit } from './wait-limit.ts'

/** A request that is worked on, as long as any of its parts is. */
export class Work {
  readonly #onChange: (change: 1 | -1) => void
  #parts = 0

  constructor(onChange: (change: 1 | -1) => void) {
    this.#onChange = onChange
  }

  begin(): void {
    if (this.#parts++ === 0) this.#onChange(1)
  }

  end(): void {
    if (--this.#parts === 0) this.#onChange(-1)
  }
}

export type CallPlace = {
  readonly request: RequestContext
  readonly gate: CallGate
  readonly waits: WaitLimit
  readonly work: Work
  /** Of a batch: its own places, and where the time of its calls is added up. */
  readonly batch?: { readonly lanes: Lanes; readonly spend: (ms: number) => void }
}

/** One call that has a place among the running ones, and gives it back while it only waits. */
export class CallContext implements RpcContext {
  readonly #place: CallPlace
  #sinceShareMs = 0
  #inLane: boolean

  constructor(place: CallPlace) {
    this.#place = place
    this.#inLane = place.batch !== undefined
    place.work.begin()
  }

  get signal(): AbortSignal {
    return this.#place.request.signal
  }

  get subscriber(): Subscriber | undefined {
    return this.#place.request.subscriber
  }

  /** The place is the caller's at once if this returns nothing. */
  enter(): Promise<void> | undefined {
    const { gate, batch } = this.#place
    const entered = gate.enter()
    if (batch === undefined) return entered
    if (entered === undefined) this.#sinceShareMs = gate.shareMs
    return entered?.then(() => {
      this.#sinceShareMs = gate.shareMs
    })
  }

  readonly wait = async <Value>(awaited: Promise<Value>): Promise<Value> => {
    const { request, waits, work } = this.#place
    // Handled also where nobody comes to await it.
    awaited.catch(() => undefined)
    waits.begin(request.load)
    this.#leave()
    work.end()
    try {
      return await awaited
    } finally {
      waits.end(request.load)
      work.begin()
      await this.enter()
    }
  }

  end(): void {
    this.#leave()
    this.#place.work.end()
  }

  #leave(): void {
    const { gate, batch } = this.#place
    batch?.spend(gate.shareMs - this.#sinceShareMs)
    gate.leave()
    // After a wait the batch has gone on without this call.
    if (this.#inLane) batch?.lanes.give()
    this.#inLane = false
  }
}
