import { performance } from 'node:perf_hooks'

/**
 * Shares the main thread out among calls: a few run at a time, and once a turn of the event loop has been used up, the
 * next call begins only in a later one, after sockets have been served. First come, first served.
 */
export class CallGate {
  readonly #runningMax: number
  readonly #turnMs: number
  readonly #queue: (() => void)[] = []
  #running = 0
  #turnEndMs: number | undefined
  #shareMs = 0
  #sharedAtMs = 0

  constructor({ runningCalls, turnMs }: { readonly runningCalls: number; readonly turnMs: number }) {
    this.#runningMax = runningCalls
    this.#turnMs = turnMs
  }

  /** Calls that wait for a place. */
  get waiting(): number {
    return this.#queue.length
  }

  /** Takes a place: at once if it returns nothing, else when the promise resolves. `leave` gives it back. */
  enter(): Promise<void> | undefined {
    if (this.#queue.length === 0 && this.#hasRoom()) {
      this.#change(1)
      return undefined
    }
    return new Promise((resolve) => this.#queue.push(resolve))
  }

  leave(): void {
    this.#change(-1)
    this.#admit()
  }

  /**
   * Time that a call would have taken which had run all along, each moment divided among those that ran: the difference
   * between its end and its beginning is a call's part of the work, however busy the node was with others.
   */
  get shareMs(): number {
    this.#change(0)
    return this.#shareMs
  }

  #change(by: 1 | 0 | -1): void {
    const nowMs = performance.now()
    if (this.#running > 0) this.#shareMs += (nowMs - this.#sharedAtMs) / this.#running
    this.#sharedAtMs = nowMs
    this.#running += by
  }

  #admit(): void {
    while (this.#queue.length > 0 && this.#hasRoom()) {
      this.#change(1)
      this.#queue.shift()?.()
    }
  }

  #hasRoom(): boolean {
    if (this.#running >= this.#runningMax) return false
    if (this.#turnEndMs !== undefined) return performance.now() < this.#turnEndMs
    this.#turnEndMs = performance.now() + this.#turnMs
    setImmediate(() => {
      this.#turnEndMs = undefined
      this.#admit()
    })
    return true
  }
}

/** Places of one batch among the running calls; only the batch itself waits for them. */
export class Lanes {
  #free: number
  #wake: (() => void) | undefined

  constructor(count: number) {
    this.#free = count
  }

  take(): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--
      return undefined
    }
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  give(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake === undefined) this.#free++
    else wake()
  }
}
